import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const Cluster = z.enum(["source", "target"]);
/** `source` is the self-hosted cluster, `target` is MSK. */
export type Cluster = z.infer<typeof Cluster>;

const place = {
  topic: z.string(),
  partition: z.int().min(0),
  cluster: Cluster,
  /** Milliseconds since the epoch, when the line was written. */
  ts: z.number(),
  key: z.string().nullable(),
};

/** One acknowledged record. The offset is unknown (null) when the broker answered without one. */
export const AckedRecord = z.object({ ...place, id: z.string(), offset: z.int().min(0).nullable() });
export type AckedRecord = z.infer<typeof AckedRecord>;

/** One consumed record; `id` is null when the record is none of ours. */
export const ConsumedRecord = z.object({ ...place, id: z.string().nullable(), offset: z.int().min(0) });
export type ConsumedRecord = z.infer<typeof ConsumedRecord>;

/** Path of the log of acknowledged records of one producer, or of the seeded history (`seed`). */
export function ackedPath(folder: string, producer: string): string {
  return join(folder, `${producer}.acked.jsonl`);
}

/** Path of the log of consumed records of one group. */
export function consumedPath(folder: string, group: string): string {
  return join(folder, `${group}.consumed.jsonl`);
}

/** Appends in one synchronous write: after it returns, the lines survive a SIGKILL of this process. */
export function appendLines(path: string, lines: readonly unknown[]): void {
  if (lines.length === 0) return;
  appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** Reads a log in order; an absent file is an empty log. Throws on a line that is not what it should be. */
export function readLines<T>(path: string, schema: z.ZodType<T>): T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => schema.parse(JSON.parse(line)));
}
