import type { Ordered, Ran } from "./records.ts";

/** What to do about a mirror's process. Pure. */

/**
 * `launch`: start one. `terminate`: ask it to end, which commits what it has copied. `kill`: it did not.
 * `bury`: it is gone; take note of how.
 */
export type Step = "none" | "launch" | "terminate" | "kill" | "bury";

/** Deaths in a row after which nobody starts it again by itself. */
export const deathLimit = 5;
/** Long enough for the last flush of a full buffer. */
const graceMs = 30_000;
/** Having run for so long, it starts to count anew. */
export const steadyMs = 300_000;

export function decide(ordered: Ordered, ran: Ran | undefined, alive: boolean, now: number): Step {
  if (ran?.pid === undefined) return mayLaunch(ordered, ran, now) ? "launch" : "none";
  if (!alive) return "bury";
  if (isWanted(ordered, ran)) return "none";
  if (ran.stoppingSince === undefined) return "terminate";
  return now - ran.stoppingSince > graceMs ? "kill" : "none";
}

export function isWanted(ordered: Ordered, ran: Ran): boolean {
  return ordered.state === "running" && ordered.order === ran.order;
}

/** A new order forgets the deaths of the one before. */
export function hasGivenUp(ordered: Ordered, ran: Ran | undefined): boolean {
  return ran !== undefined && ran.order === ordered.order && ran.deaths >= deathLimit;
}

function mayLaunch(ordered: Ordered, ran: Ran | undefined, now: number): boolean {
  if (ordered.state !== "running" || hasGivenUp(ordered, ran)) return false;
  if (ran === undefined || ran.order !== ordered.order || ran.death === undefined) return true;
  return now >= ran.death.at + backoffMs(ran.deaths);
}

/** 1, 2, 4, 8 s. */
export function backoffMs(deaths: number): number {
  return deaths === 0 ? 0 : 1_000 * 2 ** Math.min(deaths - 1, 6);
}
