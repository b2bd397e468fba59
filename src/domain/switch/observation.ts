import { z } from "zod";
import { count, figure, short } from "#domain/wording.ts";

/** What groups read again or skipped when they went on at the target, by their own commits, beside what was predicted. */

const Amounts = z.object({ again: z.int(), skipped: z.int() });
export type Amounts = z.infer<typeof Amounts>;

/** One committed offset. `null` is unknown, with the reason for what was not observed. */
export const Observation = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.int(),
  predicted: Amounts.nullable(),
  observed: Amounts.nullable(),
  why: z.string().exactOptional(),
});
export type Observation = z.infer<typeof Observation>;

/** "0 records, as predicted; unknown on 2 partitions: no commit seen", or the cells that differ. */
export function observationText(rows: readonly Observation[], which: keyof Amounts): string {
  const seen = rows.filter(({ observed }) => observed !== null);
  const sum = seen.reduce((total, { observed }) => total + (observed?.[which] ?? 0), 0);
  const missing = rows.filter(({ observed }) => observed === null);
  const reasons = [...new Set(missing.map(({ why }) => why ?? "not observed"))];
  const unknown = `unknown on ${count(missing.length, "partition")}: ${short(reasons, 3)}`;
  if (rows.length === 0) return "nothing was committed";
  if (seen.length === 0) return unknown;
  const text = `${count(sum, "record")}, ${comparison(seen, which)}`;
  return missing.length === 0 ? text : `${text}; ${unknown}`;
}

function comparison(seen: readonly Observation[], which: keyof Amounts): string {
  const compared = seen.filter(({ predicted }) => predicted !== null);
  const other = compared.filter(({ predicted, observed }) => predicted?.[which] !== observed?.[which]);
  if (other.length > 0) {
    const cells = other.map(
      ({ group, topic, partition, predicted, observed }) =>
        `${group} ${topic}-${partition} ${figure(observed?.[which] ?? 0)}, predicted ${figure(predicted?.[which] ?? 0)}`,
    );
    return `NOT as predicted: ${short(cells)}`;
  }
  const without = seen.length - compared.length;
  if (compared.length === 0) return "nothing was predicted";
  return without === 0
    ? "as predicted"
    : `as predicted, without a prediction on ${count(without, "partition")}`;
}
