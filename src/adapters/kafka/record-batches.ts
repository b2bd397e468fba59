import type { KafkaRecord } from "#domain/topology.ts";
import { decompress } from "./codecs.ts";
import { createReader, type Reader } from "./wire.ts";

/** https://kafka.apache.org/documentation/#recordbatch: 61 bytes of header, then the records. */
const batchHeader = 61;
/** Base offset and length: what stands before the part that the length counts. */
const lengthPrefix = 12;
const magicAt = 16;

const logAppendTime = 0x08;
const transactional = 0x10;
const control = 0x20;

export type Aborted = { readonly producerId: number; readonly firstOffset: number };

export type Batch = {
  readonly magic: number;
  readonly attributes: number;
  readonly baseOffset: number;
  /** Kept by compaction, so that a reader knows where to go on even when the last records are gone. */
  readonly lastOffset: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly count: number;
  /** As the log holds it, header included. */
  readonly bytes: number;
  readonly body: Buffer;
};

/** The whole batches of a fetched range, in order. A broker may cut the last one short: it is left out. */
export function* batchesOf(bytes: Buffer): Generator<Batch> {
  let start = 0;
  while (start + lengthPrefix < bytes.length) {
    const end = start + lengthPrefix + bytes.readInt32BE(start + 8);
    if (end > bytes.length) return;
    const piece = bytes.subarray(start, end);
    yield piece.readInt8(magicAt) === 2 ? readBatch(piece) : readOldMessage(piece);
    start = end;
  }
}

/** Whether a fetched range begins with a whole batch. */
export function holdsBatch(bytes: Buffer): boolean {
  return bytes.length > lengthPrefix && lengthPrefix + bytes.readInt32BE(8) <= bytes.length;
}

function readBatch(piece: Buffer): Batch {
  const reader = createReader(piece);
  const baseOffset = reader.i64();
  reader.i32(); // length
  reader.i32(); // leader epoch
  const magic = reader.i8();
  reader.i32(); // CRC: TCP and the broker have checked it
  const attributes = reader.i16();
  const lastOffset = baseOffset + reader.i32();
  const baseTimestamp = reader.i64();
  const maxTimestamp = reader.i64();
  const producerId = reader.i64();
  reader.i16(); // producer epoch
  reader.i32(); // base sequence
  const count = reader.i32();
  return {
    magic,
    attributes,
    baseOffset,
    lastOffset,
    baseTimestamp,
    maxTimestamp,
    producerId,
    count,
    bytes: piece.length,
    body: piece.subarray(batchHeader),
  };
}

/** Message formats 0 and 1 (before 0.11) have one header per message; its offset is the last one inside. */
function readOldMessage(piece: Buffer): Batch {
  const reader = createReader(piece);
  const lastOffset = reader.i64();
  reader.i32();
  reader.i32();
  const magic = reader.i8();
  const attributes = reader.i8();
  const timestamp = magic === 1 ? reader.i64() : -1;
  return {
    magic,
    attributes,
    baseOffset: lastOffset,
    lastOffset,
    baseTimestamp: timestamp,
    maxTimestamp: timestamp,
    producerId: -1,
    count: 1,
    bytes: piece.length,
    body: piece.subarray(reader.position()),
  };
}

/**
 * Tells for each batch, in order, whether a read-committed reader leaves it out. `aborted` is the broker's list
 * for the fetched range; a transaction ends at its producer's next control record.
 */
export function createAbortFilter(aborted: readonly Aborted[]): (batch: Batch) => boolean {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const open = new Set<number>();
  let next = 0;
  return (batch) => {
    for (; next < waiting.length; next += 1) {
      const entry = waiting[next];
      if (!entry || entry.firstOffset > batch.lastOffset) break;
      open.add(entry.producerId);
    }
    if (isControl(batch)) {
      open.delete(batch.producerId);
      return true;
    }
    return (batch.attributes & transactional) !== 0 && open.has(batch.producerId);
  };
}

export function isControl(batch: Batch): boolean {
  return batch.magic === 2 && (batch.attributes & control) !== 0;
}

/** The data records of one batch. Keys, values and headers are views into the answer or the decompressed batch. */
export async function recordsOf(batch: Batch): Promise<readonly KafkaRecord[]> {
  if (batch.magic < 2) return oldRecords(batch);
  const reader = createReader(await decompress(batch.attributes, batch.body));
  const fixed = (batch.attributes & logAppendTime) !== 0 ? batch.maxTimestamp : undefined;
  const records: KafkaRecord[] = [];
  for (let index = 0; index < batch.count; index += 1) records.push(readRecord(reader, batch, fixed));
  return records;
}

function readRecord(reader: Reader, batch: Batch, fixedTimestamp: number | undefined): KafkaRecord {
  const length = reader.varint();
  const end = reader.position() + length;
  reader.i8(); // attributes: unused
  const timestamp = batch.baseTimestamp + reader.varint();
  const offset = batch.baseOffset + reader.varint();
  const key = blob(reader);
  const value = blob(reader);
  const headers: Array<readonly [string, Buffer | null]> = [];
  for (let left = reader.varint(); left > 0; left -= 1) {
    const name = reader.take(reader.varint()).toString("utf8");
    headers.push([name, blob(reader)]);
  }
  reader.take(end - reader.position());
  return { offset, timestamp: fixedTimestamp ?? timestamp, key, value, headers };
}

function blob(reader: Reader): Buffer | null {
  const length = reader.varint();
  return length < 0 ? null : reader.take(length);
}

async function oldRecords(batch: Batch): Promise<readonly KafkaRecord[]> {
  const reader = createReader(batch.body);
  const key = reader.bytes();
  const value = reader.bytes();
  const compressed = (batch.attributes & 0x07) !== 0;
  if (!compressed || value === null) {
    return [{ offset: batch.lastOffset, timestamp: batch.baseTimestamp, key, value, headers: [] }];
  }
  const inner = [...batchesOf(await decompress(batch.attributes, value))];
  // Format 1 counts offsets inside from 0; the wrapper has the last one.
  const last = inner.at(-1)?.lastOffset ?? 0;
  const shift = batch.magic === 1 ? batch.lastOffset - last : 0;
  const fixed = (batch.attributes & logAppendTime) !== 0 ? batch.baseTimestamp : undefined;
  const records = await Promise.all(inner.map(oldRecords));
  return records.flat().map((record) => ({
    ...record,
    offset: record.offset + shift,
    timestamp: fixed ?? record.timestamp,
  }));
}
