import { afterAll, describe, expect, inject, it } from "vitest";
import { createRedisStore } from "#adapters/redis/store.ts";
import { asked } from "#support/approval-bench.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { unique } from "#support/unique.ts";

describe("an approval in Redis", () => {
  const store = createRedisStore({
    url: inject("clusters").redis.url,
    prefix: `{${unique("approval")}}:`,
    clock: realClock,
    log: createQuietLog(),
  });
  afterAll(() => store.close());

  it("starts once, however many reviews and executions run at once", async () => {
    const at = await asked({ store });
    for (const user of ["UBEN", "UCAT", "UDAN"]) at.react(user);
    await Promise.allSettled(Array.from({ length: 10 }, () => at.review()));
    expect(await at.now()).toMatchObject({ state: "approved", round: 1 });
    expect(at.executions()).toHaveLength(1);
    await Promise.allSettled(Array.from({ length: 5 }, () => at.execute()));
    await at.execute();
    expect(await at.now()).toMatchObject({ state: "done", settled: true });
    const lines = await at.audited();
    expect(lines.filter((line) => line.startsWith("run.started"))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("request.approved"))).toHaveLength(1);
  });
});
