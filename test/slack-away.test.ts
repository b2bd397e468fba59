import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Request } from "#domain/approval/approval.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Job } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import { planKey } from "#domain/plan.ts";
import type { Chat, Store } from "#domain/ports.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { handlers } from "#jobs/index.ts";
import { pauseAfter } from "#queue";
import { expectNothingLost } from "#support/cutover-bench.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createHandClock, type HandClock } from "#support/hand-clock.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { createSampleMigration, startMirroring } from "#support/sample-migration.ts";
import { createSmallQueue, noCharts } from "#support/small-work.ts";

/** A whole cutover, with the queue's retries and Slack's silence in a time that nobody waits for. */

const outageMs = 600_000;
/** What one call to a Slack that does not answer takes: four tries of ten seconds and the pauses between. */
const hangMs = 43_500;
const tickMs = 250;
const watchEveryMs = 15_000;
const deadlineMs = 3 * outageMs;

/** The moment at which Slack goes: one audit entry, by `what` and the step in it. */
type Moment = (what: string, step: string | undefined) => boolean;

const Detail = z.object({ step: z.string().optional() });

async function openScene(goesAt: Moment) {
  const sample = createSampleMigration();
  await startMirroring(sample);
  const clock = createHandClock(sample.clock.now());
  const fake = createFakeChat();
  const outage: { from?: number } = {};
  const isAway = () => outage.from !== undefined && clock.now() < outage.from + outageMs;
  const see = (what: string, step?: string) => {
    if (outage.from === undefined && goesAt(what, step)) outage.from = clock.now();
  };
  const store = watched(createMemoryStore(clock), see);
  await store.write(planKey("orders"), sample.plan);
  const queue = createSmallQueue();
  const log = createQuietLog();
  const run = createJobs(
    {
      migrations: [sample.migration],
      world: async () => sample.ports((part) => part),
      charts: () => noCharts,
      store,
      chat: reachable(fake.chat, clock, isAway),
      queue,
      clock,
      log,
    },
    handlers,
  );
  return { sample, clock, fake, store, queue, log, run, outage, see, begun: { jobs: 0 } };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

function watched(store: Store, see: (what: string, step: string | undefined) => void): Store {
  return {
    ...store,
    async audit(entry) {
      await store.audit(entry);
      see(entry.what, Detail.safeParse(entry.detail).data?.step);
    },
  };
}

/** Calls hang while Slack is away, and then fail. */
function reachable(chat: Chat, clock: HandClock, isAway: () => boolean): Chat {
  return new Proxy(chat, {
    get(from, key) {
      const member: unknown = Reflect.get(from, key);
      if (typeof member !== "function") return member;
      return async (...given: unknown[]) => {
        if (!isAway()) return await Reflect.apply(member, from, given);
        await clock.sleep(hangMs);
        throw new FerryError("E_SLACK", `${String(key)}: no answer`);
      };
    },
  });
}

/** One job until it ends, as the queue calls it. */
async function work({ run, clock, log }: Scene, job: Job, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcome = await run(job, { id, attempt, signal: new AbortController().signal });
      if (outcome.kind === "done") return;
      await clock.sleep(outcome.ms);
    } catch (thrown) {
      const error = asFerryError(thrown);
      log.info({ id, attempt, code: error.code, error: error.message }, "attempt failed");
      if (!error.retryable) return;
      await clock.sleep(pauseAfter(attempt));
    }
  }
}

/** Lets time pass, the world live and the queue work until `isOver`; fails after `deadlineMs`. */
async function live(scene: Scene, isOver: () => Promise<boolean>): Promise<void> {
  const { sample, clock, queue } = scene;
  const until = clock.now() + deadlineMs;
  let watchedAt = clock.now();
  while (!(await isOver())) {
    if (clock.now() > until) throw new Error("it did not end");
    if (clock.now() - watchedAt >= watchEveryMs) {
      watchedAt = clock.now();
      await queue.add({ name: "watch", migration: "orders", by: "schedule" });
    }
    for (const { id, job, delayMs } of queue.jobs.slice(scene.begun.jobs)) {
      scene.begun.jobs += 1;
      void clock.sleep(delayMs).then(() => work(scene, job, id));
    }
    await sample.tick(tickMs);
    await clock.advance(tickMs);
  }
}

async function requestOf({ store }: Scene): Promise<Request | undefined> {
  return (await listRequests(store, "orders"))[0];
}

