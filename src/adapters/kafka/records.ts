import { FerryError } from "#domain/errors.ts";
import type { Clock, Isolation, KafkaCluster } from "#domain/ports.ts";
import type { KafkaRecord } from "#domain/topology.ts";
import { byLeader } from "./by-leader.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import { createFetches, type Fetched, fetchBytes, type Question } from "./fetches.ts";
import type { Metadata } from "./metadata.ts";
import { batchesOf, createAbortFilter, holdsBatch, isControl, recordsOf } from "./record-batches.ts";
import { collect, createBackoff } from "./retry.ts";

type Range = { readonly from: number; readonly until: number; readonly max: number };

/** A small read's first fetch asks for the size of a producer's batch (`batch.size`), or this much a record. */
const smallestFetch = 16_384;
const bytesPerRecord = 1024;
/** By what it grows when it brought too little. */
const growth = 8;

type Asked = Omit<Question, "bytes"> & { readonly bytes?: number };
type Fetcher = (question: Question) => Promise<Fetched>;

/** Asks the partition's leader, a moved one again. `E_KAFKA` when the log does not hold the offset. */
export function createFetcher(role: Role, metadata: Metadata, clock: Clock): Fetcher {
  const ask = createFetches(metadata);

  async function fetch(question: Question): Promise<Fetched> {
    let answer: Fetched | undefined;
    await collect(
      [question.where],
      async (pending, fail) => {
        for (const leader of (await byLeader(metadata, pending, fail)).keys()) {
          try {
            answer = await ask(leader, question);
          } catch (thrown) {
            if (!isUnreachable(thrown)) throw thrown;
            metadata.forget([question.where.topic]);
            fail(question.where, thrown.message);
          }
        }
        if (!answer || !isPassing(answer.error)) return;
        metadata.forget([question.where.topic]);
        fail(question.where, codeName(answer.error));
        answer = undefined;
      },
      {
        clock,
        what: `Records of the ${role} cluster`,
        name: ({ topic, partition }) => `${topic}-${partition}`,
      },
    );
    if (!answer) throw new FerryError("E_INTERNAL", "Fetch ended without an answer.");
    if (answer.error !== 0) throw refused(question, answer);
    return answer;
  }

  function refused({ where, from }: Question, { error }: Fetched): FerryError {
    const detail = error === code.offsetOutOfRange ? "the log does not hold this offset" : undefined;
    return answerError(role, error, `Fetch of ${where.topic}-${where.partition} at offset ${from}`, detail);
  }

  return fetch;
}

/**
 * An answer without a whole batch before the end is that of a fetch too small for the next batch, a quota's doing
 * (KIP-219), or a tail that compaction emptied. Without `bytes` it asks for `fetchBytes`.
 */
export function createPatientFetcher(
  role: Role,
  metadata: Metadata,
  clock: Clock,
): (asked: Asked) => Promise<Fetched> {
  const fetch = createFetcher(role, metadata, clock);

  return async (asked) => {
    const again = createBackoff(clock);
    let bytes = asked.bytes ?? fetchBytes;
    let silent = 0;
    for (;;) {
      const answer = await fetch({ ...asked, bytes });
      if (holdsBatch(answer.bytes) || asked.from >= endOf(asked.isolation, answer)) return answer;
      if (answer.throttled === 0 && bytes < fetchBytes) {
        bytes = grown(bytes);
        continue;
      }
      if (answer.throttled === 0) silent += 1;
      if (silent > 1) return answer;
      if (await again()) continue;
      const { topic, partition } = asked.where;
      throw new FerryError(
        "E_INCOMPLETE",
        `A quota of the ${role} cluster holds up reads of ${topic}-${partition}.`,
      );
    }
  };
}

export function createRecords(role: Role, metadata: Metadata, clock: Clock): Pick<KafkaCluster, "read"> {
  const fetch = createPatientFetcher(role, metadata, clock);

  return {
    async read(where, from, { max, until = Number.POSITIVE_INFINITY, isolation = "read-committed" }) {
      const records: KafkaRecord[] = [];
      let position = from;
      let bytes = bytesFor(Math.min(max, until - from));
      const few = bytes < fetchBytes;
      while (records.length < max && position < until) {
        const answer = await fetch({ where, from: position, isolation, bytes });
        const range = { from: position, until, max: max - records.length };
        const { taken, next } = await decode(answer, isolation, range);
        for (const record of taken) records.push(few ? detached(record) : record);
        if (next === position || next >= endOf(isolation, answer)) break;
        position = next;
        bytes = grown(bytes);
      }
      return records;
    },
  };
}

function bytesFor(records: number): number {
  return Math.min(fetchBytes, Math.max(smallestFetch, records * bytesPerRecord));
}

function grown(bytes: number): number {
  return Math.min(fetchBytes, bytes * growth);
}

/** A few records must not hold on to an answer of megabytes that many reads shared. */
function detached({ key, value, headers, ...record }: KafkaRecord): KafkaRecord {
  return {
    ...record,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    headers: headers.map(([name, content]) => [name, content && Buffer.from(content)] as const),
  };
}

function endOf(isolation: Isolation, { highWatermark, lastStable }: Fetched): number {
  return isolation === "read-committed" ? lastStable : highWatermark;
}

/** Records inside the range, and the offset to go on from. */
async function decode(
  { bytes, aborted }: Fetched,
  isolation: Isolation,
  { from, until, max }: Range,
): Promise<{ readonly taken: readonly KafkaRecord[]; readonly next: number }> {
  const isAborted = createAbortFilter(isolation === "read-committed" ? aborted : []);
  const taken: KafkaRecord[] = [];
  let next = from;
  for (const batch of batchesOf(bytes)) {
    if (taken.length >= max || next >= until) break;
    const skip = isAborted(batch) || isControl(batch) || batch.lastOffset < from;
    const records = skip ? [] : await recordsOf(batch);
    for (const record of records) {
      if (record.offset >= from && record.offset < until && taken.length < max) taken.push(record);
    }
    next = Math.max(next, batch.lastOffset + 1);
  }
  return { taken, next };
}
