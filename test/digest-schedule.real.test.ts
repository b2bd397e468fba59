import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, it } from "vitest";
import { createRedisStore } from "#adapters/redis/store.ts";
import type { Job } from "#domain/job.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";
import { digestSchedule, restoreDigest, scheduleDigest } from "#jobs/mirror/schedule-digest.ts";
import { openQueue, startWorker } from "#queue";
import { eventually } from "#support/eventually.ts";
import { createHandClock } from "#support/hand-clock.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/** The digest's schedule as Redis keeps it. Cron with seconds: what takes hours takes seconds here. */

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const everySecond = { cron: "* * * * * *", timezone: "Europe/Paris" };

function migrationWith(digest: object | undefined): Migration {
  const { migration } = createSmallWork();
  return { ...migration, settings: { ...migration.settings, digest: parsed(digest) } };
}

function parsed(digest: object | undefined): MigrationSettings["digest"] {
  return digest === undefined ? undefined : MigrationSettings.shape.digest.parse(digest);
}

/** One process of the bot, as far as schedules go: `delivered` are the ids of the digests that it was handed. */
function openBot(prefix: string) {
  const { url: redisUrl } = inject("clusters").redis;
  const log = createQuietLog();
  const queue = openQueue({ redisUrl, prefix, log, clock: realClock });
  closers.push(() => queue.close());
  const store = createRedisStore({ url: redisUrl, prefix: `${prefix}:`, clock: realClock, log });
  closers.push(() => store.close());
  return {
    queue,
    store,
    work(delivered: string[]) {
      const run = async (_job: Job, { id }: { readonly id: string }) => {
        delivered.push(id);
        return { kind: "done" as const };
      };
      const worker = startWorker({ redisUrl, prefix, log, run, concurrency: 4 });
      closers.push(() => worker.close());
    },
  };
}

/** The times for which digests were scheduled, ms since the epoch. */
const slots = (ids: readonly string[]) => ids.map((id) => Number(id.split(":").at(-1)));

describe("the digest's schedule", () => {
  it("gives one digest for each time, with several processes that all set it", async () => {
    const prefix = `{${unique("digest")}}`;
    const delivered: string[] = [];
    const bots = [1, 2, 3].map(() => openBot(prefix));
    const migration = migrationWith(everySecond);
    await Promise.all(bots.map(({ queue, store }) => restoreDigest(migration, store, queue)));
    for (const bot of bots) bot.work(delivered);
    await eventually("four digests", () => (delivered.length >= 4 ? true : undefined));
    const times = slots(delivered);
    expect(new Set(times).size).toBe(times.length);
    expect(new Set(times.map((time) => time % 1000))).toEqual(new Set([0]));
    const [bot] = bots;
    expect(await bot?.queue.depth()).toMatchObject({ failed: 0 });
  });

  it("gives one late digest after a time without the bot, and no burst; setting it again loses none", async () => {
    const prefix = `{${unique("digest")}}`;
    const migration = migrationWith(everySecond);
    const before = openBot(prefix);
    await restoreDigest(migration, before.store, before.queue);
    const due = Date.now() + 1000;
    await eventually("four times went by", () => (Date.now() > due + 4000 ? true : undefined));
    const after = openBot(prefix);
    await restoreDigest(migration, after.store, after.queue);
    const delivered: string[] = [];
    const begun = Date.now();
    after.work(delivered);
    await eventually("two digests", () => (delivered.length >= 2 ? true : undefined));
    const [late = 0, next = 0] = slots(delivered);
    expect(late).toBeLessThanOrEqual(due);
    expect(next).toBeGreaterThan(begun);
    expect(slots(delivered).filter((time) => time > late && time < begun)).toEqual([]);
  });

  it("is what the channel chose last, across restarts, until ferry.yaml says otherwise", async () => {
    const prefix = `{${unique("digest")}}`;
    const { queue, store } = openBot(prefix);
    const file = migrationWith({ cron: "0 8 * * *" });
    const redis = new Redis(inject("clusters").redis.url);
    closers.push(() => redis.quit());
    const scheduled = async (migration: Migration) => {
      await restoreDigest(migration, store, queue);
      return await redis.hget(`${prefix}:work:repeat:${digestSchedule("orders")}`, "pattern");
    };
    const choose = async (migration: Migration, cron?: string) => {
      const work = createSmallWork({ migration, store });
      const job = { name: "schedule-digest", migration: "orders", by: "UANA" } as const;
      await scheduleDigest({ ...job, ...(cron !== undefined && { cron }) }, { ...work, queue });
    };
    expect(await scheduled(file)).toBe("0 8 * * *");
    await choose(file, "0 9 * * *");
    expect(await scheduled(file)).toBe("0 9 * * *");
    await choose(file);
    expect(await scheduled(file)).toBeNull();
    expect(await scheduled(migrationWith({ cron: "0 10 * * *" }))).toBe("0 10 * * *");
    expect(await scheduled(migrationWith(undefined))).toBeNull();
  });

  it("goes by the clocks on the wall: once on the night that has an hour twice, and on the one that lacks it", async () => {
    const { url: redisUrl } = inject("clusters").redis;
    const log = createQuietLog();
    async function nights(cron: string, from: string, times: number): Promise<readonly string[]> {
      const clock = createHandClock(Date.parse(from));
      const queue = openQueue({ redisUrl, prefix: `{${unique("digest")}}`, log, clock });
      closers.push(() => queue.close());
      const found: string[] = [];
      for (let time = 0; time < times; time += 1) {
        const job: Job = { name: "digest", migration: "orders", by: "schedule" };
        const { next = 0 } = await queue.schedule(unique("night"), cron, "Europe/Paris", job);
        found.push(new Date(next).toISOString().slice(5, 16));
        await clock.advance(next - clock.now());
      }
      return found;
    }
    // 2026: the clocks go forward on March 29 at 02:00, back on October 25 at 03:00.
    expect(await nights("30 2 * * *", "2026-03-28T00:00:00Z", 3)).toEqual([
      "03-28T01:30",
      "03-29T01:30",
      "03-30T00:30",
    ]);
    expect(await nights("30 2 * * *", "2026-10-24T00:00:00Z", 3)).toEqual([
      "10-24T00:30",
      "10-25T00:30",
      "10-26T01:30",
    ]);
    expect(await nights("0 * * * *", "2026-10-24T23:30:00Z", 4)).toEqual([
      "10-25T00:00",
      "10-25T01:00",
      "10-25T02:00",
      "10-25T03:00",
    ]);
  });
});
