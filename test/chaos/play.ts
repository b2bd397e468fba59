import { eventually } from "#lab/process.ts";
import { boundariesOf, type Case, nameOf, type Run, runs } from "./cases.ts";
import { inject } from "./faults.ts";
import type { Ending, Question } from "./hand.ts";
import { type Reached, readPhase, readRun, untilBoundary } from "./journal.ts";
import type { ChaosLab } from "./lab.ts";
import type { Baseline, Row } from "./results.ts";
import type { Scene } from "./scene.ts";
import { wave } from "./settings.ts";
import { contradictions, type Shot, takeShot } from "./world.ts";

/** One run on a scene, disturbed or not, and the judgement of what it left. */

export type Play = {
  readonly lab: ChaosLab;
  readonly scene: Scene;
  readonly baselines: ReadonlyMap<Run, Baseline>;
  readonly signal: AbortSignal;
};

/** A run may wait for its world for 60 s, go back, and be tried again at most 30 s apart. */
const runDeadlineMs = 240_000;
const settleDeadlineMs = 120_000;

/** Plays a run that nothing disturbs. Throws when it does not end as it should. */
export async function playUndisturbed(run: Run, play: Play): Promise<Baseline> {
  const { lab, scene, signal } = play;
  const question = await begin(run, play);
  const began = Date.now();
  await scene.hand.approve(question);
  const ending = await scene.hand.end(question, runDeadlineMs);
  const seconds = since(began);
  const journal = await readRun(lab.redis, runId(scene, question));
  if (ending.word !== "Done" || journal === undefined)
    throw new Error(`${runs[run].title}, undisturbed: ${ending.question} ${ending.card}`);
  await scene.traffic(settleDeadlineMs);
  const { shot, why } = await settled(play, runs[run].to, undefined);
  const { lost, twice, differing } = await scene.count();
  const problems = [...why, ...differing.map((topic) => `${topic} differs`)];
  if (problems.length > 0 || lost > 0 || twice > 0)
    throw new Error(
      `${runs[run].title}, undisturbed: ${problems.join("; ")}; ${lost} lost, ${twice} read twice`,
    );
  signal.throwIfAborted();
  return {
    kind: "baseline",
    run,
    boundaries: [...boundariesOf(journal)],
    titles: Object.fromEntries(
      journal.entries.map(({ step, title }) => [step, title.replaceAll(scene.names.migration, "x")]),
    ),
    after: shot,
    seconds,
    lost,
    twice,
    at: new Date().toISOString(),
  };
}

/** Plays a case to its judgement; "not met" when its step had nothing to do this time. Throws only when the scene cannot be played on at all, or on an abort. */
export async function playCase(one: Case, play: Play): Promise<Row | "not met"> {
  const { lab, scene, signal } = play;
  const started = Date.now();
  const before = await takeShot(lab, scene.admins, scene.names);
  const question = await begin(one.run, play);
  const patience = { deadlineMs: runDeadlineMs, signal };
  const watching = untilBoundary(lab.redis, runId(scene, question), one.at, patience);
  await scene.hand.approve(question);
  const reached = await watching;
  if (isFoundDone(one, reached)) {
    const { word, question: text } = await scene.hand.end(question, runDeadlineMs);
    if (word !== "Done") throw new Error(`a run that nothing disturbed: ${text}`);
    return "not met";
  }
  const at = reached.kind === "reached" ? reached.at : String(one.at);
  const hit = Date.now();
  const why =
    reached.kind === "reached"
      ? []
      : [`never came to ${one.at}; the run passed ${reached.passed.join(", ")}`];
  const harm = reached.kind === "reached" ? inject(one.fault, lab) : Promise.resolve();
  const [ending] = await Promise.all([endOf(scene, question, signal), harm]);
  const seconds = since(hit);
  const judged = await judge(one, ending, before, play);
  return {
    kind: "case",
    name: nameOf(one),
    run: one.run,
    at,
    fault: one.fault,
    ok: why.length === 0 && judged.why.length === 0,
    outcome: judged.outcome,
    lost: judged.lost,
    twice: judged.twice,
    seconds,
    tookSeconds: since(started),
    why: [...why, ...judged.why],
    said: ending === undefined ? "nothing final" : firstLines(ending.question),
    refusals: [...question.refusals],
    when: new Date().toISOString(),
  };
}