/** Asks, lets two approve, and lives until the request has told how it ended. */
async function play(scene: Scene): Promise<void> {
  const { queue, fake } = scene;
  await queue.add({
    name: "cutover",
    migration: "orders",
    by: "UANA",
    side: "consumers",
    wave: "billing",
    dryRun: false,
  });
  await live(scene, async () => (await requestOf(scene))?.ts !== undefined);
  const { channel = "", ts = "", id = "" } = (await requestOf(scene)) ?? {};
  scene.see("reactions");
  for (const user of ["UBEN", "UCLEO"]) fake.react({ channel, ts }, user, "white_check_mark");
  await queue.add({ name: "review", migration: "orders", by: "slack", request: id });
  await live(scene, async () => (await requestOf(scene))?.settled === true);
}

/** When each entry of this kind was written, ms since the epoch. */
async function audited({ store }: Scene, what: string): Promise<readonly number[]> {
  const trail = await store.auditTrail("orders");
  return trail.filter((entry) => entry.what === what).map(({ at }) => Date.parse(at));
}

function progressOf({ parts }: Message): readonly number[] {
  return parts.flatMap((part) => (part.kind === "progress" ? [part.done] : []));
}

/** The request, then its run: a message each, told forwards, and the end of both. */
async function expectStory(scene: Scene): Promise<void> {
  const { fake } = scene;
  const request = await requestOf(scene);
  expect(request).toMatchObject({ state: "done", settled: true });
  // What the command itself said while it waited for Slack is mended.
  const asking = fake.posts.filter(({ key }) => key === "card:job-0");
  expect(asking.map(({ message }) => message.tone)).toEqual(asking.map(() => "done"));
  const story = fake.posts.filter(({ thread, key }) => thread === undefined && key !== "card:job-0");
  const [question, card, ...others] = story;
  expect(others.map(({ key }) => key)).toEqual([]);
  expect(question?.key).toBe(`request:${request?.nonce}`);
  expect(question?.message.tone).toBe("done");
  expect(card?.key).toMatch(/^card:execute-orders-/);
  expect(card?.message.tone).toBe("done");
  expect(card?.history.filter(({ tone }) => tone === "done")).toHaveLength(1);
  const told = (card?.history ?? []).flatMap(progressOf);
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  const steps = card?.message.parts.flatMap((part) => (part.kind === "checks" ? part.items : [])) ?? [];
  expect(steps.length).toBeGreaterThanOrEqual(7);
  expect(steps.map(({ state }) => state)).toEqual(steps.map(() => "pass"));
  expect(await audited(scene, "run.started")).toHaveLength(1);
  expect(await audited(scene, "run.done")).toHaveLength(1);
}

describe("Slack away for ten minutes", { timeout: 120_000 }, () => {
  const inTheMiddle: ReadonlyArray<readonly [string, Moment]> = [
    ["at the start of the run", (what) => what === "run.started"],
    [
      "when the consumers are to be stopped",
      (what, step) => what === "step.intent" && step === "stop-consumers",
    ],
    ["while the consumers stand still", (what, step) => what === "step.intent" && step === "commit-offsets"],
    ["while the consumers are watched", (what, step) => what === "step.intent" && step === "watch-consumers"],
  ];

  it.each(inTheMiddle)(
    "%s: the cutover goes on, and the channel tells all of it afterwards",
    async (_, goesAt) => {
      const scene = await openScene(goesAt);
      await play(scene);
      const back = (scene.outage.from ?? 0) + outageMs;
      const steps = await audited(scene, "step.done");
      expect(Math.max(...steps)).toBeLessThan((scene.outage.from ?? 0) + outageMs / 5);
      const [ended = 0] = await audited(scene, "run.done");
      expect(ended).toBeGreaterThanOrEqual(back);
      expect([...scene.sample.places.values()]).toEqual(["target", "target", "source"]);
      await expectStory(scene);
      await expectNothingLost(scene.sample);
    },
  );

  const before: ReadonlyArray<readonly [string, Moment]> = [
    ["before the request could be posted", (what) => what === "request.opened"],
    ["before anybody's reaction was read", (what) => what === "reactions"],
    ["between the approval and the start", (what) => what === "request.approved"],
  ];

  it.each(before)("%s: nothing starts until the reactions can be read again", async (_, goesAt) => {
    const scene = await openScene(goesAt);
    await play(scene);
    const [started = 0] = await audited(scene, "run.started");
    expect(started).toBeGreaterThanOrEqual((scene.outage.from ?? 0) + outageMs);
    await expectStory(scene);
    await expectNothingLost(scene.sample);
  });
});
