import { staleBasis } from "#domain/assess/assessment-age.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Check, Part } from "#domain/message.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { ReplicationEngine } from "#domain/ports.ts";
import { count, figure } from "#domain/wording.ts";
import { accessBeforeReplication } from "#jobs/access/before-replication.ts";
import { reportTopics } from "#jobs/access/report-topics.ts";
import { refuseStalePlan } from "#jobs/plan-stale.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { isForward, refuseBesideRun, refuseTaken } from "./beside-run.ts";
import { formerEngines, rememberEngine, takeOver } from "./change-engine.ts";
import { strayHeartbeats } from "./heartbeats.ts";
import { startGuarded } from "./loop-guard.ts";
import { type StartedWave, startWave } from "./replicate-wave.ts";
import { forgetRestarts } from "./restart-failed.ts";
import { resumeReverse, reverseWaves } from "./resume-reverse.ts";
import { refuseSharedFlows } from "./shared-flows.ts";
import { throttle, throttled } from "./throttle.ts";

/** Written when the first mirror is started: from then on a mirror that cannot be read is worth an alarm. */
export function mirroringKey(migration: string): string {
  return `mirroring:${migration}`;
}

/**
 * Starts, pauses, resumes or stops the forward mirror of every wave whose producers are still on the source. `resume`
 * also lets the mirrors back go on that keep a rollback possible.
 */
export async function replicate(job: JobOf<"replicate">, work: Work): Promise<Outcome> {
  if (job.action === "throttle") return await throttle(job.bytesPerSecond, work);
  await refuseBesideRun(work);
  const plan = await loadPlan(work);
  const waves = await forwardWaves(plan, work);
  if (job.action === "start") await refuseStaleStart(plan, waves, work);
  const engine = await work.world.engine();
  const back = job.action === "resume" ? await reverseWaves(plan, work) : [];
  if (waves.length + back.length === 0) {
    throw new FerryError(
      "E_PHASE",
      "The producers of every wave have moved: no forward mirror is left to run.",
    );
  }
  await work.audit({
    what: `replicate.${job.action}`,
    subject: work.migration.name,
    reason: "asked",
    detail: { plan: plan.hash, waves: [...waves, ...back].map(({ name }) => name) },
  });
  if (job.action === "start") return start(plan, waves, engine, work);
  return command(job.action, waves, back, engine, work);
}

/** Waves that have moved are the business of cutover and rollback: what the source became since does not hold them up. */
async function refuseStaleStart(plan: Plan, waves: readonly Wave[], work: Work): Promise<void> {
  const others = plan.waves.filter((wave) => !waves.includes(wave));
  await refuseStalePlan({ step: "replicate start", waves, others }, plan, work);
  // Two migrations that were planned at one moment did not see each other.
  await refuseSharedFlows(waves, work);
}

/** Once its producers have moved, a wave's mirror belongs to cutover and rollback. */
async function forwardWaves(plan: Plan, work: Work): Promise<readonly Wave[]> {
  const waves: Wave[] = [];
  for (const wave of plan.waves) if (await isForward(wave, work)) waves.push(wave);
  return waves;
}

async function start(
  plan: Plan,
  waves: readonly Wave[],
  engine: ReplicationEngine,
  work: Work,
): Promise<Outcome> {
  const check = await engine.check();
  const missing = check.problems.find((problem) => /Connector|newer|override\.policy/.test(problem));
  if (missing !== undefined) throw new FerryError("E_CONNECT_PLUGIN", missing);
  await work.store.write(mirroringKey(work.migration.name), work.clock.now());
  const access = await accessBeforeReplication(work);
  const started = await startAll(plan, waves, engine, work);
  await reportTopics(plan, started, work);
  const problems = started.flatMap(({ wave, problems }) =>
    problems.map((error) => problemCheck(wave.name, error)),
  );
  const stale = staleBasis(plan, work.clock.now());
  const notes = [await strayHeartbeats(check.version, work), await throttled(work), stale];
  const said = [...check.problems, ...notes.filter((note) => note !== undefined)];
  const warnings = said.map((text): Check => ({ state: "warn", text }));
  const failed = started.filter(({ state }) => state === "failed").length;
  const text = `${count(sum(started, "topics"), "topic")} in ${count(waves.length - failed, "wave")} mirrored; ${count(sum(started, "created"), "topic")} created on MSK.`;
  await work.card.finish({
    subject: subject("start", work),
    tone: failed === waves.length ? "failed" : "done",
    parts: [{ kind: "text", text }, startTable(started), ...checks([...problems, ...warnings, ...access])],
    next: problems.length > 0 ? ["replicate start", "lag"] : ["lag", "status"],
  });
  return done;
}

/** Waves started at a time: each waits for its tasks and its first offsets, and more would only queue up in Connect. */
const atOnce = 4;

/** In the order of the plan. When one fails in a way that may pass, the others are brought to their end first. */
async function startAll(
  plan: Plan,
  waves: readonly Wave[],
  engine: ReplicationEngine,
  work: Work,
): Promise<readonly StartedWave[]> {
  const formers = await formerEngines(plan, work);
  const started = new Map<Wave, StartedWave>();
  const left = waves.values();
  async function turn(): Promise<void> {
    for (const wave of left) {
      await progress(`wave ${wave.name}`, started.size, waves.length, work);
      // Those before it may have taken minutes: a run may have moved this one.
      await refuseBesideRun(work);
      if (!(await isForward(wave, work))) continue;
      started.set(
        wave,
        await startOne(plan, wave, engine, work, () => takeOver(wave, formers, engine, work)),
      );
    }
  }
  const turns = await Promise.allSettled(Array.from({ length: atOnce }, turn));
  for (const each of turns) if (each.status === "rejected") throw each.reason;
  const all = waves.flatMap((wave) => started.get(wave) ?? []);
  if (all.every(({ state }) => state !== "failed")) await rememberEngine(work);
  return all;
}

