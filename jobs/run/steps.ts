import { asFerryError, catalogue, type ErrorCode, FerryError } from "#domain/errors.ts";
import type { Store } from "#domain/ports.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import type { Step } from "./approvable.ts";
import { type Journal, openJournal } from "./journal.ts";
import type { LiveRun } from "./run.ts";
import { progressMessage, stuckMessage } from "./steps-message.ts";

/**
 * How a run ends an attempt without throwing. `undone`: it failed before its point of no return and everything that
 * it had begun was taken back.
 */
export type StepsResult =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly ms: number }
  | { readonly kind: "undone"; readonly error: FerryError };

type Options = {
  readonly steps: readonly Step[];
  readonly run: LiveRun;
  readonly work: Work;
  /** Heads the card: "orders · cut over CONSUMERS of wave billing". */
  readonly subject: string;
  /** How long a world that does not answer is waited for before the run turns back, in ms. */
  readonly patienceMs?: number;
  /** The same while it is turning back, before it calls a person. */
  readonly undoPatienceMs?: number;
};

type Context = Required<Options> & { readonly journal: Journal };

/** These say nothing about the world: the next attempt goes on where this one stopped. */
const ours: ReadonlySet<ErrorCode> = new Set(["E_STORE", "E_LEASE", "E_LEASE_LOST", "E_QUEUE"]);

/**
 * Carries out the steps of a run, from wherever an earlier attempt was stopped. Intent is journaled before each act
 * and outcome after it, both fenced by the run's lease.
 *
 * Throws for another attempt when the store, the lease or (for `patienceMs`) the world fails, and for every failure
 * behind the point of no return. Throws `E_UNDO_FAILED` when going back failed: then nothing more is tried, ever.
 */
export async function runSteps(options: Options): Promise<StepsResult> {
  const { run, work } = options;
  const context: Context = {
    patienceMs: 60_000,
    undoPatienceMs: 600_000,
    ...options,
    journal: await openJournal(work.store, run),
  };
  const { state } = context.journal.current();
  switch (state) {
    case "done":
      return { kind: "done" };
    case "undone":
      return { kind: "undone", error: recorded(context.journal) };
    case "stuck":
      await tellStuck(context);
      throw recorded(context.journal);
    case "undoing":
      return undo(context);
    case "forward":
      return forward(context);
  }
}

/** Asks a run to turn back at its next step. It does, unless its point of no return is behind it. */
export async function askToTurnBack(store: Store, run: string, by: string): Promise<void> {
  await store.write(`turn-back:${run}`, by);
}

async function forward(context: Context): Promise<StepsResult> {
  const { steps, journal, work } = context;
  try {
    if (await pastNoReturn(context)) await notePassed(context);
    for (const step of steps) {
      if (isBehind(context, step)) continue;
      await mayGoOn(context);
      await work.card.update(progressMessage(context.subject, steps, journal.current(), step.title));
      const outcome = await take(context, step);
      if (outcome.kind === "again") return outcome;
    }
    await journal.save({ state: "done" });
    return { kind: "done" };
  } catch (thrown) {
    return onFailure(context, asFerryError(thrown));
  }
}

/** One step: the world is asked first, whatever the journal says. */
async function take(context: Context, step: Step): Promise<Outcome> {
  const { journal, work } = context;
  const earlier = journal.entry(step.name);
  if (await step.isDone()) {
    if (earlier?.outcome === undefined)
      await noteEnd(context, step, earlier === undefined ? "found" : "done");
    return done;
  }
  if (earlier === undefined || earlier.outcome !== undefined) {
    const undo = step.undo?.title;
    await work.audit(intentOf(context, step, earlier));
    await journal.put({ step: step.name, title: step.title, undo, intentAt: work.clock.now() });
  }
  const result = await step.act();
  if (result.kind === "done") await noteEnd(context, step, "done");
  return result;
}

