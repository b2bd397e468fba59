import { asFerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";
import { type ReplicatorMetrics, readingText } from "#domain/replicator-reading.ts";

/** CloudWatch has one value a minute, and each question costs. */
const keptMs = 60_000;

/** AWS's own numbers in words, at most a minute old. That they cannot be read is said and hinders nothing. */
export function createNotes(metrics: ReplicatorMetrics, clock: Pick<Clock, "now">) {
  const kept = new Map<string, { readonly text: Promise<string>; readonly until: number }>();

  async function read(name: string): Promise<string> {
    try {
      return readingText(await metrics.read(name));
    } catch (thrown) {
      const { code, message } = asFerryError(thrown);
      return `AWS's own numbers: unknown (${code} ${message})`;
    }
  }

  return (name: string): Promise<string> => {
    const before = kept.get(name);
    if (before !== undefined && clock.now() < before.until) return before.text;
    const text = read(name);
    kept.set(name, { text, until: clock.now() + keptMs });
    return text;
  };
}
