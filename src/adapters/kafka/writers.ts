import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { Writer } from "#domain/topology.ts";
import type { Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { type Batch, batchesOf, isControl, recordsOf } from "./record-batches.ts";
import { createPatientFetcher } from "./records.ts";

type Range = { readonly from: number; readonly until: number };
type Stretch = Omit<Writer, "producerId" | "transactional">;

/** Attribute of a record batch: https://kafka.apache.org/documentation/#recordbatch */
const transactionalBit = 0x10;

/**
 * Reads the headers of the record batches, up to the high watermark, and keeps one entry per producer id. Only batches
 * that reach over an end of the range, and those of formats before 0.11, are decompressed to be counted.
 */
export function createWriters(role: Role, metadata: Metadata, clock: Clock): Pick<KafkaCluster, "writers"> {
  const fetch = createPatientFetcher(role, metadata, clock);

  return {
    async writers(where, from, until) {
      const found = new Map<number, Writer>();
      const isolation = "read-uncommitted";
      let position = from;
      while (position < until) {
        const answer = await fetch({ where, from: position, isolation });
        const next = await tally(found, answer.bytes, { from: position, until });
        if (next === position || next >= answer.highWatermark) break;
        position = next;
      }
      return [...found.values()].sort((a, b) => a.firstOffset - b.firstOffset);
    },
  };
}

/** Adds the fetched batches to what is `found`; returns the offset to go on from. */
export async function tally(found: Map<number, Writer>, bytes: Buffer, range: Range): Promise<number> {
  let next = range.from;
  for (const batch of batchesOf(bytes)) {
    if (next >= range.until) break;
    next = Math.max(next, batch.lastOffset + 1);
    const stretch = isControl(batch) ? undefined : await stretchOf(batch, range);
    if (stretch) add(found, batch, stretch);
  }
  return next;
}

async function stretchOf(batch: Batch, { from, until }: Range): Promise<Stretch | undefined> {
  const { baseOffset, lastOffset, count, maxTimestamp } = batch;
  if (lastOffset < from || (batch.magic === 2 && baseOffset >= until)) return undefined;
  if (batch.magic === 2 && baseOffset >= from && lastOffset < until) {
    if (count === 0) return undefined; // compaction keeps the header of the last batch of a producer
    return { records: count, firstOffset: baseOffset, lastOffset, lastTimestamp: maxTimestamp };
  }
  const records = (await recordsOf(batch)).filter(({ offset }) => offset >= from && offset < until);
  const [first, last] = [records[0], records.at(-1)];
  if (!first || !last) return undefined;
  return {
    records: records.length,
    firstOffset: first.offset,
    lastOffset: last.offset,
    lastTimestamp: records.reduce((newest, { timestamp }) => Math.max(newest, timestamp), first.timestamp),
  };
}

function add(found: Map<number, Writer>, { producerId, attributes }: Batch, stretch: Stretch): void {
  const held = found.get(producerId);
  found.set(producerId, {
    producerId,
    transactional: (held?.transactional ?? false) || (attributes & transactionalBit) !== 0,
    records: (held?.records ?? 0) + stretch.records,
    firstOffset: held?.firstOffset ?? stretch.firstOffset,
    lastOffset: stretch.lastOffset,
    lastTimestamp: Math.max(held?.lastTimestamp ?? stretch.lastTimestamp, stretch.lastTimestamp),
  });
}