/** Errors that pass by themselves are left to the queue, which calls the job again; others stay with their wave. */
async function startOne(
  plan: Plan,
  wave: Wave,
  engine: ReplicationEngine,
  work: Work,
  before: () => Promise<void>,
): Promise<StartedWave> {
  try {
    await before();
    const started = await startWave(plan, wave, engine, work);
    await forgetRestarts(work, flowName(work.migration.name, wave.name, "forward"));
    return started;
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.retryable || error.code === "E_INTERNAL") throw error;
    await work.audit({
      what: "mirror.failed",
      wave: wave.name,
      subject: flowName(work.migration.name, wave.name, "forward"),
      reason: error.code,
      detail: { message: error.message },
    });
    await threadTrace(wave, engine, work);
    return { wave, state: "failed", topics: 0, created: 0, partitions: 0, problems: [error] };
  }
}

/** The whole trace of a failed task goes into the thread. */
async function threadTrace(wave: Wave, engine: ReplicationEngine, work: Work): Promise<void> {
  const name = flowName(work.migration.name, wave.name, "forward");
  const { tasks } = await engine.status(name);
  const trace = tasks.find(({ trace }) => trace !== undefined)?.trace;
  if (trace === undefined) return;
  const parts = [{ kind: "code", text: trace.slice(0, 6_000) } as const];
  await work.card.thread(`trace:${name}`, { subject: `${name}: trace`, tone: "failed", parts });
}

const verbs = {
  pause: { state: "paused", says: "Paused. Lag grows until `/ferry replicate resume`." },
  resume: { state: "running", says: "The mirror goes on where it stopped." },
  stop: { state: "stopped", says: "Stopped. Offsets are kept: `/ferry replicate start` goes on from there." },
} as const;

async function command(
  action: keyof typeof verbs,
  waves: readonly Wave[],
  back: readonly Wave[],
  engine: ReplicationEngine,
  work: Work,
): Promise<Outcome> {
  const rows: string[][] = [];
  for (const wave of waves) {
    await progress(`wave ${wave.name}`, rows.length, waves.length, work);
    for (const kind of ["forward", "checkpoint"] as const) {
      const name = flowName(work.migration.name, wave.name, kind);
      const before = (await engine.status(name)).state;
      if (before === "absent") {
        if (kind === "forward") rows.push([wave.name, kind, "not started"]);
        continue;
      }
      await refuseTaken(wave, work);
      // A checkpoint connector copies no records; forward is asked for first.
      const order = () => carryOut(action, name, before, engine, wave, work);
      if (action === "resume" && kind === "forward") await startGuarded(name, wave, engine, order);
      else await order();
      rows.push([wave.name, kind, (await engine.status(name)).state]);
    }
  }
  for (const wave of back) {
    await refuseBesideRun(work);
    rows.push([wave.name, "reverse", await resumeReverse(wave, engine, work)]);
  }
  const columns = ["wave", "mirror", "state"].map((title) => ({ title, align: "left" }) as const);
  const parts: Part[] = [
    { kind: "text", text: verbs[action].says },
    { kind: "table", columns, rows },
  ];
  const next = action === "resume" ? ["lag"] : [action === "pause" ? "replicate resume" : "replicate start"];
  await work.card.finish({ subject: subject(action, work), tone: "done", parts, next });
  return done;
}

async function carryOut(
  action: keyof typeof verbs,
  name: string,
  before: string,
  engine: ReplicationEngine,
  wave: Wave,
  work: Work,
): Promise<void> {
  if (before === verbs[action].state) return;
  if (action === "resume") {
    if (before === "failed") await engine.restartFailed(name);
    await engine.start(name);
    await forgetRestarts(work, name);
  }
  if (action === "pause") await engine.pause(name);
  if (action === "stop") await engine.stop(name);
  const { state: after } = verbs[action];
  const change = { subject: name, before, after, reason: "asked" };
  await work.audit({ what: `mirror.${after}`, wave: wave.name, ...change, detail: { flow: name } });
}

function startTable(started: readonly StartedWave[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "topics", align: "right" },
      { title: "partitions", align: "right" },
      { title: "created on MSK", align: "right" },
      { title: "mirror", align: "left" },
    ],
    rows: started.map(({ wave, state, topics, created, partitions }) => [
      wave.name,
      `${figure(topics)} of ${figure(wave.topics.length)}`,
      figure(partitions),
      figure(created),
      state,
    ]),
  };
}

function problemCheck(wave: string, { code, message, remedy }: FerryError): Check {
  return { state: "fail", text: `wave ${wave}: ${code} ${message} ${remedy}` };
}

function checks(items: readonly Check[]): readonly Part[] {
  return items.length === 0 ? [] : [{ kind: "checks", items }];
}

function sum(started: readonly StartedWave[], key: "topics" | "created"): number {
  return started.reduce((total, wave) => total + wave[key], 0);
}

async function progress(step: string, finished: number, of: number, work: Work): Promise<void> {
  const parts = [{ kind: "progress", step, done: finished, of } as const];
  await work.card.update({ subject: subject("", work), tone: "working", parts });
}

function subject(action: string, { migration }: Pick<Work, "migration">): string {
  return `${migration.name} · replicate${action === "" ? "" : ` ${action}`}`;
}
