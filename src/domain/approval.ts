import { z } from "zod";

/** Approval by two people's reactions: what is asked, and what was decided. Rules: docs/decisions and design §7. */

export const ActionName = z.enum([
  "cutover-consumers",
  "cutover-producers",
  "rollback",
  "cleanup",
  "feature",
]);
export type ActionName = z.infer<typeof ActionName>;

/** One observed condition. `pinned` is hashed: when it differs at a later reading, the request is void. */
export const GateFact = z.object({
  name: z.string(),
  /** For people: "mirror caught up, lag 0 of 36 partitions". */
  text: z.string(),
  state: z.enum(["pass", "fail", "warn", "unknown"]),
  pinned: z.json(),
});
export type GateFact = z.infer<typeof GateFact>;

/** What one approvable action would do, read from the world at this moment. */
export const Proposal = z.object({
  action: ActionName,
  wave: z.string().optional(),
  /** "cut over CONSUMERS of wave billing" */
  title: z.string(),
  /** Everything that execution will be guided by; hashed. */
  plan: z.json(),
  /** What happens, pause, read again, skipped, way back: label and sentence. */
  effects: z.array(z.object({ label: z.string(), value: z.string() })),
  facts: z.array(GateFact),
  quorum: z.int().min(1),
});
export type Proposal = z.infer<typeof Proposal>;

export const RequestState = z.enum([
  "open",
  "approved",
  "executing",
  "done",
  "failed",
  "denied",
  "expired",
  "void",
  "cancelled",
]);
export type RequestState = z.infer<typeof RequestState>;
