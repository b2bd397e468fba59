import { isFinal, type Request } from "#domain/approval/approval.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { type Message, mention, type Part, type Tone } from "#domain/message.ts";
import type { Approvable, Step } from "#jobs/run/approvable.ts";
import { readJournal } from "#jobs/run/journal.ts";
import { createRun, type LiveRun, runIdOf } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import { stepsMessagePart } from "#jobs/run/steps-message.ts";
import { refuseWhileStuck } from "#jobs/run/stuck.ts";
import { liftFencesOfOthers } from "#jobs/switch/fence-sweep.ts";
import { withClientsOfRun } from "#jobs/switch/wave.ts";
import { again, done, type Handler, type Outcome, type Work } from "#jobs/work.ts";
import type { Approvables } from "./observe.ts";
import { withButtons } from "./request-actions.ts";
import { changeAudited, writeAudited } from "./request-audit.ts";
import { settle, show } from "./request-settle.ts";
import { aboutRequest, listRequests, readRequest } from "./request-store.ts";
import { type Reviewed, reviewOnce } from "./review.ts";

/** How long the migration stays this run's while it waits for its next attempt, ms beyond that wait. */
const holdMs = 60_000;
/** Pause after a failure behind the point of no return that the queue would otherwise give up on, ms. */
const stubbornMs = 30_000;
/** Slack did not tell who reacted: asked again after so long, ms. */
const unreadMs = 2000;
/** A scheduled start is looked at again at least so often, ms. */
const longestWaitMs = 60_000;

/** Who carries it out: nobody's hand, so nobody's name. Who approved it stands in the entry. */
const bot = "bot";

type Execution = {
  readonly request: Request;
  readonly approvable: Approvable;
  readonly run: LiveRun;
  readonly work: Work;
};

/**
 * Carries out an approved request, once. Right before the start the reactions, the people and the gate are read again;
 * the start itself is one transition under the migration's lease. A run that a crash interrupted goes on without
 * asking anybody again. A scheduled one is not touched before its time.
 */
export function createExecute(approvables: Approvables): Handler<JobOf<"execute">> {
  return async (job, work): Promise<Outcome> => {
    const found = await readRequest(work.store, work.migration.name, job.request);
    if (found === undefined || found.request.state === "open") return done;
    if (isFinal(found.request.state)) {
      await settle(found.request, work);
      return done;
    }
    const approvable = approvables[found.request.action];
    if (approvable === undefined) {
      throw new FerryError("E_INTERNAL", `${found.request.action} is not registered`);
    }
    if (found.request.state === "executing") return resume(found.request, approvable, work);
    const early = (found.request.startAt ?? 0) - work.clock.now();
    if (early > 0) return again(Math.min(early, longestWaitMs));
    const checked = await reviewOnce(found, work, approvables);
    if (checked === undefined) return again(100);
    if (checked.request.state !== "approved") return done;
    if (!checked.readBack) return again(unreadMs);
    return start(checked, approvable, work);
  };
}

async function start(checked: Reviewed, approvable: Approvable, work: Work): Promise<Outcome> {
  const run = await openRun(checked.request, work);
  const { lacking: _nothing, ...approved } = checked.request;
  const request: Request = { ...approved, state: "executing" };
  try {
    await refuseRival(request, work);
    await refuseWhileStuck(work);
    const { decidedBy: approvedBy, planHash, factHash } = request;
    const started = {
      what: "run.started",
      actor: bot,
      before: checked.request.state,
      after: request.state,
      reason: "quorum",
      detail: { run: run.id, approvedBy, planHash, factHash, ...checked.evidence },
    };
    const written = await writeAudited(checked, { next: request, entries: [started] }, work, run.lease);
    if (written === undefined) {
      await run.leave(0);
      return again(100);
    }
  } catch (thrown) {
    await run.leave(0);
    const error = asFerryError(thrown);
    if (error.code === "E_LEASE_LOST") return again(1000);
    throw error;
  }
  return carryOut({ request, approvable, run, work });
}

