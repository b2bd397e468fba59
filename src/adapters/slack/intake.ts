import type { Refusals } from "./refusals.ts";

/** Lets in what is of this workspace and was not carried out before, and counts the rest. */
export type Intake = {
  /** True when one of these teams is the bot's own, or none is named. */
  isOurs(...teams: ReadonlyArray<string | null | undefined>): boolean;
  /** By Slack's id of one command or click (`trigger_id`): it never gives the same twice. */
  isNew(trigger: string): boolean;
};

/** More than anybody types within the five minutes that a signature is good for. */
const remembered = 5000;

/** `own` is the bot's team, once it is known. */
export function createIntake(own: () => string | undefined, refusals: Refusals): Intake {
  const known = new Set<string>();
  return {
    isOurs(...teams) {
      const named = teams.filter((team) => typeof team === "string");
      const team = own();
      if (team === undefined || named.length === 0 || named.includes(team)) return true;
      refusals.note("other-workspace", { team: named[0] });
      return false;
    },
    isNew(trigger) {
      if (known.has(trigger)) {
        refusals.note("replayed", { trigger });
        return false;
      }
      known.add(trigger);
      const [oldest] = known;
      if (known.size > remembered && oldest !== undefined) known.delete(oldest);
      return true;
    },
  };
}
