import { setImmediate } from "node:timers/promises";
import { asFerryError, type FerryError } from "#domain/errors.ts";
import { decideCaughtUp } from "#domain/lag/caught-up.ts";
import { type CaughtUpEvidence, evidenceOf, type PartitionEvidence } from "#domain/lag/caught-up-evidence.ts";
import type { Check, Part } from "#domain/message.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import { count, figure } from "#domain/wording.ts";
import { readWaveState, waveNamed } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { mirrorOf } from "./migration-lag.ts";
import { readCaughtUp } from "./mirror-readings.ts";

/** "Caught up", proved or refuted: what was read, partition by partition, on both sides. */

const partitionsShown = 12;
/** Each with its seven or so proofs. */
const wavesShown = 6;
const namesShown = 10;
/** Waves whose ends are watched at the same time. */
const wavesAtOnce = 4;

type Found = { readonly wave: Wave; readonly evidence?: CaughtUpEvidence; readonly failure?: FerryError };

/** A verdict for each wave with its proofs, the first partitions, and all of them as a file. */
export async function evidenceParts(
  wave: string | undefined,
  plan: Plan,
  work: Work,
): Promise<readonly Part[]> {
  const waves = wave === undefined ? plan.waves : [waveNamed(plan, wave)];
  const found: Found[] = [];
  for (let from = 0; from < waves.length; from += wavesAtOnce) {
    found.push(
      ...(await Promise.all(waves.slice(from, from + wavesAtOnce).map((each) => prove(each, work)))),
    );
  }
  const evidence = found.map(({ wave, evidence, failure }) => ({
    wave: wave.name,
    ...evidence,
    ...(failure !== undefined && { failure: `${failure.code} ${failure.message}` }),
  }));
  await work.card.file({
    name: "caught-up.json",
    title: `${work.migration.name}: evidence of every partition`,
    content: await jsonOf(evidence),
  });
  const rows = found.flatMap(({ evidence }) => evidence?.partitions ?? []);
  return [
    ...verdictParts(found),
    ...(rows.length === 0 ? [] : [partitionPart(rows)]),
    {
      kind: "note",
      text: `${figure(rows.length)} partitions with offsets, times and digests of last records: caught-up.json`,
    },
  ];
}

/** Ends are read twice, `cutover.flatFor` apart, as a switch does. */
async function prove(wave: Wave, work: Work): Promise<Found> {
  try {
    const { phase } = await readWaveState(work, wave.name);
    const target = await work.world.target();
    const reverse = phase === "producers-moved";
    const reading = await readCaughtUp(
      {
        ...(await mirrorOf(wave, phase, work)),
        destination: reverse ? work.world.source : target,
        flatForMs: work.migration.settings.cutover.flatFor,
        destinationShared: reverse,
      },
      work,
    );
    return { wave, evidence: evidenceOf(reading, decideCaughtUp(reading)) };
  } catch (thrown) {
    return { wave, failure: asFerryError(thrown) };
  }
}

/** A wave at a time: Slack's commands do not wait for tens of thousands of partitions. */
async function jsonOf(evidence: readonly object[]): Promise<Buffer> {
  const parts: string[] = [];
  for (const wave of evidence) {
    parts.push(JSON.stringify(wave, null, 1));
    await setImmediate();
  }
  return Buffer.from(`[${parts.join(",\n")}]\n`);
}

/** Waves that are not caught up first; those that a message has no room for are counted, and are in the file. */
function verdictParts(found: readonly Found[]): readonly Part[] {
  const isProved = ({ evidence }: Found) => evidence?.caughtUp === true;
  const ordered = [...found].sort((a, b) => Number(isProved(a)) - Number(isProved(b)));
  const rest = ordered.slice(wavesShown);
  const open = rest.filter((wave) => !isProved(wave)).map(({ wave }) => wave.name);
  if (rest.length === 0) return ordered.map(verdictPart);
  const proved = `${figure(rest.length - open.length)} of them caught up`;
  const names = open.slice(0, namesShown).join(", ");
  const others = open.length === 0 ? "" : `; not: ${names}${open.length > namesShown ? ", …" : ""}`;
  const text = `… ${count(rest.length, "more wave")}, ${proved}${others}.`;
  return [...ordered.slice(0, wavesShown).map(verdictPart), { kind: "note", text }];
}

function verdictPart({ wave, evidence, failure }: Found): Part {
  if (evidence === undefined) {
    const text = failure === undefined ? "not read" : `${failure.code} ${failure.message}`;
    return { kind: "checks", title: `Wave ${wave.name}: unknown`, items: [{ state: "unknown", text }] };
  }
  const items: readonly Check[] = evidence.proofs.map(({ state, text }) => ({ state, text }));
  const verdict = evidence.caughtUp ? "caught up" : "NOT caught up";
  return { kind: "checks", title: `Wave ${wave.name}: ${verdict}, read at ${evidence.readAt}`, items };
}

/** What is not in order first. */
function partitionPart(rows: readonly PartitionEvidence[]): Part {
  const shown = rows.toSorted((a, b) => weight(b) - weight(a)).slice(0, partitionsShown);
  return {
    kind: "table",
    columns: [
      { title: "partition", align: "left" },
      { title: "copied", align: "right" },
      { title: "ends", align: "right" },
      { title: "stable", align: "right" },
      { title: "last records", align: "left" },
    ],
    rows: shown.map((row) => [
      `${row.topic}-${row.partition}`,
      offset(row.copied),
      row.endBefore === row.end ? offset(row.end) : `${offset(row.endBefore)}, ${offset(row.end)}`,
      offset(row.stable),
      lastText(row),
    ]),
  };
}

function weight({ records, equal }: PartitionEvidence): number {
  return (records ?? Number.MAX_SAFE_INTEGER) + (equal === false ? 1 : 0);
}

function offset(value: number | null): string {
  return value === null ? "–" : figure(value);
}

/** "equal: 41 = 40 (9f2c…)": offsets on both sides. */
function lastText({ originLast, destinationLast, equal }: PartitionEvidence): string {
  if (originLast === "not compared" || destinationLast === "not compared") return "not compared";
  if (originLast === null) return "none on the origin";
  const other = destinationLast === null ? "none" : figure(destinationLast.offset);
  const sign = equal === true ? "=" : "≠";
  return `${figure(originLast.offset)} ${sign} ${other} (${originLast.sha256.slice(0, 8)})`;
}
