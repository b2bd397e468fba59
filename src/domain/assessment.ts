import { z } from "zod";

/** What was found on the source: inventory, measurements and findings. The report's JSON is exactly this. */

/** A value, or why it is not known. Never zero in place of unknown. */
function knownOf<T extends z.ZodType>(value: T) {
  return z.discriminatedUnion("known", [
    z.object({ known: z.literal(true), value }),
    z.object({ known: z.literal(false), why: z.string() }),
  ]);
}

export const AssessedTopic = z.object({
  name: z.string(),
  internal: z.boolean(),
  partitions: z.int(),
  replicationFactor: z.int(),
  underReplicated: z.int(),
  offline: z.int(),
  compacted: z.boolean(),
  /** Effective settings that differ from Apache's defaults or are set on the topic: key to value and origin. */
  configs: z.record(z.string(), z.object({ value: z.string().nullable(), origin: z.string() })),
  /** End minus start offsets, summed: an upper bound of the records held. */
  offsetsHeld: knownOf(z.number()),
  recordsPerSecond: knownOf(z.number()),
  /** Bytes of key, value and headers, uncompressed, over the newest records. */
  averageRecordBytes: knownOf(z.number()),
  bytesOnDisk: knownOf(z.number()),
});
export type AssessedTopic = z.infer<typeof AssessedTopic>;

export const AssessedGroup = z.object({
  id: z.string(),
  protocolType: z.string(),
  state: z.string(),
  members: z.array(z.object({ clientId: z.string(), host: z.string() })),
  /** Topics with committed offsets. */
  topics: z.array(z.string()),
  /** Records between committed and end offsets, over the partitions with a committed offset. */
  lag: knownOf(z.number()),
});
export type AssessedGroup = z.infer<typeof AssessedGroup>;

export const Finding = z.object({
  code: z.string(),
  severity: z.enum(["blocker", "warning", "info"]),
  state: z.enum(["found", "unknown"]),
  /** What it is about: a topic, a group, the cluster. */
  subject: z.string(),
  /** What was seen, with values. */
  evidence: z.string(),
  remedy: z.string(),
});
export type Finding = z.infer<typeof Finding>;

export const Assessment = z.object({
  migration: z.string(),
  /** ISO 8601. */
  takenAt: z.string(),
  clusterId: z.string(),
  version: knownOf(z.string()),
  brokers: z.array(z.object({ id: z.int(), host: z.string(), rack: z.string().nullable() })),
  brokerConfigs: z.record(z.string(), z.string().nullable()),
  windowMs: z.number(),
  topics: z.array(AssessedTopic),
  groups: z.array(AssessedGroup),
  acls: knownOf(z.number()),
  findings: z.array(Finding),
});
export type Assessment = z.infer<typeof Assessment>;

/** Key of the newest assessment in the store. */
export function assessmentKey(migration: string): string {
  return `assessment:${migration}`;
}

/** Sum of the known values, and how many are not known. */
export function sumKnown(
  values: ReadonlyArray<{ known: true; value: number } | { known: false; why: string }>,
): { readonly sum: number; readonly unknown: number } {
  let sum = 0;
  let missing = 0;
  for (const value of values) {
    if (value.known) sum += value.value;
    else missing += 1;
  }
  return { sum, unknown: missing };
}