async function resume(request: Request, approvable: Approvable, work: Work): Promise<Outcome> {
  const run = await openRun(request, work);
  const detail = { request: request.id, run: run.id };
  const change = { before: request.state, after: request.state, reason: "attempt-ended" };
  await work.audit({ what: "run.resumed", actor: bot, ...aboutRequest(request), ...change, detail });
  return carryOut({ request, approvable, run, work });
}

function openRun(request: Request, { store, clock, log, migration }: Work): Promise<LiveRun> {
  return createRun({ id: runIdOf(request), migration: migration.name, store, clock, log });
}

/** A run that waits for its next attempt may have lost the lease to time; its request still says that it runs. */
async function refuseRival(request: Request, work: Work): Promise<void> {
  const all = await listRequests(work.store, work.migration.name);
  const rival = all.find((other) => other.state === "executing" && other.id !== request.id);
  if (rival === undefined) return;
  throw new FerryError("E_LEASE", `request ${rival.id} (${rival.proposal.title}) is still running`);
}

async function carryOut(execution: Execution): Promise<Outcome> {
  const { request, run } = execution;
  const work: Work = {
    ...execution.work,
    card: withButtons(execution.work.card, request),
    signal: AbortSignal.any([execution.work.signal, run.signal]),
    audit: (entry) =>
      execution.work.audit({ actor: bot, ...aboutRequest(request), request: request.id, ...entry }),
  };
  let safe = { ...execution, work };
  try {
    showStarted(request, work);
    await liftFencesOfOthers(work, run);
    if (await isBegun(safe)) safe = { ...safe, work: await withClientsOfRun(work, run.id) };
    const steps = await stepsOf(safe);
    if (steps === undefined) return again(stubbornMs);
    const subject = subjectOf(request);
    return await onResult(safe, await runSteps({ steps, run, work: safe.work, subject }));
  } catch (thrown) {
    return onThrown(safe, asFerryError(thrown));
  }
}

async function isBegun({ run, work }: Pick<Execution, "run" | "work">): Promise<boolean> {
  const journal = await readJournal(work.store, run.id);
  return (journal?.entries.length ?? 0) > 0;
}

/**
 * `undefined`: a begun run whose steps cannot be told, so that it can go neither on nor back, whoever cancels it. It
 * gives the lease up in between, so that its fence does not stand for ever, and calls people, once.
 */
async function stepsOf(execution: Execution): Promise<readonly Step[] | undefined> {
  const { approvable, request, run, work } = execution;
  try {
    return await approvable.steps(request.proposal, work, run);
  } catch (thrown) {
    const error = asFerryError(thrown);
    const passes = error.retryable || error.code === "E_LEASE_LOST" || work.signal.aborted;
    if (passes || !(await isBegun(execution))) throw error;
    await run.leave(0);
    work.log.error(
      { request: request.id, code: error.code, error: error.message },
      "run cannot go on or back",
    );
    try {
      await tellHeld(execution, error);
      await showWaiting(execution, error, `it tries again in ${stubbornMs / 1000} s`);
    } catch (silent) {
      work.log.warn({ request: request.id, error: asFerryError(silent).message }, "held run was not told");
    }
    return undefined;
  }
}

/** What Slack did not take is said at the next attempt. */
async function tellHeld({ request, run, work }: Execution, error: FerryError): Promise<void> {
  const { channel } = work.migration.settings;
  const key = `run-held:${run.id}`;
  if ((await work.chat.find(channel, key)) !== undefined) return;
  const text = `\`${error.code}\` ${error.message} The run has begun, and can go neither on nor back; \`/ferry cancel\` does not reach it either. It tries again every ${stubbornMs / 1000} s. Before its point of no return its fence is taken away meanwhile: applications may write where they wrote before.`;
  const remedy = `*Do:* put back what it misses: as it was when the request was approved, applications of ferry.yaml by the same names and its replication.engine. Then it goes on by itself, or back after \`/ferry cancel ${request.id}\`.`;
  await work.chat.post(
    channel,
    {
      subject: `${subjectOf(request)} · cannot go on`,
      tone: "alarm",
      note: `request ${request.id}`,
      parts: [
        { kind: "text", text },
        { kind: "text", text: remedy },
      ],
    },
    { key },
  );
}

