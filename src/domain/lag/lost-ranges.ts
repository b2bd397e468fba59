import { z } from "zod";
import { count } from "#domain/wording.ts";

/** Offsets of one partition that expired on the origin before they were copied. Nothing brings them back. */
export const LostRange = z.object({
  flow: z.string(),
  wave: z.string(),
  topic: z.string(),
  partition: z.int(),
  from: z.int(),
  /** Exclusive. */
  until: z.int(),
  /** The last copied offset then; -1: none. */
  copied: z.int(),
  /** When it was seen, ms since the epoch. */
  at: z.number(),
  acknowledged: z.object({ by: z.string(), at: z.number() }).exactOptional(),
});
export type LostRange = z.infer<typeof LostRange>;

/** "events-3: offsets 120 to 499 (380 offsets) expired before they were copied". */
export function lostText({ topic, partition, from, until }: LostRange): string {
  const offsets = count(until - from, "offset");
  return `${topic}-${partition}: offsets ${from} to ${until - 1} (${offsets}) expired before they were copied`;
}