async function noteEnd(context: Context, step: Step, outcome: "done" | "found" | "undone"): Promise<void> {
  const { journal, work } = context;
  const now = work.clock.now();
  const earlier = journal.entry(step.name);
  // A step that is only done over again is no sign that the trouble of a later one has ended.
  const onward =
    outcome === "undone" || earlier === undefined || journal.current().entries.at(-1) === earlier;
  await work.audit(endOf(context, step, outcome, earlier));
  await journal.put(
    {
      step: step.name,
      title: step.title,
      undo: step.undo?.title,
      intentAt: earlier?.intentAt ?? now,
      outcome,
      endedAt: now,
    },
    {
      ...(onward ? { troubleSince: undefined } : {}),
      passed: journal.current().passed || step.pointOfNoReturn === true,
    },
  );
}

type Earlier = ReturnType<Journal["entry"]>;

/** Its key is the same for an attempt that repeats it because the journal does not know of it yet. */
function intentOf({ run }: Context, { name, title, undo }: Step, earlier: Earlier) {
  return {
    what: "step.intent",
    key: `${run.id}:${name}:intent:${earlier?.endedAt ?? ""}`,
    subject: name,
    before: earlier?.outcome ?? "not begun",
    after: "begun",
    reason: "run",
    detail: { run: run.id, step: name, title, undo: undo?.title },
  };
}

function endOf(
  { run, journal }: Context,
  { name, title }: Step,
  outcome: "done" | "found" | "undone",
  earlier: Earlier,
) {
  const { intentAt = "", endedAt = "" } = earlier ?? {};
  return {
    what: `step.${outcome}`,
    key: `${run.id}:${name}:${outcome}:${intentAt}:${endedAt}`,
    subject: name,
    before: earlier === undefined ? "not begun" : (earlier.outcome ?? "begun"),
    after: outcome,
    reason: outcome === "undone" ? whyBack(journal) : "run",
    detail: { run: run.id, step: name, title },
  };
}

function whyBack(journal: Journal): string {
  return journal.current().failure?.code ?? "turning-back";
}

/** What comes before the point of no return is over once that is behind, whatever the world looks like now. */
function isBehind({ steps, journal }: Context, step: Step): boolean {
  if (!journal.current().passed) return false;
  return (
    steps.indexOf(step) <= steps.findLastIndex((other) => other.pointOfNoReturn === true && isNoted(other))
  );

  function isNoted(other: Step): boolean {
    const outcome = journal.entry(other.name)?.outcome;
    return outcome === "done" || outcome === "found";
  }
}

/** A step of no return that was begun, and of which the journal does not know the end: the world knows it. */
async function pastNoReturn({ steps, journal }: Context): Promise<Step | undefined> {
  if (journal.current().passed) return undefined;
  const begun = steps.find((step) => step.pointOfNoReturn === true && journal.entry(step.name) !== undefined);
  return begun !== undefined && (await begun.isDone()) ? begun : undefined;
}

async function notePassed(context: Context): Promise<void> {
  const step = await pastNoReturn(context);
  if (step !== undefined) await noteEnd(context, step, "done");
}

async function mayGoOn({ run, work, journal }: Context): Promise<void> {
  run.signal.throwIfAborted();
  work.signal.throwIfAborted();
  if (journal.current().passed) return;
  const asked = await work.store.read(`turn-back:${run.id}`);
  if (asked !== undefined) throw new FerryError("E_APPROVAL", `stopped by @{${String(asked.value)}}`);
}

async function onFailure(context: Context, error: FerryError): Promise<StepsResult> {
  const { journal, run, work } = context;
  if (ours.has(error.code) || run.signal.aborted || work.signal.aborted) throw error;
  await work.audit({
    what: "step.failed",
    subject: journal.current().entries.at(-1)?.step ?? run.id,
    reason: error.code,
    detail: { run: run.id, message: error.message },
  });
  // Unreadable means unknown, and unknown is no reason to go back: the error of `isDone` ends this attempt.
  if (journal.current().passed || (await pastNoReturn(context)) !== undefined) throw error;
  await waitForWorld(context, error, context.patienceMs);
  await journal.save({
    state: "undoing",
    failure: { code: error.code, message: error.message },
    troubleSince: undefined,
  });
  return undo(context);
}

