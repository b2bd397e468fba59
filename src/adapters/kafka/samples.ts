import { FerryError } from "#domain/errors.ts";
import type { InventoryReads, RecordSample, SampleQuestion } from "#domain/inventory.ts";
import type { Clock } from "#domain/ports.ts";
import { type KafkaRecord, type Known, known, unknown } from "#domain/topology.ts";
import type { Role } from "./errors.ts";
import type { Fetched } from "./fetches.ts";
import type { Metadata } from "./metadata.ts";
import { breathe } from "./pace.ts";
import { type Batch, batchesOf, isControl, recordsOf } from "./record-batches.ts";
import { createFetcher } from "./records.ts";
import { inParallel } from "./retry.ts";
import { orMissingRight } from "./rights-needed.ts";

/** Bits of a batch's attributes: https://kafka.apache.org/documentation/#recordbatch */
const codecBits = 0x07;
const transactionalBit = 0x10;
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];

/** Questions that wait at once; those of one leader share requests. */
const askedAtOnce = 512;
const keysKept = 8;
const keyLetters = 48;

/**
 * One fetch for each question and no more: many share a request, and their size is what the caller says. Read up to the
 * high watermark, so that what open transactions wrote counts, too. A log that does not hold the offset any more, a codec
 * that is not known and a refusal leave one answer unknown.
 */
export function createSamples(role: Role, metadata: Metadata, clock: Clock): Pick<InventoryReads, "samples"> {
  const fetch = createFetcher(role, metadata, clock);

  async function answer({
    topic,
    partition,
    from,
    max,
    bytes,
  }: SampleQuestion): Promise<Known<RecordSample>> {
    try {
      const where = { topic, partition };
      const fetched = await fetch({ where, from, bytes, isolation: "read-uncommitted" });
      const turn = breathe();
      if (turn) await turn;
      return known(await sampleOf(fetched, from, max));
    } catch (thrown) {
      if (!(thrown instanceof FerryError)) throw thrown;
      if (thrown.code === "E_KAFKA_AUTH") return orMissingRight(thrown, `READ on ${topic}`);
      if (thrown.code === "E_KAFKA" || thrown.code === "E_INCOMPLETE") return unknown(thrown.message);
      throw thrown;
    }
  }

  return { samples: (questions) => inParallel(questions, askedAtOnce, answer) };
}

type Tally = {
  records: number;
  bytes: number;
  largestRecord: number;
  largestBatch: number;
  keyed: number;
  withHeaders: number;
  readonly codecs: Set<string>;
  readonly batches: { plain: number; idempotent: number; transactional: number };
  firstTimestamp: number | undefined;
  newestTimestamp: number | undefined;
  readonly keys: string[];
};

/** What the batches of one fetch tell, from this offset on. */
export async function sampleOf(
  { bytes }: Pick<Fetched, "bytes">,
  from: number,
  max: number,
): Promise<RecordSample> {
  const tally: Tally = {
    records: 0,
    bytes: 0,
    largestRecord: 0,
    largestBatch: 0,
    keyed: 0,
    withHeaders: 0,
    codecs: new Set(),
    batches: { plain: 0, idempotent: 0, transactional: 0 },
    firstTimestamp: undefined,
    newestTimestamp: undefined,
    keys: [],
  };
  for (const batch of batchesOf(bytes)) {
    if (tally.records >= max) break;
    if (isControl(batch) || batch.lastOffset < from) continue;
    const records = (await recordsOf(batch)).filter(({ offset }) => offset >= from);
    if (records.length > 0) note(tally, batch, records.slice(0, max - tally.records));
  }
  return { ...tally, codecs: [...tally.codecs].sort() };
}

function note(tally: Tally, batch: Batch, records: readonly KafkaRecord[]): void {
  const codec = batch.attributes & codecBits;
  tally.codecs.add(codecs[codec] ?? `codec ${codec}`);
  tally.largestBatch = Math.max(tally.largestBatch, batch.bytes);
  if (batch.producerId < 0) tally.batches.plain += 1;
  else tally.batches.idempotent += 1;
  if (batch.magic === 2 && (batch.attributes & transactionalBit) !== 0) tally.batches.transactional += 1;
  for (const record of records) noteRecord(tally, record);
}

function noteRecord(tally: Tally, record: KafkaRecord): void {
  const { key, headers, timestamp } = record;
  const size = sizeOf(record);
  tally.records += 1;
  tally.bytes += size;
  tally.largestRecord = Math.max(tally.largestRecord, size);
  if (key !== null) tally.keyed += 1;
  if (key !== null && tally.keys.length < keysKept) {
    tally.keys.push(key.subarray(0, keyLetters).toString("utf8"));
  }
  if (headers.length > 0) tally.withHeaders += 1;
  if (timestamp < 0) return;
  tally.firstTimestamp ??= timestamp;
  tally.newestTimestamp = Math.max(tally.newestTimestamp ?? timestamp, timestamp);
}

function sizeOf({ key, value, headers }: KafkaRecord): number {
  const own = (key?.length ?? 0) + (value?.length ?? 0);
  return headers.reduce((sum, [name, content]) => sum + name.length + (content?.length ?? 0), own);
}
