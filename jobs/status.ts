import { staleBasis, staleParts, staleStored } from "#domain/assess/assessment-age.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { asFerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { behind, sumLags } from "#domain/lag/lag.ts";
import { quietText } from "#domain/lag/quiet-window.ts";
import type { Message, Part } from "#domain/message.ts";
import { Verified, verifiedKey } from "#domain/offsets/verification.ts";
import { type Plan, Plan as PlanShape, planKey, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { nextCommands, type Stage, type Standing, stageOf } from "#domain/switch/standing.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import { about, clockTime, figure, zoneOf } from "#domain/wording.ts";
import { waitingFor } from "./approval/waiting-for.ts";
import { readMigrationLag, type WaveLag } from "./mirror/migration-lag.ts";
import { readQuietWindow } from "./mirror/rate-profile.ts";
import { readinessLines } from "./switch/readiness.ts";
import { readWaveState } from "./switch/wave.ts";
import { done, type Outcome, type Work } from "./work.ts";

/** One screen: where each wave stands, what waits for whom, what a way back costs now, what to do next. Changes nothing. */
export async function status(_job: JobOf<"status">, work: Work): Promise<Outcome> {
  const stored = await work.store.read(planKey(work.migration.name));
  const plan = stored && PlanShape.parse(stored.value);
  await work.card.finish(plan === undefined ? await beforePlan(work) : await withPlan(plan, work));
  return done;
}

async function beforePlan(work: Work): Promise<Message> {
  const stored = await work.store.read(assessmentKey(work.migration.name));
  const assessed = stored !== undefined;
  const text = assessed ? "Assessed, not planned yet." : "Nothing was done yet.";
  const stale = staleParts(assessed ? staleStored(stored.value, work.clock.now()) : undefined);
  return message(
    work,
    [{ kind: "text", text }, ...stale],
    assessed ? ["plan", "assess"] : ["assess", "plan"],
  );
}

type Row = {
  readonly wave: Wave;
  readonly stage: Stage;
  readonly lag: WaveLag | undefined;
  /** What a way back costs now; empty where there is nothing to take back. */
  readonly back: string;
  readonly verified: string;
};

async function withPlan(plan: Plan, work: Work): Promise<Message> {
  const target = await openTarget(work);
  const lag = await readMigrationLag(work);
  const back = await readinessLines(plan.waves, lag.copyRates, work);
  const rows: Row[] = [];
  for (const wave of plan.waves) {
    const reading = lag.waves.find((each) => each.wave.name === wave.name);
    rows.push(await rowOf(wave, reading, back.get(wave.name), target, work));
  }
  const standings = rows.map(({ wave, stage, lag }) => ({
    wave: wave.name,
    stage,
    mirror: mirrorOf(lag, target),
  }));
  const parts: Part[] = [table(rows), ...wayBack(rows), await quiet(rows, work), await waiting(work)];
  parts.push(...staleParts(staleBasis(plan, work.clock.now())));
  if (!target.known) parts.push({ kind: "note", text: `MSK: ${target.why}` });
  return message(work, parts, nextCommands(standings, target.known));
}

async function openTarget(work: Work): Promise<Known<KafkaCluster>> {
  try {
    return known(await work.world.target());
  } catch (thrown) {
    const { code, message: text } = asFerryError(thrown);
    return unknown(`${code} ${text}`);
  }
}

/** Without a target nothing can have been started. */
function mirrorOf(lag: WaveLag | undefined, target: Known<unknown>): Standing["mirror"] {
  if (lag === undefined) return "absent";
  if (lag.failure === undefined) return lag.flow.state;
  return !target.known && lag.failure.code === "E_TARGET_ABSENT" ? "absent" : "unknown";
}

async function rowOf(
  wave: Wave,
  lag: WaveLag | undefined,
  back: string | undefined,
  target: Known<KafkaCluster>,
  work: Work,
): Promise<Row> {
  const state = await readWaveState(work, wave.name);
  const sum = lag === undefined ? undefined : sumLags(lag.lags);
  const clear = sum !== undefined && sum.findings.length === 0 ? sum.records : null;
  return {
    wave,
    lag,
    stage: stageOf(state.phase, mirrorOf(lag, target), clear),
    back: state.phase === "cleaned" ? "none any more: the mirrors are removed" : (back ?? ""),
    verified: await lastVerified(wave, work),
  };
}

async function lastVerified(wave: Wave, work: Work): Promise<string> {
  const stored = await work.store.read(verifiedKey(work.migration.name, wave.name));
  if (stored === undefined) return "never";
  const verified = Verified.parse(stored.value);
  const age = about(Math.max(0, work.clock.now() - Date.parse(verified.at)));
  return verified.differences.length === 0 ? `equal, ${age} ago` : `DIFFERENT, ${age} ago`;
}

function table(rows: readonly Row[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "stands at", align: "left" },
      { title: "behind", align: "right" },
      { title: "topics", align: "right" },
      { title: "groups", align: "right" },
      { title: "compared", align: "left" },
    ],
    rows: rows.map(({ wave, stage, lag, verified }) => [
      wave.name,
      stage,
      behindText(stage, lag),
      figure(wave.topics.length),
      figure(wave.groups.length),
      verified,
    ]),
  };
}

function behindText(stage: Stage, lag: WaveLag | undefined): string {
  if (lag === undefined || stage === "not started") return "–";
  return lag.failure === undefined ? behind(sumLags(lag.lags)) : "unknown";
}

function wayBack(rows: readonly Row[]): readonly Part[] {
  const moved = rows.filter(({ back }) => back !== "");
  if (moved.length === 0) return [];
  return [
    { kind: "facts", rows: moved.map(({ wave, back }) => ({ label: `Way back ${wave.name}`, value: back })) },
  ];
}

/** When to cut over what has not moved yet. */
async function quiet(rows: readonly Row[], work: Work): Promise<Part> {
  const left = rows.filter(({ lag }) => lag?.phase === "before-cutover" || lag?.phase === "consumers-moved");
  const window = await readQuietWindow(
    (left.length === 0 ? rows : left).map(({ wave }) => wave.name),
    work,
  );
  const text = quietText(window, zoneOf(work.migration.settings));
  return { kind: "note", text: `Quietest hour: ${text}` };
}

async function waiting(work: Work): Promise<Part> {
  const lines = await waitingFor(work);
  return {
    kind: "text",
    text: lines.length === 0 ? "Nothing waits for anybody." : `Waiting: ${lines.join("; ")}`,
  };
}

function message(work: Work, parts: readonly Part[], next: readonly string[]): Message {
  return {
    subject: `${work.migration.name} · status`,
    tone: "info",
    note: clockTime(work.clock.now()),
    parts,
    next,
  };
}
