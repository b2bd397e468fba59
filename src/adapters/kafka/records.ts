import { FerryError } from "#domain/errors.ts";
import type { Clock, Isolation, KafkaCluster } from "#domain/ports.ts";
import type { KafkaRecord, TopicPartition } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { byLeader } from "./offsets.ts";
import { type Aborted, batchesOf, createAbortFilter, isControl, recordsOf } from "./record-batches.ts";
import { collect, createBackoff } from "./retry.ts";
import type { Reader } from "./wire.ts";

/** What a leader answered to one fetch. */
export type Fetched = {
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStable: number;
  readonly aborted: readonly Aborted[];
  readonly bytes: Buffer;
  readonly throttled: number;
};
type Question = { readonly where: TopicPartition; readonly from: number; readonly isolation: Isolation };
type Range = { readonly from: number; readonly until: number; readonly max: number };

/** Bytes a fetch asks for; one larger batch comes whole all the same (KIP-74). */
const fetchBytes = 1_048_576;

/** @throws FerryError `E_KAFKA` when the log does not hold the offset. */
export type Fetcher = (question: Question) => Promise<Fetched>;

/** Asks the partition's leader, a moved one again. `E_KAFKA` when the log does not hold the offset. */
function createFetcher(role: Role, metadata: Metadata, clock: Clock): Fetcher {
  async function fetch(question: Question): Promise<Fetched> {
    let answer: Fetched | undefined;
    await collect(
      [question.where],
      async (pending, fail) => {
        for (const leader of (await byLeader(metadata, pending, fail)).keys()) {
          try {
            const node = await metadata.broker(leader, "reads");
            answer = await node.send(fetchRequest(question));
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

/** An answer without records before the end is a quota's doing (KIP-219) or a tail that compaction emptied. */
export function createPatientFetcher(role: Role, metadata: Metadata, clock: Clock): Fetcher {
  const fetch = createFetcher(role, metadata, clock);

  return async (question) => {
    const again = createBackoff(clock);
    let silent = 0;
    for (;;) {
      const answer = await fetch(question);
      if (answer.bytes.length > 0 || question.from >= endOf(question.isolation, answer)) return answer;
      if (answer.throttled === 0) silent += 1;
      if (silent > 1) return answer;
      if (await again()) continue;
      const { topic, partition } = question.where;
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
      while (records.length < max && position < until) {
        const answer = await fetch({ where, from: position, isolation });
        const range = { from: position, until, max: max - records.length };
        const { taken, next } = await decode(answer, isolation, range);
        for (const record of taken) records.push(record);
        if (next === position || next >= endOf(isolation, answer)) break;
        position = next;
      }
      return records;
    },
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

/** Fields by version: KIP-98 (4), KIP-107 (5), KIP-227 (7), KIP-320 (9), KIP-110 for zstd (10), KIP-392 (11). */
function fetchRequest({ where, from, isolation }: Question): Request<Fetched> {
  return {
    key: 1,
    name: "Fetch",
    min: 4,
    max: 11,
    encode(writer, version) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i32(500); // milliseconds a tiered read may take
      writer.i32(0); // answer at once
      writer.i32(fetchBytes);
      writer.i8(isolation === "read-committed" ? 1 : 0);
      if (version >= 7) {
        writer.i32(0); // no fetch session
        writer.i32(-1);
      }
      writer.array([where], ({ topic, partition }) => {
        writer.text(topic);
        writer.array([partition], (id) => {
          writer.i32(id);
          if (version >= 9) writer.i32(-1);
          writer.i64(from);
          if (version >= 5) writer.i64(-1);
          writer.i32(fetchBytes);
        });
      });
      if (version >= 7) writer.array([], () => {});
      if (version >= 11) writer.text("");
    },
    decode: readFetched,
  };
}

function readFetched(reader: Reader, version: number): Fetched {
  reader.throttle();
  const whole = version >= 7 ? reader.i16() : 0;
  if (version >= 7) reader.i32();
  const [partition] = reader
    .array(() => {
      reader.text();
      return reader.array(() => readPartition(reader, version));
    })
    .flat();
  const empty = { highWatermark: -1, lastStable: -1, aborted: [], bytes: Buffer.alloc(0) };
  const found = partition ?? { ...empty, error: whole || code.unknownTopic };
  return { ...found, error: whole || found.error, throttled: reader.throttled() };
}

function readPartition(reader: Reader, version: number): Omit<Fetched, "throttled"> {
  reader.i32();
  const error = reader.i16();
  const highWatermark = reader.i64();
  const lastStable = reader.i64();
  if (version >= 5) reader.i64();
  const aborted = reader.array(() => ({ producerId: reader.i64(), firstOffset: reader.i64() }));
  if (version >= 11) reader.i32();
  return { error, highWatermark, lastStable, aborted, bytes: reader.bytes() ?? Buffer.alloc(0) };
}
