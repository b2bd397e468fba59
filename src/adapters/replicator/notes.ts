import { asFerryError } from "#domain/errors.ts";
import { noteOf, type ReplicatorMetrics, type ReplicatorNote } from "#domain/mirror/replicator-reading.ts";
import type { Clock } from "#domain/ports.ts";

/** CloudWatch has one value a minute, and each question costs. */
const keptMs = 60_000;

/** AWS's own numbers in words, at most a minute old. That they cannot be read is said and hinders nothing. */
export function createNotes(metrics: ReplicatorMetrics, clock: Pick<Clock, "now">) {
  const kept = new Map<string, { readonly answer: Promise<ReplicatorNote>; readonly until: number }>();

  async function read(name: string): Promise<ReplicatorNote> {
    try {
      return noteOf(await metrics.read(name));
    } catch (thrown) {
      const { code, message } = asFerryError(thrown);
      return { note: `AWS's own numbers: unknown (${code} ${message})` };
    }
  }

  return (name: string): Promise<ReplicatorNote> => {
    const before = kept.get(name);
    if (before !== undefined && clock.now() < before.until) return before.answer;
    const answer = read(name);
    kept.set(name, { answer, until: clock.now() + keptMs });
    return answer;
  };
}
