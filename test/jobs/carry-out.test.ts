import { describe, expect, test } from "vitest";
import { render } from "#commands/blocks.ts";
import { type ErrorCode, FerryError } from "#domain/errors.ts";
import type { Store } from "#domain/ports.ts";
import { createJobs, type Services } from "#jobs/carry-out.ts";
import { handlers } from "#jobs/index.ts";
import { done } from "#jobs/work.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { createSmallWork } from "#support/small-work.ts";

const status = { name: "status", migration: "orders", by: "UANA" } as const;

function setup(change: { readonly services?: Partial<Services>; readonly store?: Partial<Store> } = {}) {
  const small = createSmallWork();
  const { clock, fake, queue, charts, chat, migration, world } = small;
  const store = { ...small.store, ...change.store };
  const log = createQuietLog();
  const outcomes: Array<ErrorCode | undefined> = [];
  const services = {
    migrations: [migration],
    world: async () => world,
    charts: () => charts,
    store,
    chat,
    queue,
    clock,
    log,
    ...change.services,
  };
  const run = createJobs(services, {
    ...handlers,
    status: async () => {
      const code = outcomes.shift();
      if (code !== undefined) throw new FerryError(code, `said ${code}`);
      return done;
    },
  });
  let attempt = 0;
  async function runOnce(outcome?: ErrorCode) {
    outcomes.push(outcome);
    attempt += 1;
    return await run(status, { id: "status-1", attempt, signal: new AbortController().signal });
  }
  return {
    clock,
    log,
    runOnce,
    fails: (code: ErrorCode) => expect(runOnce(code)).rejects.toMatchObject({ code }),
    shown: () => fake.posts.map(({ message }) => render(message).text.replaceAll("\u2060", "")),
    audited: async () =>
      (await small.store.auditTrail("orders")).map(({ what, reason }) => `${what} ${reason}`),
    left: () => small.store.keys("spell:"),
  };
}

describe("a job that fails again and again", () => {
  test("is audited once per code, and waits since its first failure", async () => {
    const at = setup();
    await at.fails("E_SOURCE_UNREACHABLE");
    for (const code of ["E_SOURCE_UNREACHABLE", "E_INCOMPLETE", "E_SOURCE_UNREACHABLE"] as const) {
      await at.clock.advance(60_000);
      await at.fails(code);
    }
    expect(await at.audited()).toEqual(["job.failed E_SOURCE_UNREACHABLE", "job.failed E_INCOMPLETE"]);
    expect(at.shown()).toHaveLength(1);
    expect(at.shown()[0]).toContain("waiting since 14:10:00, tries again by itself");
    expect(at.shown()[0]).toContain("said E_SOURCE_UNREACHABLE");
  });

  test("names the day when that was another one", async () => {
    const at = setup();
    await at.fails("E_INCOMPLETE");
    await at.clock.advance(86_400_000);
    await at.fails("E_INCOMPLETE");
    expect(at.shown()[0]).toContain("waiting since 2026-11-22 14:10:00,");
  });

  test("begins a new spell after a success", async () => {
    const at = setup();
    await at.fails("E_INCOMPLETE");
    expect(await at.left()).toEqual(["spell:status-1"]);
    expect(await at.runOnce()).toEqual(done);
    expect(await at.left()).toEqual([]);
    await at.clock.advance(60_000);
    await at.fails("E_INCOMPLETE");
    expect(at.shown()[0]).toContain("waiting since 14:11:00");
    expect(await at.audited()).toEqual(["job.failed E_INCOMPLETE", "job.failed E_INCOMPLETE"]);
  });

  test("leaves nothing behind when it stops for good", async () => {
    const at = setup();
    await at.fails("E_INCOMPLETE");
    await at.clock.advance(5000);
    await at.fails("E_PHASE");
    expect(at.shown()[0]).toContain("stopped at 14:10:05");
    expect(await at.audited()).toEqual(["job.failed E_INCOMPLETE", "job.failed E_PHASE"]);
    expect(await at.left()).toEqual([]);
  });

  test("says no time when the store does not know since when, and logs that with what to do", async () => {
    const at = setup({
      store: {
        audit: async () => {
          throw new FerryError("E_STORE", "Redis did not answer: away");
        },
      },
    });
    await at.fails("E_INCOMPLETE");
    expect(at.shown()[0]).toContain("waiting, tries again by itself");
    expect(at.log.lines.find(({ level }) => level === "error")).toEqual({
      level: "error",
      message: "a failure could not be recorded",
      fields: {
        code: "E_STORE",
        error: "Redis did not answer: away",
        remedy: "Check Redis (REDIS_URL). The job goes on by itself when Redis answers.",
      },
    });
  });
});

test("an outside world that cannot be opened is told to the person", async () => {
  const at = setup({
    services: {
      world: async () => {
        throw new FerryError("E_SETTINGS", "caFile: ca.pem cannot be read.");
      },
    },
  });
  await at.fails("E_SETTINGS");
  expect(at.shown()[0]).toContain("`E_SETTINGS` caFile: ca.pem cannot be read.");
  expect(at.shown()[0]).toContain("Do: Correct the key in ferry.yaml or the environment and start again.");
  expect(await at.audited()).toEqual(["job.failed E_SETTINGS"]);
});

test("each failed attempt is logged with its code, message and remedy", async () => {
  const at = setup();
  await at.fails("E_PHASE");
  expect(at.log.lines).toEqual([
    {
      level: "warn",
      message: "job attempt failed",
      fields: {
        code: "E_PHASE",
        error: "said E_PHASE",
        remedy: "`/ferry status` names what comes next.",
        stack: expect.stringContaining("FerryError"),
      },
    },
  ]);
});
