import { createReader } from "./wire.ts";

/** One record of __consumer_offsets that is a commit. */
export type OffsetCommit = {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Milliseconds; the coordinator's clock. */
  readonly committedAt: number;
};

/** First version of a commit's value with compact fields (KIP-848's topic ids). */
const flexibleFrom = 4;

/**
 * Reads a record of __consumer_offsets: OffsetCommitKey (versions 0 and 1) and OffsetCommitValue (0 to 4), as in Kafka's
 * group-coordinator/src/main/resources/common/message. `undefined`: something else, or a tombstone.
 */
export function readOffsetCommit(key: Buffer | null, value: Buffer | null): OffsetCommit | undefined {
  if (key === null || value === null || key.length < 2) return undefined;
  const keyReader = createReader(key);
  if (keyReader.i16() > 1) return undefined; // a group's metadata, or one of the newer records
  const group = keyReader.text();
  const topic = keyReader.text();
  const partition = keyReader.i32();
  const reader = createReader(value);
  const version = reader.i16();
  if (version > flexibleFrom) return undefined;
  reader.i64(); // the offset
  if (version >= 3) reader.i32(); // the leader's epoch
  if (version >= flexibleFrom) reader.compactText();
  else reader.text(); // the client's own words
  return { group, topic, partition, committedAt: reader.i64() };
}

/** The partition of __consumer_offsets that holds a group: Java's hash of its name without its sign (Utils.abs). */
export function partitionOf(group: string, partitions: number): number {
  let hash = 0;
  for (let index = 0; index < group.length; index += 1) hash = (hash * 31 + group.charCodeAt(index)) | 0;
  // Java has no positive number for the smallest one.
  return hash === -0x8000_0000 ? 0 : Math.abs(hash) % partitions;
}
