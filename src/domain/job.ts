import { z } from "zod";

/** Everything that can be asked of a worker. What Redis hands back is parsed again: it may be from last week's release. */

const from = {
  migration: z.string(),
  /** Who asked: a Slack user id, or "schedule". */
  by: z.string(),
};

const Side = z.enum(["consumers", "producers"]);

export const Job = z.discriminatedUnion("name", [
  z.object({ name: z.literal("assess"), ...from }),
  /** Compares the last two assessments, from memory. */
  z.object({ name: z.literal("assess-diff"), ...from }),
  /** `part`: not a new plan, but what others need of the one there is. */
  z.object({ name: z.literal("plan"), ...from, part: z.enum(["iam", "terraform"]).optional() }),
  /** How the plan's questions stand; `given`, by question: what is answered. */
  z.object({
    name: z.literal("answers"),
    ...from,
    given: z.record(z.string(), z.string()).optional(),
  }),
  /** `adopt`: fingerprint of the differences with which an existing cluster is to be used. */
  z.object({ name: z.literal("provision"), ...from, adopt: z.string().optional() }),
  z.object({ name: z.literal("network"), ...from }),
  z.object({
    name: z.literal("access"),
    ...from,
    action: z.enum(["show", "diff", "copy", "withdraw"]),
    dryRun: z.boolean().optional(),
  }),
  z.object({
    name: z.literal("replicate"),
    ...from,
    action: z.enum(["start", "pause", "resume", "stop", "throttle"]),
    /** For `throttle`; absent: no limit any more. */
    bytesPerSecond: z.int().positive().optional(),
  }),
  z.object({
    name: z.literal("lag"),
    ...from,
    /** `evidence` of a wave, or `acknowledge` for a topic; else the lag of a topic or group. */
    action: z.enum(["evidence", "acknowledge"]).optional(),
    subject: z.string().optional(),
  }),
  z.object({ name: z.literal("status"), ...from }),
  z.object({ name: z.literal("verify"), ...from, wave: z.string().optional() }),
  z.object({
    name: z.literal("cutover"),
    ...from,
    side: Side,
    wave: z.string().optional(),
    dryRun: z.boolean().default(false),
    /** Not before: "22:30" or ISO 8601. */
    at: z.string().optional(),
    /** How long the request waits for its quorum, ms; `approvals.expires` when absent. */
    expires: z.number().positive().optional(),
  }),
  z.object({
    name: z.literal("rollback"),
    ...from,
    wave: z.string().optional(),
    dryRun: z.boolean().default(false),
    at: z.string().optional(),
    expires: z.number().positive().optional(),
  }),
  z.object({
    name: z.literal("cleanup"),
    ...from,
    wave: z.string().optional(),
    dryRun: z.boolean().optional(),
  }),
  z.object({
    name: z.literal("features"),
    ...from,
    choice: z.string().optional(),
    dryRun: z.boolean().optional(),
  }),
  z.object({ name: z.literal("digest"), ...from }),
  z.object({
    name: z.literal("schedule-digest"),
    ...from,
    cron: z.string().optional(),
    timezone: z.string().optional(),
  }),
  z.object({
    name: z.literal("audit"),
    ...from,
    wave: z.string().optional(),
    export: z.boolean().default(false),
  }),
  z.object({ name: z.literal("cancel"), ...from, request: z.string() }),
  /** A named person's own approval in an emergency. */
  z.object({ name: z.literal("break-glass"), ...from, request: z.string(), reason: z.string() }),
  /** Reads an approval request's reactions back from Slack and decides. */
  z.object({ name: z.literal("review"), ...from, request: z.string() }),
  /** Carries out an approved request, once. */
  z.object({ name: z.literal("execute"), ...from, request: z.string() }),
  /** Somebody (`by`) opened the bot's Home tab. */
  z.object({ name: z.literal("home"), ...from }),
  /** Periodic: reviews open requests, samples lag, watches for alarms. */
  z.object({ name: z.literal("watch"), ...from }),
]);
export type Job = z.infer<typeof Job>;
export type JobName = Job["name"];
export type JobOf<N extends JobName> = Extract<Job, { name: N }>;

/** Puts work into the queue. */
export type JobQueue = {
  /**
   * Returns the job's id within `deadlineMs` or fails with `E_QUEUE`: a person waits for the answer.
   * `id` makes it unique: a second add with the same id does nothing, but for `revive` when that one has ended.
   * `delayMs` postpones it. `once`: what asked for it; a second add for the same within ten minutes, by any process,
   * does nothing and returns the first one's id.
   */
  add(
    job: Job,
    options?: {
      readonly id?: string;
      readonly revive?: boolean;
      readonly delayMs?: number;
      readonly once?: string | undefined;
      readonly deadlineMs?: number;
    },
  ): Promise<string>;
  /** Repeats a job on a cron schedule in a time zone; replaces the earlier schedule of the same name. */
  schedule(
    name: string,
    cron: string,
    timezone: string,
    job: Job,
  ): Promise<{ readonly next: number | undefined }>;
  every(name: string, ms: number, job: Job): Promise<void>;
  unschedule(name: string): Promise<void>;
};
