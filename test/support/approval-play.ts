import type { Request } from "#domain/approval/approval.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import type { Chat, Store } from "#domain/ports.ts";
import { breakGlass } from "#jobs/approval/break-glass.ts";
import { cancel } from "#jobs/approval/cancel.ts";
import { createExecute } from "#jobs/approval/execute.ts";
import { reviewOpenRequests } from "#jobs/approval/open-requests.ts";
import { ask } from "#jobs/approval/request.ts";
import { createReview } from "#jobs/approval/review.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { judge } from "./approval-judge.ts";
import {
  factsOf,
  type Known,
  migrationUnder,
  type Outside,
  outsideAtFirst,
  type PortFault,
  type Rules,
  reactionsOn,
} from "./approval-model.ts";
import { createFakeChat, type FakeChat } from "./fake-chat.ts";
import { createHandClock, type HandClock } from "./hand-clock.ts";
import { looseTrail } from "./loose-trail.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createSmallWork } from "./small-work.ts";

/** Two bot processes on one store and one Slack, each of their port calls a point where they can be stopped or killed. */

export type Attempt = {
  readonly process: number;
  readonly beganAt: number;
  readonly outside: Outside[];
  /** Messages whose reactions it has read back. */
  readonly readBack: Set<string>;
  /** Port calls that it has been stopped at. */
  readonly waiting: Array<() => void>;
  budget: number;
  state: "going" | "ended" | "dead";
};

type Queued = {
  readonly id: string;
  readonly job: Job | { readonly name: "ask"; readonly by: string };
  dueAt: number;
  state: "waiting" | "running" | "ended";
};

type Question = Known & { readonly key: string; ts: string | undefined; approvedAt: number | undefined } & {
  readonly broken: Set<string>;
};

/** A moment of a play: what is outside, what is queued, who is at it, and what went wrong so far. */
export type Play = {
  readonly rules: Rules;
  readonly clock: HandClock;
  readonly store: Store;
  readonly fake: FakeChat;
  readonly faulty: { readonly chat: Chat; readonly store: Store };
  readonly queue: Queued[];
  readonly attempts: Attempt[];
  readonly questions: Map<string, Question>;
  readonly moves: Array<{ readonly id: string; readonly to: Request["state"] }>;
  readonly started: Set<string>;
  /** Broken rules, in words. A right play has none. */
  readonly wrong: string[];
  outside: Outside;
  /** A job was stopped for so long that others took it for dead. */
  stalled: boolean;
  turned: number;
  /** So many times Slack will not say who reacts. */
  silences: number;
  serial: number;
};

export function createPlay(rules: Rules, fault: PortFault = {}): Play {
  const clock = createHandClock();
  const store = { ...createMemoryStore(clock), ...looseTrail() };
  const fake = createFakeChat();
  const state = { outside: outsideAtFirst(), stalled: false, turned: 0, silences: 0, serial: 0 };
  const play: Play = {
    rules,
    clock,
    store,
    fake,
    faulty: { chat: fake.chat, store: { ...store, ...fault.store?.(store) } },
    queue: [],
    attempts: [],
    questions: new Map(),
    moves: [],
    started: new Set(),
    wrong: [],
    ...state,
  };
  const chat = slackOf(play);
  return Object.assign(play, { faulty: { ...play.faulty, chat: { ...chat, ...fault.chat?.(chat) } } });
}

/** Everything that is not stopped at a port has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function change(play: Play, next: Partial<Outside>): void {
  play.outside = { ...play.outside, ...next };
  for (const attempt of play.attempts) if (attempt.state === "going") attempt.outside.push(play.outside);
}

export function enqueue(
  play: Play,
  job: Queued["job"],
  options: Parameters<JobQueue["add"]>[1] = {},
): string {
  play.serial += 1;
  const { id = `job-${play.serial}`, delayMs = 0, revive = false } = options;
  const dueAt = play.clock.now() + delayMs;
  const earlier = play.queue.find((other) => other.id === id);
  if (earlier === undefined) play.queue.push({ id, job, dueAt, state: "waiting" });
  else if (revive && earlier.state === "ended") Object.assign(earlier, { state: "waiting", dueAt });
  return id;
}

export function dueJobs({ queue, clock }: Play): readonly Queued[] {
  return queue.filter(({ state, dueAt }) => state === "waiting" && dueAt <= clock.now());
}

export function stoppedAttempts({ attempts }: Play): readonly Attempt[] {
  return attempts.filter(({ state, waiting }) => state === "going" && waiting.length > 0);
}

/** Starts a job in a process and lets it make so many port calls before it is stopped. */
export async function startJob(play: Play, queued: Queued, process: number, budget: number): Promise<void> {
  const attempt: Attempt = {
    process,
    beganAt: play.clock.now(),
    outside: [play.outside],
    readBack: new Set(),
    waiting: [],
    budget,
    state: "going",
  };
  play.attempts.push(attempt);
  queued.state = "running";
  void runJob(play, queued, attempt);
  await settled();
}

/** Lets a stopped job make so many more. */
export async function goOn(attempt: Attempt, budget: number): Promise<void> {
  attempt.budget = budget;
  while (attempt.waiting.length > 0 && attempt.budget > 0) {
    attempt.budget -= 1;
    attempt.waiting.shift()?.();
    await settled();
  }
}

/** A process dies at whatever it was about to do. Its jobs are delivered again, and so may be those of the other. */
export function crash(play: Play, process: number): void {
  for (const attempt of play.attempts) {
    if (attempt.process === process && attempt.state === "going") attempt.state = "dead";
  }
  for (const each of play.queue) if (each.state === "running") each.state = "waiting";
}