/** A step whose work the run found done has no begin. */
function isFoundDone({ at }: Case, reached: Reached): boolean {
  return (
    reached.kind === "missed" &&
    typeof at === "string" &&
    at.endsWith(":begin") &&
    reached.passed.includes(at.replace(/begin$/u, "end"))
  );
}

async function begin(run: Run, { scene }: Play): Promise<Question> {
  await scene.traffic(settleDeadlineMs);
  return await scene.hand.ask(`${runs[run].command} ${wave}`);
}

async function endOf(scene: Scene, question: Question, signal: AbortSignal): Promise<Ending | undefined> {
  return await scene.hand.end(question, runDeadlineMs).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
}

type Judged = Pick<Row, "outcome" | "lost" | "twice" | "why">;

/** Two legal ends: done and where the run leads, or failed and where it began. And the bot must have said which. */
async function judge(one: Case, ending: Ending | undefined, before: Shot, play: Play): Promise<Judged> {
  const { scene, baselines, signal } = play;
  const { from, to } = runs[one.run];
  const open: Judged = { outcome: "no legal end", lost: null, twice: null, why: [] };
  if (ending === undefined) return { ...open, why: [`no last word within ${runDeadlineMs / 1000} s`] };
  if (ending.word !== "Done" && ending.word !== "Failed")
    return { ...open, why: [`the request ended as ${ending.word}: ${firstLines(ending.question)}`] };
  const why: string[] = [];
  const done = ending.word === "Done";
  if (!isToldBy(ending.card, done))
    why.push(`the run's card does not say ${ending.word}: ${firstLines(ending.card)}`);
  const trafficked = await scene.traffic(settleDeadlineMs).then(
    () => [],
    (error: unknown) => [String(error)],
  );
  signal.throwIfAborted();
  const end = await settled(play, done ? to : from, done ? baselines.get(one.run)?.after : before);
  const { lost, twice, differing } = await scene.count();
  why.push(...trafficked, ...end.why, ...differing.map((topic) => `${topic} differs between the clusters`));
  if (lost > 0) why.push(`${lost} records lost`);
  if (twice > 0) why.push(`${twice} records read twice`);
  const outcome = end.why.length > 0 ? "no legal end" : done ? "went on" : "went back";
  return { outcome, lost, twice, why };
}

/** The card ends with the steps, a cross in front when it failed, and no bar of work under way. */
function isToldBy(card: string, done: boolean): boolean {
  return card !== "" && !/[▓░]|waiting since/u.test(card) && card.startsWith("✗") !== done;
}

/** A broker that was started again needs a moment until members are back: the world is looked at until it fits. */
async function settled(
  { lab, scene, signal }: Play,
  phase: string,
  like: Shot | undefined,
): Promise<{ readonly shot: Shot; readonly why: readonly string[] }> {
  let last: Shot | undefined;
  try {
    const shot = await eventually(
      async () => {
        last = await takeShot(lab, scene.admins, scene.names);
        return contradictions(last, phase, like).length === 0 && last;
      },
      { what: "a legal state", deadlineMs: settleDeadlineMs, everyMs: 200, signal },
    );
    return { shot, why: [] };
  } catch (error) {
    signal.throwIfAborted();
    if (last === undefined) throw error;
    return { shot: last, why: contradictions(last, phase, like) };
  }
}

/** Where the scene stands, by the bot's record. */
export async function standing({ lab, scene }: Pick<Play, "lab" | "scene">): Promise<string> {
  return await readPhase(lab.redis, scene.names.migration);
}

function runId(scene: Scene, { id }: Question): string {
  return `${scene.names.migration}-${id}`;
}

function since(ms: number): number {
  return Math.round((Date.now() - ms) / 100) / 10;
}

function firstLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(0, 3)
    .join(" / ")
    .slice(0, 400);
}
