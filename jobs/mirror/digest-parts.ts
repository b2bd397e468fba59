import { behind, sumLags } from "#domain/lag/lag.ts";
import { type LostRange, lostText } from "#domain/lag/lost-ranges.ts";
import type { Check, Part } from "#domain/message.ts";
import { count, figure, rate } from "#domain/wording.ts";
import type { Changes } from "./digest-changes.ts";
import { lagChecks } from "./lag-message.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";
import type { DiskReading } from "./target-disk.ts";
import { cellKey } from "./waiting-records.ts";

/** The parts of a digest. A phone shows some 40 letters of a table: its columns are few and short. */

/** Waves that are shown; all of them are in the file then. */
const wavesShown = 12;
const partitionsShown = 5;

export type Finding = { readonly key: string; readonly check: Check };

/** More of one kind in one wave are told as a number. */
const sameKindShown = 3;

/** What is not simply a number, told once for each kind where a wave has many of it. */
export function digestFindings(lag: MigrationLag): readonly Finding[] {
  return lag.waves
    .flatMap((wave) => waveFindings(wave, lag))
    .map(({ key, check }) => ({ key, check: { ...check, text: check.text.replaceAll(javaPackage, "") } }));
}

/** Of an exception: longer than a phone is wide. The alarm has the whole name. */
const javaPackage = /\b(?:[a-z]\w*\.)+(?=[A-Z]\w*(?:Exception|Error)\b)/g;

function waveFindings(reading: WaveLag, lag: MigrationLag): readonly Finding[] {
  const { wave, flow, lags, failure } = reading;
  const texts = lagChecks({ ...lag, waves: [reading] });
  if (failure !== undefined || (flow.state === "failed" && texts.length > 0)) {
    const [first, ...rest] = texts;
    const key = `${wave.name}:${failure === undefined ? "tasks" : failure.code}`;
    const head = first === undefined ? [] : [{ key, check: first }];
    return failure === undefined ? [...head, ...grouped(wave.name, lags, rest)] : head;
  }
  return grouped(wave.name, lags, texts);
}

function grouped(wave: string, lags: WaveLag["lags"], checks: readonly Check[]): readonly Finding[] {
  const found = sumLags(lags).findings.flatMap((finding, index) => {
    const check = checks[index];
    return check === undefined ? [] : [{ finding, check }];
  });
  return [...Map.groupBy(found, ({ finding }) => finding.state)].flatMap(([state, those]) => {
    const [first] = those;
    if (those.length <= sameKindShown || first === undefined)
      return those.map(({ finding: { topic, partition }, check }) => ({
        key: `${wave}:${state}:${topic}-${partition}`,
        check,
      }));
    const text = `wave ${wave}: ${count(those.length, "partition")} ${state.replaceAll("-", " ")}, such as ${first.check.text}`;
    return [{ key: `${wave}:${state}`, check: { state: first.check.state, text } }];
  });
}

/** What expired uncopied, until somebody has acknowledged it; where the log still begins behind the mirror lag says it. */
export function lossFindings(losses: readonly LostRange[], { waves }: MigrationLag): readonly Finding[] {
  const told = new Set(
    waves.flatMap(({ lags }) => lags.filter(({ state }) => state === "truncated").map(cellKey)),
  );
  const open = losses.filter((range) => !told.has(cellKey(range)));
  return [...Map.groupBy(open, ({ wave }) => wave)].flatMap(([wave, those]) => {
    const texts = those.map((range) => [`lost:${cellKey(range)}:${range.from}`, lostText(range)] as const);
    const [first] = texts;
    if (first === undefined) return [];
    const told = texts.length <= sameKindShown;
    const many = `wave ${wave}: ${count(texts.length, "lost range")}, such as ${first[1]}`;
    const shown = told ? texts : [[`lost:${wave}`, many] as const];
    return shown.map(([key, text]) => ({ key, check: { state: "fail", text } as const }));
  });
}

/** Of these a digest has a finding, with the cause. */
const toldKinds = ["task-failed:", "broken:", "records-lost:"];

/** Alarms that stand and are told by nothing else in the digest. */
export function alarmFindings(
  alarms: ReadonlyArray<{ readonly key: string; readonly title: string }>,
  { waves }: MigrationLag,
): readonly Finding[] {
  const unread = new Set(waves.map(({ failure }) => `unreadable:${failure?.code}`));
  return alarms
    .filter(({ key }) => !unread.has(key) && !toldKinds.some((kind) => key.startsWith(kind)))
    .map(({ key, title }) => ({ key: `alarm:${key}`, check: { state: "fail", text: `alarm: ${title}` } }));
}

