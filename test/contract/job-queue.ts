import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job, JobQueue } from "#domain/job.ts";
import { unique } from "#support/unique.ts";

export type QueueUnderTest = {
  readonly queue: JobQueue;
  /** What came out for this id, in order; waits for the first. */
  delivered(id: string): Promise<readonly Job[]>;
  close(): Promise<void>;
};

/** Like no other one. */
function digest(): Job {
  return { name: "digest", migration: unique("migration"), by: "U1" };
}

/** What every job queue must do; run on the one that only remembers and on Redis. */
export function jobQueueContract(name: string, open: () => Promise<QueueUnderTest>): void {
  describe(`${name}: the job queue's contract`, () => {
    let under: QueueUnderTest;
    let queue: JobQueue;
    beforeAll(async () => {
      under = await open();
      queue = under.queue;
    });
    afterAll(() => under.close());

    it("hands over what was added, under the id it gave", async () => {
      const job: Job = {
        name: "cutover",
        migration: "orders",
        by: "U1",
        side: "consumers",
        wave: "billing",
        dryRun: true,
      };
      const id = await queue.add(job);
      expect(id).not.toBe("");
      expect(await under.delivered(id)).toEqual([job]);
    });

    it("gives each job without an id one of its own", async () => {
      const jobs = [digest(), digest(), digest()];
      const ids = await Promise.all(jobs.map((job) => queue.add(job)));
      expect(new Set(ids).size).toBe(3);
      for (const [index, id] of ids.entries()) expect(await under.delivered(id)).toEqual([jobs[index]]);
    });

    it("takes one job for what asked for it, however many processes add it", async () => {
      const once = unique("trigger");
      const jobs = [digest(), digest(), digest()];
      const ids = await Promise.all(jobs.map((job) => queue.add(job, { once })));
      expect(new Set(ids).size).toBe(1);
      const [id = ""] = ids;
      expect(await under.delivered(id)).toHaveLength(1);
      expect(await queue.add(digest(), { once })).toBe(id);
      expect(await queue.add(digest(), { once: unique("trigger") })).not.toBe(id);
      await under.delivered(await queue.add(digest()));
      expect(await under.delivered(id)).toHaveLength(1);
    });

    it("takes one job per id, the first, also when that one was handed over already", async () => {
      const [first, second, third] = [digest(), digest(), digest()];
      const id = `execute:orders:${unique("request")}`;
      const given = await queue.add(first, { id });
      expect(await queue.add(second, { id })).toBe(given);
      expect(await under.delivered(given)).toEqual([first]);
      expect(await queue.add(third, { id })).toBe(given);
      // Whatever is added last comes out last.
      await under.delivered(await queue.add(digest()));
      expect(await under.delivered(given)).toEqual([first]);
    });

    it("hands over what was postponed, also to a time that has passed", async () => {
      for (const delayMs of [50, 0, -1000]) {
        const job = digest();
        expect(await under.delivered(await queue.add(job, { delayMs }))).toEqual([job]);
      }
    });

    it("replaces a schedule of the same name, and ends one that never was", async () => {
      const [schedule, often] = [unique("digest"), unique("watch")];
      const hour = 3_600_000;
      for (const cron of ["0 9 * * *", "0 10 * * *"]) {
        const { next } = await queue.schedule(schedule, cron, "Europe/Paris", digest());
        expect(next === undefined || Number.isInteger(next)).toBe(true);
      }
      await queue.every(often, hour, digest());
      await queue.every(often, 2 * hour, digest());
      for (const name of [schedule, often, schedule, unique("never-was")]) {
        await expect(queue.unschedule(name)).resolves.toBeUndefined();
      }
    });
  });
}
