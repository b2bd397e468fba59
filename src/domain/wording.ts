/** Numbers and times in the bot's words, the same everywhere. */

/** "1 topic", "12 topics", "3,180 partitions". */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString("en-US")} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Milliseconds as "0.4 s", "41 s", "3 min 5 s", "2 h 10 min". */
export function took(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Time of day in UTC: "14:03:12". */
export function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