/** Those that changed first, then those most behind. */
export function digestWaves(lag: MigrationLag, changes: Changes): readonly Part[] {
  const rows = [...lag.waves].sort(
    (a, b) =>
      Number(changes.waves.has(b.wave.name)) - Number(changes.waves.has(a.wave.name)) ||
      weight(b) - weight(a),
  );
  const shown = rows.slice(0, wavesShown);
  const rest = rows.slice(wavesShown);
  const still = rest.filter((wave) => weight(wave) === 0).length;
  const note = `… ${count(rest.length, "more wave")}, ${figure(still)} of them in step: all are in the file in the thread.`;
  return [
    {
      kind: "table",
      columns: [
        { title: "wave", align: "left" },
        { title: "behind", align: "right" },
        { title: "in/s", align: "right" },
        { title: "out/s", align: "right" },
        { title: "mirror", align: "left" },
      ],
      rows: shown.map((wave) => waveRow(wave, lag)),
    },
    ...(rest.length === 0 ? [] : [{ kind: "note", text: note } as const]),
  ];
}

/** Unknown weighs most. */
function weight({ failure, lags }: WaveLag): number {
  return failure === undefined ? (sumLags(lags).records ?? Number.MAX_VALUE) : Number.MAX_VALUE;
}

function waveRow({ wave, flow, lags, failure, phase }: WaveLag, lag: MigrationLag): readonly string[] {
  if (failure !== undefined) return [wave.name, "unknown", "?", "?", failure.code];
  const pace = lag.rates.get(flow.name);
  return [
    wave.name,
    behind(sumLags(lags)),
    rate(pace?.arriving ?? null),
    rate(pace?.copying ?? null),
    mirrorText(flow.state, phase),
  ];
}

function mirrorText(state: WaveLag["flow"]["state"], phase: WaveLag["phase"]): string {
  const text = state === "absent" ? "not started" : state;
  return phase === "producers-moved" ? `${text}, back` : text;
}

/** Most behind first; nothing where one partition is all of it: the sentence has said it. */
export function digestPartitions(lag: MigrationLag): readonly Part[] {
  const { worst } = sumLags(lag.waves.flatMap(({ lags }) => lags));
  if (worst.length < 2) return [];
  return [
    {
      kind: "table",
      columns: [
        { title: "most behind", align: "left" },
        { title: "records", align: "right" },
      ],
      rows: worst
        .slice(0, partitionsShown)
        .map(({ topic, partition, records }) => [`${topic}-${partition}`, figure(records ?? 0)]),
    },
  ];
}

/** "11 of 12 tasks run; 1 failed (wave shipping)" */
export function tasksText(lag: MigrationLag): string {
  const unread = lag.waves.filter(({ failure }) => failure !== undefined).length;
  const waves = lag.waves.filter(({ failure }) => failure === undefined);
  const tasks = waves.flatMap(({ wave, flow }) =>
    flow.tasks.map(({ state }) => ({ wave: wave.name, state })),
  );
  const running = tasks.filter(({ state }) => state === "RUNNING").length;
  const others = [
    ...Map.groupBy(
      tasks.filter(({ state }) => state !== "RUNNING"),
      ({ state }) => state,
    ),
  ].map(
    ([state, those]) =>
      `${figure(those.length)} ${state.toLowerCase()} (${waveNames(those.map(({ wave }) => wave))})`,
  );
  const known = tasks.length === 0 ? "none" : `${figure(running)} of ${figure(tasks.length)} run`;
  return [known, ...others, ...(unread === 0 ? [] : [`unknown for ${count(unread, "wave")}`])].join("; ");
}

const namesShown = 3;

function waveNames(names: readonly string[]): string {
  const all = [...new Set(names)];
  const more = all.length - namesShown;
  const shown = all.slice(0, namesShown).join(", ");
  return `${all.length === 1 ? "wave" : "waves"} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

export function diskText({ used, text }: DiskReading): string {
  return used === null ? `unknown: ${text}` : `${Math.floor(used * 100)} %: ${text}`;
}

/** Every wave and every partition that is not in step, for a table that a channel cannot show: CSV, RFC 4180. */
export function digestFile(lag: MigrationLag): Buffer | undefined {
  if (lag.waves.length <= wavesShown) return undefined;
  const rows = lag.waves.flatMap(({ wave, flow, lags, failure }) => [
    [
      wave.name,
      "",
      "",
      failure === undefined ? sumLags(lags).records : undefined,
      failure?.code ?? flow.state,
    ],
    ...lags
      .filter(({ state }) => state !== "in-step")
      .map(({ topic, partition, records, state, why }) => [
        wave.name,
        topic,
        partition,
        records,
        why ?? state,
      ]),
  ]);
  const lines = [["wave", "topic", "partition", "behind", "state"], ...rows].map((row) =>
    row.map((cell) => csvCell(cell ?? "unknown")).join(","),
  );
  return Buffer.from(`${lines.join("\r\n")}\r\n`);
}

function csvCell(cell: string | number): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
