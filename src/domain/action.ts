import { z } from "zod";

/** What two people decide on. */
export const ActionName = z.enum([
  "cutover-consumers",
  "cutover-producers",
  "rollback",
  "cleanup",
  "feature",
  "access",
]);
export type ActionName = z.infer<typeof ActionName>;

/** It changes the MSK cluster itself: no wave, no mirror and no client is moved by it. */
export function isOfTarget(action: ActionName): boolean {
  return action === "feature" || action === "access";
}
