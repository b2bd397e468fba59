import { beforeEach, describe, expect, it } from "vitest";
import type { JobQueue } from "#domain/job.ts";
import { scheduleDigest } from "#jobs/mirror/schedule-digest.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";

describe("the digest's schedule", () => {
  let small: SmallWork;
  let asked: unknown[];
  let queue: JobQueue;
  const from = { name: "schedule-digest", migration: "orders", by: "UANA" } as const;

  beforeEach(() => {
    small = createSmallWork();
    asked = [];
    queue = {
      ...small.queue,
      schedule: async (...words) => {
        asked.push(words);
        return { next: Date.UTC(2026, 10, 22, 15) };
      },
      unschedule: async (name) => void asked.push(["off", name]),
    };
  });

  it("goes on in its time zone and says when it comes next", async () => {
    await scheduleDigest({ ...from, cron: "0 * * * *", timezone: "Europe/Paris" }, { ...small, queue });
    const job = { name: "digest", migration: "orders", by: "schedule" };
    expect(asked).toEqual([["digest:orders", "0 * * * *", "Europe/Paris", job]]);
    expect(JSON.stringify(small.card.shown.at(-1))).toContain("Next: 16:00.");
  });

  it("goes off", async () => {
    await scheduleDigest(from, { ...small, queue });
    expect(asked).toEqual([["off", "digest:orders"]]);
    expect((await small.store.auditTrail("orders")).map(({ what }) => what)).toEqual(["digest.off"]);
  });
});
