import type { ChainedEntry } from "#domain/ports.ts";

/** What every entry of an audit must have, so that an auditor needs nothing else to read it. */

/** These tell what was seen or what failed; all others change something, and say from what to what. */
const seen = new Set([
  "job.failed",
  "mirror.failed",
  "network.probed",
  "offsets.proved",
  "producer.rogue",
  "replicate.pause",
  "replicate.resume",
  "replicate.start",
  "replicate.stop",
  "step.failed",
  "target.active",
  "target.refused",
  "transaction.waited-for",
  "verify.done",
  "writes.seen",
]);

const actors = /^(?:[UW][A-Z0-9]+|bot|schedule|slack|reconnect)$/;
const code = /^[\w.:-]+$/;

/** One line for each thing that an entry lacks: "wave.phase: no before". */
export function lackingIn(trail: readonly ChainedEntry[]): readonly string[] {
  return trail.flatMap((entry) => lacks(entry).map((what) => `${entry.what}: ${what}`));
}

function lacks(entry: ChainedEntry): readonly string[] {
  const { at, actor, subject = "", what, before, after, reason } = entry;
  return [
    ...(new Date(at).toISOString() === at ? [] : ["no time"]),
    ...(actors.test(actor) ? [] : [`nobody is ${actor}`]),
    ...(subject === "" ? ["no subject"] : []),
    ...(seen.has(what) ? [] : absent({ before, after, reason })),
    ...(reason === undefined || code.test(reason) ? [] : [`a reason that is no code: ${reason}`]),
  ];
}

function absent(change: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(change).flatMap(([name, value]) => (value === undefined ? [`no ${name}`] : []));
}
