import prettyMs from "pretty-ms";
import type { LagSum } from "#domain/lag.ts";

/** Numbers as people read them in the channel. */

/** "18,400". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 topic", "3 topics". */
export function many(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** "18,400", or "at least 18,400" when a part is not known, or "unknown". */
export function behind({ records, atLeast, unknown, partitions }: LagSum): string {
  if (records !== null) return count(records);
  return unknown === partitions ? "unknown" : `at least ${count(atLeast)}`;
}

/** Records per second; "?" when not known. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return "?";
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

export function span(ms: number): string {
  if (ms < 1000) return "under 1 s";
  return prettyMs(ms, { secondsDecimalDigits: 0, unitCount: 2 }).replaceAll(/(\d)([a-z])/g, "$1 $2");
}

/** "15:04" in this time zone. */
export function timeOfDay(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(at);
}

/** Time zone in which this migration's people read times. */
export function zoneOf(settings: { readonly digest?: { readonly timezone: string } | undefined }): string {
  return settings.digest?.timezone ?? "UTC";
}