/** The run waits for nobody to have read this: the card tells the rest, and the end is told in any case. */
function showStarted(request: Request, work: Work): void {
  void show(request, work).catch((thrown: unknown) => {
    work.log.warn({ request: request.id, error: asFerryError(thrown).message }, "start could not be shown");
  });
}

async function onResult(execution: Execution, result: StepsResult): Promise<Outcome> {
  const { run } = execution;
  switch (result.kind) {
    case "again":
      await run.leave(result.ms + holdMs);
      return result;
    case "done":
      await end(execution, "done", undefined, await summaryOf(execution));
      return done;
    case "undone": {
      const reason = `${result.error.code}: ${result.error.message}; everything that was begun was taken back`;
      await end(execution, "failed", reason, []);
      return done;
    }
  }
}

/** Every failure either ends the run for good or leaves it to its next attempt; none leaves it half-way for ever. */
async function onThrown(execution: Execution, error: FerryError): Promise<Outcome> {
  const { run, work, request } = execution;
  const { code, message } = error;
  if (code === "E_UNDO_FAILED") {
    await end(execution, "failed", `${code}: ${message}`, []);
    throw error;
  }
  await run.leave(holdMs);
  if (code === "E_LEASE_LOST") return again(1000);
  if (error.retryable || work.signal.aborted) {
    await showWaiting(execution, error, "it tries again by itself");
    if (!error.retryable) return again(1000);
    throw error;
  }
  if (!(await isBegun(execution))) {
    await end(execution, "failed", `${code}: ${message}`, []);
    return done;
  }
  work.log.error({ request: request.id, code, error: message }, "run cannot go back and tries again");
  await showWaiting(execution, error, `it tries again in ${stubbornMs / 1000} s`);
  return again(stubbornMs);
}

async function end(
  execution: Execution,
  state: "done" | "failed",
  reason: string | undefined,
  summary: readonly Part[],
): Promise<void> {
  const { request, run, work } = execution;
  const journal = await readJournal(work.store, run.id);
  const parts: readonly Part[] = [
    ...(reason === undefined ? [] : [{ kind: "text" as const, text: reason }]),
    ...(journal === undefined ? [] : [stepsMessagePart(journal)]),
    ...summary,
    { kind: "note", text: `Approved by ${request.decidedBy.map((user) => mention(user)).join(", ")}.` },
  ];
  // The card before the state: a crash in between comes back here and says the same again.
  await work.card.finish(cardOf(request, state === "done" ? "done" : "failed", parts));
  const entry = {
    what: `run.${state}`,
    actor: bot,
    before: "executing",
    after: state,
    reason: codeIn(reason) ?? state,
    detail: { run: run.id, approvedBy: request.decidedBy, message: reason },
  };
  const ended = await changeAudited(request.id, work, (current) =>
    current.state === "executing"
      ? { next: { ...current, state, reason, decidedAt: work.clock.now() }, entries: [entry] }
      : undefined,
  );
  if (ended !== undefined) await settle(ended, work);
  await run.leave(0);
}

function codeIn(reason: string | undefined): string | undefined {
  return /^E_[A-Z_]+/.exec(reason ?? "")?.[0];
}

/** What was measured is worth telling, but not worth failing a run that has done its work. */
async function summaryOf({ approvable, request, run, work }: Execution): Promise<readonly Part[]> {
  try {
    return await approvable.summary(request.proposal, work, run);
  } catch (thrown) {
    const error = asFerryError(thrown);
    return [{ kind: "note", text: `The result could not be measured: ${error.code} ${error.message}` }];
  }
}

async function showWaiting({ request, work }: Execution, error: FerryError, then: string): Promise<void> {
  const text = `\`${error.code}\` ${error.message}; ${then}.`;
  await work.card.update(cardOf(request, "working", [{ kind: "text", text }]));
}

function cardOf(request: Request, tone: Tone, parts: readonly Part[]): Message {
  return { subject: subjectOf(request), tone, note: `request ${request.id}`, parts };
}

function subjectOf(request: Request): string {
  return `${request.migration} · ${request.proposal.title}`;
}
