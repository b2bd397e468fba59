import type { Message } from "kafkajs";

/** A record that carries its number: in the value, or in a header where the value is null. */
export type NumberedRecord = {
  readonly id: string;
  readonly partition: number;
  readonly key: string | null;
  readonly message: Message;
};

/** Record `seq` of a producer: every second one with a key, every seventh with a header, every eleventh a tombstone. */
export function numberedRecord(
  producer: string,
  topic: string,
  partitions: number,
  seq: number,
): NumberedRecord {
  const id = `${producer}:${topic}:${seq}`;
  const partition = seq % partitions;
  const key = seq % 2 === 0 ? `k${seq % 40}` : null;
  const bare = seq % 11 === 0;
  const value = bare ? null : JSON.stringify({ id, note: "x".repeat(40 + (seq % 60)) });
  const headers = bare ? { id } : seq % 7 === 0 ? { trace: Buffer.from([0, 255, seq % 256]) } : {};
  return { id, partition, key, message: { key, value, partition, headers } };
}
