import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Job } from "#domain/job.ts";
import { type JobContext, type Outcome, openQueue, startWorker } from "#queue";
import { eventually } from "#support/eventually.ts";
import { createDoor } from "#support/outage.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";
import { jobQueueContract } from "./contract/job-queue.ts";

const status: Job = { name: "status", migration: "orders", by: "U1" };
const closers: Array<() => Promise<unknown>> = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function open(redisUrl = inject("clusters").redis.url, prefix = `{${unique("queue")}}`) {
  const log = createQuietLog();
  const queue = openQueue({ redisUrl, prefix, log, clock: realClock });
  closers.push(() => queue.close());
  function work(run: (job: Job, context: JobContext) => Promise<Outcome>) {
    const worker = startWorker({ redisUrl, prefix, log, run, concurrency: 4 });
    closers.push(() => worker.close());
    return worker;
  }
  return { queue, work, log, prefix, redisUrl };
}

jobQueueContract("on Redis", async () => {
  const { redis } = inject("clusters");
  const options = { redisUrl: redis.url, prefix: `{${unique("queue")}}`, log: createQuietLog() };
  const queue = openQueue({ ...options, clock: realClock });
  const seen = new Map<string, Job[]>();
  const worker = startWorker({
    ...options,
    concurrency: 1,
    run: async (job, { id }) => {
      seen.set(id, [...(seen.get(id) ?? []), job]);
      return { kind: "done" };
    },
  });
  return {
    queue,
    delivered: (id) => eventually(`job ${id}`, () => seen.get(id)),
    close: async () => {
      await worker.close();
      await queue.close();
    },
  };
});

describe("the queue", () => {
  it("hands a job over and calls it again when it asks for that, counting attempts", async () => {
    const { queue, work } = open();
    const seen: Array<{ job: Job; id: string; attempt: number }> = [];
    work(async (job, { id, attempt }) => {
      seen.push({ job, id, attempt });
      return attempt < 3 ? { kind: "again", ms: 10 } : { kind: "done" };
    });
    const id = await queue.add(status);
    await eventually("three attempts", () => (seen.length >= 3 ? true : undefined));
    expect(seen.map((call) => call.attempt)).toEqual([1, 2, 3]);
    expect(seen.every((call) => call.id === id)).toBe(true);
    expect(seen[0]?.job).toEqual(status);
  });

  it("tries a retryable error again and ends on one that is not", async () => {
    const { queue, work, log } = open();
    const codes: string[] = [];
    work(async (_job, { attempt }) => {
      const code = attempt === 1 ? "E_SOURCE_UNREACHABLE" : "E_PHASE";
      codes.push(code);
      throw new FerryError(code, "as the test wants");
    });
    await queue.add(status);
    await eventually("the end", () => log.lines.find((line) => line.message === "job failed"));
    expect(codes).toEqual(["E_SOURCE_UNREACHABLE", "E_PHASE"]);
  });

  it("does a job with the same id once, and a delayed one later", async () => {
    const { queue, work } = open();
    const seen: string[] = [];
    work(async (_job, { id }) => {
      seen.push(id);
      return { kind: "done" };
    });
    await queue.add(status, { id: "later", delayMs: 300 });
    await Promise.all([1, 2, 3].map(() => queue.add(status, { id: "execute:orders:7K3Q" })));
    await eventually("the delayed one", () => (seen.includes("later") ? true : undefined));
    expect(seen).toEqual(["execute-orders-7K3Q", "later"]);
  });

  it("refuses a job from another release without calling the handler", async () => {
    const { queue, work, log, prefix, redisUrl } = open();
    const id = await queue.add(status, { delayMs: 200 });
    const redis = new Redis(redisUrl);
    await redis.hset(`${prefix}:work:${id}`, "data", JSON.stringify({ name: "explode" }));
    await redis.quit();
    let called = 0;
    work(async () => {
      called += 1;
      return { kind: "done" };
    });
    await eventually("refused", () => log.lines.find((line) => line.message === "job cannot be read"));
    expect(called).toBe(0);
  });

  it("answers E_QUEUE within the deadline while Redis is away, and queues nothing", async () => {
    const door = await createDoor(inject("clusters").redis.url);
    closers.push(() => door.close());
    const { queue, work } = open(door.url);
    await queue.add(status, { id: "before" });
    await door.shut();
    const started = Date.now();
    await expect(queue.add(status, { id: "during" })).rejects.toMatchObject({ code: "E_QUEUE" });
    expect(Date.now() - started).toBeLessThan(2500);
    await door.open();
    const seen: string[] = [];
    work(async (_job, { id }) => {
      seen.push(id);
      return { kind: "done" };
    });
    await eventually("Redis is back", () => queue.add(status, { id: "after" }));
    await eventually("the job after it", () => (seen.includes("after") ? true : undefined));
    expect(seen).toEqual(["before", "after"]);
  });

  it("repeats jobs on a schedule and says when; refuses what is not one", async () => {
    const { queue, work } = open();
    const { next } = await queue.schedule("digest-orders", "0 9 * * *", "Europe/Paris", status);
    expect(new Date(next ?? 0).toLocaleTimeString("en-GB", { timeZone: "Europe/Paris" })).toBe("09:00:00");
    await expect(queue.schedule("d", "0 61 * * *", "UTC", status)).rejects.toMatchObject({ code: "E_USAGE" });
    await expect(queue.schedule("d", "0 9 * * *", "Mars/X", status)).rejects.toMatchObject({
      code: "E_USAGE",
    });
    let ran = 0;
    work(async () => {
      ran += 1;
      return { kind: "done" };
    });
    await queue.every("watch-orders", 100, status);
    await eventually("two runs", () => (ran >= 2 ? true : undefined));
    await queue.unschedule("watch-orders");
    await queue.unschedule("digest-orders");
  });

  it("stops without failing the job it works on: another worker goes on with it", async () => {
    const { queue, work, log } = open();
    const started = Promise.withResolvers<void>();
    const first = work((_job, { signal }) => {
      started.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    });
    const id = await queue.add(status);
    await started.promise;
    await first.close(5000);
    const again = Promise.withResolvers<string>();
    work(async (_job, context) => {
      again.resolve(context.id);
      return { kind: "done" };
    });
    expect(await again.promise).toBe(id);
    expect(log.lines.filter((line) => line.message === "job failed")).toEqual([]);
  });
});

describe("a worker that is killed", () => {
  it("has its job picked up within 25 s, twice in a row", async () => {
    const { queue, work, prefix, redisUrl } = open();
    const id = await queue.add(status);
    for (const kill of [1, 2]) {
      const worker = startProcess(redisUrl, prefix);
      const line = await firstLine(worker, 25_000);
      expect(line, `before kill ${kill}`).toMatch(new RegExp(`^${id} \\d+$`));
      worker.kill("SIGKILL");
      await once(worker, "exit");
    }
    const killedAt = Date.now();
    const picked = Promise.withResolvers<string>();
    work(async (_job, context) => {
      picked.resolve(context.id);
      return { kind: "done" };
    });
    expect(await picked.promise).toBe(id);
    expect(Date.now() - killedAt).toBeLessThan(25_000);
  });
});

function startProcess(redisUrl: string, prefix: string): ChildProcess {
  const script = fileURLToPath(new URL("./support/worker-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, redisUrl, prefix], { stdio: ["ignore", "pipe", "inherit"] });
  closers.push(async () => child.kill("SIGKILL"));
  return child;
}

async function firstLine(child: ChildProcess, deadlineMs: number): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return eventually("a line from the worker", () => text.split("\n")[0] || undefined, deadlineMs);
}
