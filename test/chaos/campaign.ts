import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Case, nameOf, placeOf, Run } from "./cases.ts";
import type { ChaosLab } from "./lab.ts";
import { startChaosLab } from "./lab.ts";
import { playCase, playUndisturbed, standing } from "./play.ts";
import type { CaseQueue } from "./queue.ts";
import type { Results, Row } from "./results.ts";
import { openScene, type Scene } from "./scene.ts";

/** Plays cases on labs until none is left: several cases on a scene, several scenes on a lab. */

export type Campaign = {
  readonly results: Results;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Folder for the logs of failed cases. */
  readonly evidence: string;
  /** Of the product that is played. */
  readonly commit: string;
};

/** So many cases on one migration: journals and logs stay short, and names change. */
const casesPerScene = 12;

/** The order in which four undisturbed runs show all steps. */
const tour: readonly Run[] = [
  "consumers",
  "rollback-consumers",
  "consumers",
  "producers",
  "rollback-producers",
];

/** Learns the boundaries of every run that has no baseline yet. */
export async function learnBaselines(campaign: Campaign): Promise<void> {
  const { results, say, signal } = campaign;
  if (Run.options.every((run) => results.baselines().has(run))) return;
  await using lab = await startChaosLab({ log: say, signal });
  noteVersions(campaign, lab);
  await using scene = await openScene(lab, signal);
  for (const run of tour) {
    const baseline = await playUndisturbed(run, { lab, scene, baselines: results.baselines(), signal });
    if (!results.baselines().has(run)) results.add(baseline);
    say(`${run}, undisturbed: ${baseline.seconds} s, ${baseline.boundaries.length} boundaries`);
  }
}

function noteVersions({ results, commit }: Campaign, { clusters }: ChaosLab): void {
  const { source, target, connect, redis } = clusters;
  results.add({
    kind: "versions",
    source: source.version,
    target: target.version,
    connect: connect.version,
    redis: redis.version,
    node: process.versions.node,
    commit,
  });
}

const scenesPerTry = 2;

/**
 * One lab's share: takes cases from the queue until none is left. A lab on which scenes break is replaced. Throws when
 * nothing could be played on two labs in a row.
 */
export async function playAll(campaign: Campaign, queue: CaseQueue): Promise<void> {
  for (let barren = 0; queue.left() > 0; ) {
    campaign.signal.throwIfAborted();
    if (barren === 2) throw new Error("no case could be played on two labs in a row");
    const before = campaign.results.rows().length;
    await using lab = await startChaosLab({ log: () => undefined, signal: campaign.signal });
    await playOnLab(campaign, queue, lab);
    barren = campaign.results.rows().length > before ? 0 : barren + 1;
  }
}

/** Returns when no case is left, or when the lab does not bring up a scene any more. */
async function playOnLab(campaign: Campaign, queue: CaseQueue, lab: ChaosLab): Promise<void> {
  const { say, signal } = campaign;
  for (let broken = 0; queue.left() > 0 && broken < scenesPerTry; ) {
    try {
      await using scene = await openScene(lab, signal);
      await playOnScene(campaign, queue, lab, scene);
      broken = 0;
    } catch (error) {
      signal.throwIfAborted();
      broken += 1;
      say(`a scene was given up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function playOnScene(campaign: Campaign, queue: CaseQueue, lab: ChaosLab, scene: Scene): Promise<void> {
  const { results, say, signal } = campaign;
  const notHere = new Set<string>();
  for (let played = 0; played < casesPerScene; ) {
    const next = queue.next(await standing({ lab, scene }), notHere);
    if (next.kind === "nothing") return;
    const play = { lab, scene, baselines: results.baselines(), signal };
    if (next.kind === "undisturbed") {
      await playUndisturbed(next.run, play);
      continue;
    }
    const row = await playOne(next.one, campaign, () => playCase(next.one, play));
    if (row === "not met") {
      say(`     ${nameOf(next.one)}: the run found that step done; left to another migration`);
      notHere.add(placeOf(next.one));
      queue.giveBack(next.one);
      continue;
    }
    played += 1;
    say(lineOf(row, queue.left()));
    if (!row.ok) {
      await keepEvidence(campaign, lab, row);
      // What a failed case leaves behind would be blamed on the next one.
      return;
    }
  }
}

/** A case that cannot even be judged is a failed one. */
async function playOne(
  one: Case,
  { results, signal }: Campaign,
  play: () => Promise<Row | "not met">,
): Promise<Row | "not met"> {
  const began = Date.now();
  let row: Row | "not met";
  try {
    row = await play();
  } catch (error) {
    signal.throwIfAborted();
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    row = {
      kind: "case",
      name: nameOf(one),
      run: one.run,
      at: String(one.at),
      fault: one.fault,
      ok: false,
      outcome: "no legal end",
      lost: null,
      twice: null,
      seconds,
      tookSeconds: seconds,
      why: [error instanceof Error ? error.message : String(error)],
      said: "",
      refusals: [],
      when: new Date().toISOString(),
    };
  }
  if (row !== "not met") results.add(row);
  return row;
}

function lineOf(row: Row, left: number): string {
  const counts = `${row.lost ?? "?"} lost, ${row.twice ?? "?"} twice`;
  const verdict = row.ok ? "ok  " : "FAIL";
  const why = row.ok ? "" : `: ${row.why.join("; ")}`;
  return `${verdict} ${row.name}: ${row.outcome}, ${counts}, ${row.seconds} s of ${row.tookSeconds} s; ${left} left${why}`;
}

async function keepEvidence({ evidence, say }: Campaign, { clusters }: ChaosLab, row: Row): Promise<void> {
  const place = join(evidence, row.name.replaceAll(/[^a-z0-9]+/gu, "-"));
  await mkdir(place, { recursive: true });
  for (const file of [
    "bot.log",
    "host.log",
    "connect.log",
    "source.log",
    "target.log",
    "ferry.yaml",
    "apps",
  ]) {
    await cp(join(clusters.runFolder.path, file), join(place, file), { recursive: true, force: true }).catch(
      () => undefined,
    );
  }
  say(`logs: ${place}`);
}
