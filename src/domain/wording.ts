/** Numbers and times in the bot's words, the same everywhere. */

/** "18,400". */
export function figure(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1 topic", "12 topics", "3,180 partitions". */
export function count(amount: number, noun: string): string {
  return `${figure(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Milliseconds as "0.4 s", "41 s", "3 min 5 s", "2 h 10 min", "3 d 4 h". */
export function took(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return withRest(hours, "h", minutes % 60, "min");
  return withRest(Math.floor(hours / 24), "d", hours % 24, "h");
}

function withRest(amount: number, unit: string, rest: number, smaller: string): string {
  return rest === 0 ? `${amount} ${unit}` : `${amount} ${unit} ${rest} ${smaller}`;
}

/** Time of day in UTC: "14:03:12". */
export function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}

/** A span that is only roughly known: "under 1 s", else as `took`. */
export function about(ms: number): string {
  if (ms < 1000) return "under 1 s";
  return ms < 10_000 ? `${Math.round(ms / 1000)} s` : took(ms);
}

/** "15:04" in this time zone. */
export function timeOfDay(at: number, timeZone: string): string {
  return formatter(timeZone).format(at).slice(11, 16);
}

/** "2026-11-22" in this time zone. */
export function dayOf(at: number, timeZone: string): string {
  return formatter(timeZone).format(at).slice(0, 10);
}

/** What the clocks on the wall show there, as if it were UTC, in ms. */
export function wallTime(at: number, timeZone: string): number {
  return Date.parse(`${formatter(timeZone).format(at).replace(" ", "T")}Z`);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** "2026-11-22 15:04:05"; each costs more to make than to use a thousand times. */
function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const options = { timeZone, hourCycle: "h23", dateStyle: "short", timeStyle: "medium" } as const;
  const made = new Intl.DateTimeFormat("sv-SE", options);
  formatters.set(timeZone, made);
  return made;
}

/** Time zone in which this migration's people read times. */
export function zoneOf(settings: { readonly digest?: { readonly timezone: string } | undefined }): string {
  return settings.digest?.timezone ?? "UTC";
}

/** Records per second; "?" when not known. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return "?";
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : figure(perSecond);
}

/** Bytes as "0 B", "312 B", "4.1 kB", "38 MB": powers of ten, as AWS and Kafka's rates have them. */
export function bytes(amount: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [amount, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  const short = value < 9.95 && (unit > 0 || value % 1 !== 0) ? value.toFixed(1) : figure(value);
  return `${short} ${units[unit]}`;
}

/** "4.1 kB/s" */
export function bytesRate(perSecond: number): string {
  return `${bytes(perSecond)}/s`;
}

/** The first few, and how many more. */
export function short(names: readonly string[], shown = 8): string {
  const more = names.length - shown;
  return more > 0 ? `${names.slice(0, shown).join(", ")} and ${more} more` : names.join(", ");
}
