import { type LagSum, type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import type { FlowState } from "#domain/ports.ts";
import { type Known, known, type OffsetTable, unknown } from "#domain/topology.ts";
import { about, figure } from "#domain/wording.ts";
import type { Phase } from "./wave-state.ts";

/**
 * Whether the way back of a wave is open at this moment, and what it costs. Pure. What is not known is never a zero: it
 * is a state of its own beside ready and not ready.
 */

/** A group's committed offsets, translated back at this moment. */
export type GroupBack =
  /**
   * Every offset was found by content on the source; `readTwice` records behind it have been read already. `from`: it
   * begins before its place, at records that MSK does not have; for people.
   */
  | {
      readonly group: string;
      readonly kind: "exact";
      readonly offsets: number;
      readonly readTwice: number;
      readonly from?: string;
    }
  /** The group reads ahead of the mirror: its place on the source does not exist yet. */
  | { readonly group: string; readonly kind: "waiting"; readonly why: string }
  | { readonly group: string; readonly kind: "refused"; readonly why: string }
  | { readonly group: string; readonly kind: "unknown"; readonly why: string };

/** The mirror back, as it was read. */
export type ReverseReading = {
  readonly state: FlowState;
  /** Tasks that do not run, of all. */
  readonly idle: number;
  readonly tasks: number;
  readonly lags: readonly PartitionLag[];
  /** Partitions whose copied offset is missing or lies before the boundary, with the reason. */
  readonly misplaced: readonly string[];
  /** Records per second that it was last seen to copy; `null`: it was not. */
  readonly copying: number | null;
  /** By how much the ends on the target have grown since the boundary, in offsets. */
  readonly written: Known<number>;
};

/** What the watch over the standby found: records on the source that the reverse mirror did not write. */
export type StandbyVerdict = {
  readonly state: "clean" | "rogue" | "unknown";
  /** For people: partitions and numbers, or why it is not known. */
  readonly text: string;
  /** The first of them on each partition, "payments-1 120": groups that stand behind it begin there. */
  readonly again?: readonly string[];
};

export type WayBackReading = {
  readonly phase: Extract<Phase, "consumers-moved" | "producers-moved">;
  readonly groups: Known<readonly GroupBack[]>;
  /** Groups of the wave with members on the source, described; they must have none. */
  readonly onSource: Known<readonly string[]>;
  /** After producers moved only. */
  readonly reverse: Known<ReverseReading> | undefined;
  readonly standby: StandbyVerdict | undefined;
  /** What the steps took when this wave was last switched, ms. */
  readonly steps: Known<number>;
  /** `cutover.patience`, ms: what does not drain in this time makes a rollback give up. */
  readonly patienceMs: number;
  /** `cutover.maxLag`, records: decides where the copy rate is not known. */
  readonly maxLag: number;
};

/** What stands in the way. `rate`: only how fast the reverse mirror copies is not known. */
export type Finding = {
  readonly about: "mirror" | "rate" | "translation" | "source-groups" | "standby";
  readonly state: "not-ready" | "unknown";
  readonly text: string;
};

export type Readiness = {
  readonly phase: WayBackReading["phase"];
  readonly state: "ready" | "not-ready" | "unknown";
  /** Records that would be on no side that is read, after going back now. */
  readonly lost: Known<number>;
  /** Sum over the groups. */
  readonly readTwice: Known<number>;
  readonly groups: readonly GroupBack[];
  /** How long it takes, ms. */
  readonly ms: Known<number>;
  /** Offsets written on the target since the producers moved, and how many of them are not on the source yet. */
  readonly written: Known<number>;
  readonly behind: LagSum | undefined;
  /** "payments-1 120": where groups begin again after going back, since MSK lacks the record there. */
  readonly again: readonly string[];
  /** Why it is not ready, or not known; the worst first. */
  readonly findings: readonly Finding[];
};

/** Decides from one reading. Red beats unknown; unknown beats ready. */
export function readinessOf(reading: WayBackReading): Readiness {
  const { reverse, groups } = reading;
  const findings = [
    ...reverseFindings(reading),
    ...groupFindings(groups),
    ...splitBrain(reading.onSource),
    ...standbyFindings(reading),
  ];
  const lost = lostRecords(reading);
  const readTwice = readTwiceBy(reading);
  const ms = duration(reading);
  const unknowns = [lost, readTwice, ms].some((value) => !value.known);
  const red = findings.filter(({ state }) => state === "not-ready");
  const open = findings.filter(({ state }) => state === "unknown");
  return {
    phase: reading.phase,
    state: red.length > 0 ? "not-ready" : open.length > 0 || unknowns ? "unknown" : "ready",
    lost,
    readTwice,
    groups: groups.known ? groups.value : [],
    ms,
    written: reverse?.known === true ? reverse.value.written : unknown("the reverse mirror was not read"),
    behind: reverse?.known === true ? sumLags(reverse.value.lags) : undefined,
    again: reading.standby?.again ?? [],
    findings: [...red, ...open],
  };
}

type About = Finding["about"];

function notReady(about: About, text: string): Finding {
  return { about, state: "not-ready", text };
}

function unclear(about: About, text: string): Finding {
  return { about, state: "unknown", text };
}

function reverseFindings(reading: WayBackReading): readonly Finding[] {
  const { reverse, phase } = reading;
  if (phase === "consumers-moved") return [];
  if (reverse === undefined) return [unclear("mirror", "the reverse mirror was not read")];
  if (!reverse.known) return [unclear("mirror", `the reverse mirror is not known: ${reverse.why}`)];
  const { state, idle, tasks, misplaced } = reverse.value;
  if (state !== "running") return [notReady("mirror", `the reverse mirror is ${state}`)];
  if (idle > 0 || tasks === 0) {
    return [notReady("mirror", `${idle} of ${tasks} tasks of the reverse mirror do not run`)];
  }
  const [first] = misplaced;
  const offsets =
    first === undefined ? [] : [notReady("mirror", `the offsets of the reverse mirror: ${first}`)];
  return [...offsets, ...lagFindings(reverse.value, reading)];
}

/** A log that is not the one that was copied, or lost records on the way. */
const brokenLogs: ReadonlySet<PartitionLag["state"]> = new Set(["truncated", "ahead", "recreated", "gone"]);

function lagFindings(
  { lags, copying }: ReverseReading,
  { patienceMs, maxLag }: WayBackReading,
): readonly Finding[] {
  const sum = sumLags(lags);
  const broken = sum.findings.filter(({ state }) => brokenLogs.has(state));
  const incomplete = sum.findings.filter(({ state }) => state === "incomplete");
  const findings = [
    ...broken.slice(0, 1).map((lag) => notReady("mirror", describe(lag))),
    ...incomplete.slice(0, 1).map((lag) => unclear("mirror", describe(lag))),
  ];
  if (sum.records === null || sum.records === 0) return findings;
  const lagging = `the reverse mirror lags by ${figure(sum.records)}`;
  const drain = drainMs(sum.records, copying);
  if (drain !== undefined && drain <= patienceMs) return findings;
  if (drain !== undefined) {
    const text = `${lagging}, which drains in ${about(drain)}; ${about(patienceMs)} are allowed`;
    return [...findings, notReady("mirror", text)];
  }
  return sum.records > maxLag
    ? [...findings, notReady("mirror", `${lagging} and is not seen to copy`)]
    : [...findings, unclear("rate", `${lagging} and was not seen to copy lately`)];
}

function describe({ topic, partition, state, why }: PartitionLag): string {
  return `${topic}-${partition}: ${why ?? state}`;
}

/** `undefined` where nothing was measured, or nothing moved while it was. */
function drainMs(records: number, copying: number | null): number | undefined {
  if (records === 0) return 0;
  return copying === null || copying <= 0 ? undefined : (records / copying) * 1000;
}

function groupFindings(groups: WayBackReading["groups"]): readonly Finding[] {
  if (!groups.known) return [unclear("translation", `the groups' offsets are not known: ${groups.why}`)];
  return groups.value.flatMap((back) => {
    switch (back.kind) {
      case "exact":
        return [];
      case "waiting":
        return [unclear("translation", `${back.group} reads ahead of the mirror: ${back.why}`)];
      case "refused":
        return [notReady("translation", `${back.group} cannot be translated back: ${back.why}`)];
      case "unknown":
        return [unclear("translation", `${back.group}: ${back.why}`)];
    }
  });
}

function splitBrain(onSource: WayBackReading["onSource"]): readonly Finding[] {
  if (!onSource.known)
    return [unclear("source-groups", `groups on the source are not known: ${onSource.why}`)];
  return onSource.value.map((group) => notReady("source-groups", `on the source already: ${group}`));
}

function standbyFindings({ phase, standby }: WayBackReading): readonly Finding[] {
  if (phase === "consumers-moved") return [];
  if (standby === undefined) return [unclear("standby", "the standby was not read")];
  if (standby.state === "clean") return [];
  return standby.state === "rogue"
    ? [notReady("standby", `rogue records on the source: ${standby.text}`)]
    : [unclear("standby", `not known whether anything else writes to the source: ${standby.text}`)];
}

/** Producers on the source: nothing can be lost. On the target: what the reverse mirror can still bring. */
function lostRecords({ phase, reverse, groups }: WayBackReading): Known<number> {
  if (!groups.known) return unknown(groups.why);
  const refused = groups.value.find(({ kind }) => kind === "refused");
  if (refused !== undefined) return unknown(`${refused.group} cannot be translated back`);
  if (phase === "consumers-moved") return known(0);
  if (reverse === undefined || !reverse.known) return unknown("the reverse mirror is not known");
  const { state, idle, tasks, lags, misplaced } = reverse.value;
  if (state !== "running" || idle > 0 || tasks === 0) return unknown(`the reverse mirror is ${state}`);
  if (misplaced.length > 0) return unknown("the offsets of the reverse mirror are not right");
  const odd = lags.find(({ state, records }) => state === "ahead" || records === null);
  if (odd !== undefined || lags.length === 0) return unknown("its lag is not known");
  return known(lags.reduce((sum, { lost }) => sum + lost, 0));
}

/** Beside what is not known on the source a group may begin earlier than where it stands. */
function readTwiceBy({ groups, phase, standby }: WayBackReading): Known<number> {
  if (!groups.known) return unknown(groups.why);
  if (phase === "producers-moved" && (standby === undefined || standby.state === "unknown")) {
    return unknown(`the source was not looked through: ${standby?.text ?? "it was not read"}`);
  }
  let sum = 0;
  for (const back of groups.value) {
    if (back.kind !== "exact") return unknown(`${back.group}: ${back.why}`);
    sum += back.readTwice;
  }
  return known(sum);
}

/** What the steps took the last time, and what the reverse mirror has yet to copy. */
function duration({ phase, steps, reverse }: WayBackReading): Known<number> {
  if (!steps.known || phase === "consumers-moved") return steps;
  if (reverse === undefined || !reverse.known) return unknown("the reverse mirror is not known");
  const { records } = sumLags(reverse.value.lags);
  if (records === null) return unknown("its lag is not known");
  const drain = drainMs(records, reverse.value.copying);
  return drain === undefined
    ? unknown("the reverse mirror was not seen to copy lately")
    : known(steps.value + drain);
}

/**
 * Copied offsets that cannot be right: the mirror was started at the boundary (ends of the target by topic), so what it
 * has copied is never before it, and is known wherever there was something. It would copy again, or all.
 */
export function misplacedOffsets(
  boundary: Readonly<Record<string, readonly number[]>>,
  copied: OffsetTable,
): readonly string[] {
  return Object.entries(boundary).flatMap(([topic, row]) =>
    row.flatMap((end, partition) => {
      const last = copied.get(topic)?.[partition];
      if (end === 0) return [];
      if (last === undefined) return [`${topic}-${partition} has none`];
      if (last >= end - 1) return [];
      return [`${topic}-${partition} stands at ${last}, before the boundary ${end}`];
    }),
  );
}

const marks: Readonly<Record<Readiness["state"], string>> = { ready: "🟢", "not-ready": "🔴", unknown: "🟠" };

/** One line: "🟢 back now: 0 lost, 0 read twice, about 9 s". */
export function readinessLine(readiness: Readiness): string {
  const { state, findings } = readiness;
  const mark = marks[state];
  const more = findings.length > 1 ? `; ${findings.length - 1} more` : "";
  const why = findings[0] === undefined ? "" : `${findings[0].text}${more}`;
  if (state === "not-ready") return `${mark} not ready: ${why}`;
  const first = why === "" ? "" : `; ${why}`;
  return `${mark} back now: ${costs(readiness)}${first}${writtenText(readiness)}`;
}

/** "0 lost, 3 read twice, about 9 s"; unknown parts are called so. */
function costs({ lost, readTwice, ms }: Pick<Readiness, "lost" | "readTwice" | "ms">): string {
  return [
    lost.known ? `${figure(lost.value)} lost` : "loss unknown",
    readTwice.known ? `${figure(readTwice.value)} read twice` : "read twice unknown",
    timeText(ms),
  ].join(", ");
}

function timeText(ms: Known<number>): string {
  if (!ms.known) return `time unknown (${ms.why})`;
  return ms.value < 1000 ? "under 1 s" : `about ${about(ms.value)}`;
}

function writtenText({ phase, written, behind }: Readiness): string {
  if (phase === "consumers-moved" || behind === undefined) return "";
  const since = written.known ? figure(written.value) : "an unknown number";
  const left = behind.records === null ? `at least ${figure(behind.atLeast)}` : figure(behind.records);
  return `; ${since} written on MSK since, ${left} of them not on the source yet`;
}
