import { figure, timeOfDay } from "#domain/wording.ts";
import type { Told, WaveTold } from "./digest-memory.ts";

/** What a digest says that the last one did not. Pure. */

export type Changes = {
  /** A line each, most important first; what stands out is between asterisks. */
  readonly lines: readonly string[];
  /** What waits for people and did not when the last digest was made. */
  readonly waits: ReadonlySet<string>;
  /** Findings that the last digest told already. */
  readonly unchanged: readonly string[];
  /** Names of the waves that changed. */
  readonly waves: ReadonlySet<string>;
};

/** Without a last digest everything would be new, and nothing would stand out. */
export function changesSince(last: Told | undefined, now: Told): Changes {
  if (last === undefined) return { lines: [], waits: new Set(), unchanged: [], waves: new Set() };
  const fresh = without(now.findings, last.findings);
  const waves = Object.entries(now.waves).flatMap(([name, wave]) => {
    // A failure is told by its finding, which says why.
    if (fresh.some(({ key }) => key === `${name}:tasks`)) return [];
    const line = waveLine(name, last.waves[name], wave);
    return line === undefined ? [] : [[name, line] as const];
  });
  const over = without(last.findings, now.findings);
  const [waits, answered] = [newOf(now.waiting, last.waiting), newOf(last.waiting, now.waiting)];
  const lines = [
    ...fresh.map(({ text }) => `*new* ${text}`),
    ...waves.map(([, line]) => line),
    ...over.map(({ text }) => `over: ${text}`),
    ...answered.map((line) => `waits no more: ${withoutClock(line)}`),
  ];
  return {
    lines,
    waits: new Set(waits),
    unchanged: without(now.findings, fresh).map(({ text }) => text),
    waves: new Set(waves.map(([name]) => name)),
  };
}

/** Findings are the same by what they are about: their figures move. */
function without(findings: Told["findings"], others: Told["findings"]): Told["findings"] {
  const known = new Set(others.map(({ key }) => key));
  return findings.filter(({ key }) => !known.has(key));
}

/** Whether there is anything that the last digest did not tell. */
export function isNews({ lines, waits }: Changes): boolean {
  return lines.length > 0 || waits.size > 0;
}

/** How long ago, in the head of the list: "Since the digest of 14:00". */
export function sinceText(last: Told, zone: string): string {
  return `Since the digest of ${timeOfDay(last.at, zone)}:`;
}

function waveLine(name: string, last: WaveTold | undefined, now: WaveTold): string | undefined {
  if (last === undefined) return `*${name}* is in the plan now`;
  if (last.phase !== now.phase)
    return `*${name}: ${phaseText(now.phase)}* (before: ${phaseText(last.phase)})`;
  if (last.mirror !== now.mirror) return `*${name}: mirror ${now.mirror}* (before: ${last.mirror})`;
  const [was, is] = [last.behind, now.behind];
  if (is === null) return was === null ? undefined : `*${name}: lag is not known* (before: ${figure(was)})`;
  if (was === null) return `*${name}: lag is known again*, ${figure(is)} records`;
  if (is === 0 && was > 0) return `*${name} caught up* (before: ${figure(was)} behind)`;
  if (was === 0 && is >= leastChange) return `*${name}: ${figure(is)} behind* (before: none)`;
  return Math.abs(is - was) >= Math.max(leastChange, was / 5)
    ? `*${name}: ${figure(is)} behind* (before: ${figure(was)})`
    : undefined;
}

/** Fewer records, or less than a fifth, are the usual coming and going. */
const leastChange = 1_000;

function phaseText(phase: WaveTold["phase"]): string {
  return phase === "before-cutover" ? "before the cutover" : phase.replaceAll("-", " ");
}

/** Requests are the same by their id; the minutes that are left to them are not news. */
function newOf(lines: readonly string[], before: readonly string[]): readonly string[] {
  const known = new Set(before.map(identity));
  return lines.filter((line) => !known.has(identity(line)));
}

function identity(line: string): string {
  return /\(request (\w+)/.exec(line)?.[1] ?? line;
}

function withoutClock(line: string): string {
  return line.replace(/, [^,()]+ left/, "");
}