/** Throws a retryable error back to the queue as long as patience lasts. */
async function waitForWorld(
  { journal, work }: Context,
  error: FerryError,
  patienceMs: number,
): Promise<void> {
  if (!error.retryable) return;
  const now = work.clock.now();
  const since = journal.current().troubleSince ?? now;
  if (now - since >= patienceMs) return;
  await journal.save({ troubleSince: since });
  throw error;
}

async function undo(context: Context): Promise<StepsResult> {
  const { journal, run, work } = context;
  try {
    for (const entry of journal.current().entries.toReversed()) {
      if (entry.outcome === "found" || entry.outcome === "undone") continue;
      run.signal.throwIfAborted();
      work.signal.throwIfAborted();
      await undoOne(context, entry.step, entry.undo);
    }
    await journal.save({ state: "undone" });
  } catch (thrown) {
    return onUndoFailure(context, asFerryError(thrown));
  }
  return { kind: "undone", error: recorded(journal) };
}

async function undoOne(context: Context, name: string, title: string | undefined): Promise<void> {
  const { steps, journal, run, work } = context;
  const step = steps.find((other) => other.name === name);
  if (step === undefined)
    throw new FerryError("E_INTERNAL", `step ${name} of run ${run.id} is not known any more`);
  await work.card.update(
    progressMessage(context.subject, steps, journal.current(), title ?? `take back: ${step.title}`),
  );
  const begun = journal.entry(name);
  await work.audit({
    what: "step.undo",
    key: `${run.id}:${name}:undo:${begun?.intentAt ?? ""}`,
    subject: name,
    before: begun?.outcome ?? "begun",
    after: "being undone",
    reason: whyBack(journal),
    detail: { run: run.id, step: name, title: step.title, undo: title },
  });
  await step.undo?.run();
  await noteEnd(context, { ...step, pointOfNoReturn: false }, "undone");
}

async function onUndoFailure(context: Context, error: FerryError): Promise<never> {
  const { journal, run, work } = context;
  if (ours.has(error.code) || run.signal.aborted || work.signal.aborted) throw error;
  // While Slack is away nobody can be called: what it was needed for is tried until it is back.
  await waitForWorld(context, error, error.code === "E_SLACK" ? Infinity : context.undoPatienceMs);
  const message = `${error.code}: ${error.message}; it was going back because of ${recorded(journal).message}`;
  await work.audit({
    what: "undo.failed",
    subject: run.id,
    before: "undoing",
    after: "stuck",
    reason: error.code,
    detail: { run: run.id, message: error.message },
  });
  await journal.save({ state: "stuck", failure: { code: "E_UNDO_FAILED", message } });
  await tellStuck(context);
  throw new FerryError("E_UNDO_FAILED", message, { cause: error });
}

/** Once, by whichever attempt reaches Slack: a person must know before the run is given up. */
async function tellStuck({ journal, run, work, subject, steps }: Context): Promise<void> {
  const { channel } = work.migration.settings;
  const key = `undo-failed:${run.id}`;
  if ((await work.chat.find(channel, key)) !== undefined) return;
  await work.chat.post(channel, stuckMessage(subject, steps, journal.current()), { key });
}

function recorded(journal: Journal): FerryError {
  const { failure } = journal.current();
  const code = Object.keys(catalogue).find((known) => known === failure?.code);
  return new FerryError(isCode(code) ? code : "E_INTERNAL", failure?.message ?? "no failure was recorded");
}

function isCode(text: string | undefined): text is ErrorCode {
  return text !== undefined && text in catalogue;
}