async function runJob(play: Play, queued: Queued, attempt: Attempt): Promise<void> {
  const outcome = await handle(play, queued, attempt).catch((thrown: unknown): Outcome => {
    const error = asFerryError(thrown);
    if (error.code === "E_INTERNAL")
      play.wrong.push(`E_INTERNAL in ${queued.job.name}: ${error.stack ?? error.message}`);
    return error.retryable ? again(500) : done;
  });
  if (attempt.state === "dead") return;
  attempt.state = "ended";
  queued.state = outcome.kind === "done" ? "ended" : "waiting";
  if (outcome.kind === "again") queued.dueAt = play.clock.now() + outcome.ms;
}

async function handle(play: Play, queued: Queued, attempt: Attempt): Promise<Outcome> {
  const { job } = queued;
  const work = workOf(play, queued, attempt);
  const approvable = switchOf(play, attempt);
  const approvables = { "cutover-consumers": approvable };
  if (job.name === "ask") {
    const at = play.rules.scheduled ? "16:00" : undefined;
    return ask(approvable, "cutover-consumers", { wave: "w", by: job.by }, work, { at });
  }
  if (job.name === "review") return createReview(approvables)(job, work);
  if (job.name === "execute") return createExecute(approvables)(job, work);
  if (job.name === "cancel") return cancel(job, work);
  if (job.name === "break-glass") return breakGlass(job, work);
  if (job.name !== "watch") throw new Error(`${job.name} is not played`);
  await reviewOpenRequests(work);
  return done;
}

function workOf(play: Play, { id, job }: Queued, attempt: Attempt): Work {
  const { clock, fake, rules } = play;
  const store = storeOf(play, attempt);
  const small = createSmallWork({
    clock,
    store,
    fake,
    migration: migrationUnder(rules),
    by: job.by,
    jobId: id,
  });
  const add: JobQueue["add"] = async (added, options) => {
    await pass(attempt);
    return enqueue(play, added, options);
  };
  return { ...small, chat: chatOf(play, attempt), queue: { ...small.queue, add } };
}

/** Where a process can be stopped for any time, or for good. */
async function pass(attempt: Attempt): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (attempt.state === "dead") return promise;
  if (attempt.budget <= 0) {
    attempt.waiting.push(resolve);
    return promise;
  }
  attempt.budget -= 1;
}

/** Slack as it is outside, whatever anybody has done to it. */
function slackOf(play: Play): Chat {
  return {
    ...play.fake.chat,
    reactions: async (ref) => {
      if (play.outside.gone.has(ref.ts)) throw new FerryError("E_MESSAGE_GONE", "deleted");
      if (play.silences > 0) {
        play.silences -= 1;
        throw new FerryError("E_SLACK", "reactions.get: internal_error");
      }
      return reactionsOn(play.outside, ref.ts);
    },
    update: async (ref, message) => {
      if (play.outside.gone.has(ref.ts)) throw new FerryError("E_MESSAGE_GONE", "deleted");
      await play.fake.chat.update(ref, message);
    },
    person: async (user) => ({ id: user, name: user, kind: play.outside.people.get(user) ?? "member" }),
    members: async (group) => [...(group === "SLIST" ? play.outside.list : play.outside.role)],
  };
}

function chatOf(play: Play, attempt: Attempt): Chat {
  const { chat } = play.faulty;
  return {
    ...chat,
    reactions: async (ref) => {
      await pass(attempt);
      const found = await chat.reactions(ref);
      attempt.readBack.add(ref.ts);
      return found;
    },
    person: async (user) => {
      await pass(attempt);
      return chat.person(user);
    },
    members: async (group) => {
      await pass(attempt);
      return chat.members(group);
    },
    post: async (channel, message, options) => {
      await pass(attempt);
      const ref = await chat.post(channel, message, options);
      for (const question of play.questions.values()) if (question.key === options.key) question.ts = ref.ts;
      return ref;
    },
    update: async (ref, message) => {
      await pass(attempt);
      await chat.update(ref, message);
    },
  };
}

function storeOf(play: Play, attempt: Attempt): Store {
  const { store } = play.faulty;
  return {
    ...store,
    read: async (key) => {
      await pass(attempt);
      return store.read(key);
    },
    write: async (key, value, condition) => {
      await pass(attempt);
      const before = key.startsWith("request:") ? (await play.store.read(key))?.value : undefined;
      const revision = await store.write(key, value, condition);
      if (key.startsWith("request:") && revision !== undefined) judge(play, before, value, attempt);
      return revision;
    },
    acquire: async (...args) => {
      await pass(attempt);
      return store.acquire(...args);
    },
    renew: async (...args) => {
      await pass(attempt);
      await store.renew(...args);
    },
    audit: async (entry) => {
      await pass(attempt);
      await store.audit(entry);
    },
  };
}

/** The action that is approved: a switch that is turned once. */
function switchOf(play: Play, attempt: Attempt): Approvable {
  return {
    propose: async ({ wave = "all" }) => {
      await pass(attempt);
      const { facts, unreadable } = play.outside;
      if (unreadable) throw new FerryError("E_SOURCE_UNREACHABLE", "no broker answered");
      const parts = { title: "cut over", plan: { wave }, effects: [], facts: [...factsOf(facts)] };
      return { action: "cutover-consumers", wave, ...parts, quorum: 1 };
    },
    steps: async () => [
      {
        name: "turn",
        title: "turn",
        isDone: async () => play.turned > 0,
        act: async () => {
          play.turned += 1;
          if (play.started.size === 0) play.wrong.push("it acted without a start");
          return done;
        },
      },
    ],
    summary: async () => [],
  };
}
