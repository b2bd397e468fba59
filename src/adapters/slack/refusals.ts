import { catalogue } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";

/** Why something that came in was not acted upon. `replayed`: a command or a click that was already carried out. */
export type RefusalReason = "unsigned" | "forged" | "stale" | "replayed" | "other-workspace" | "malformed";

export type Refusals = {
  note(reason: RefusalReason, fields: object): void;
  /** How many since the start. */
  counts(): Readonly<Partial<Record<RefusalReason, number>>>;
};

/** Counts what was refused. Logged at the first, second, fourth, eighth … of a kind: a flood must not fill the disk. */
export function createRefusals(log: Log): Refusals {
  const counts = new Map<RefusalReason, number>();
  return {
    note(reason, fields) {
      const count = (counts.get(reason) ?? 0) + 1;
      counts.set(reason, count);
      if (!Number.isInteger(Math.log2(count))) return;
      const { remedy } = catalogue.E_SLACK;
      log.warn(
        { ...fields, reason, count, code: "E_SLACK", remedy: remedies[reason] ?? remedy },
        "request refused",
      );
    },
    counts: () => Object.fromEntries(counts),
  };
}

const remedies: Partial<Record<RefusalReason, string>> = {
  stale:
    "Signed more than 5 min ago or in the future: check the clock of this machine; if it is right, somebody repeats old requests.",
  forged:
    "The signature does not fit SLACK_SIGNING_SECRET: check the secret; if it is right, somebody forges requests.",
  unsigned: "Not from Slack, or something between takes the signature away.",
};
