import { expect, test } from "vitest";
import { render } from "#commands/blocks.ts";
import { FerryError } from "#domain/errors.ts";
import { home, refreshHomes } from "#jobs/home.ts";
import { overview } from "#jobs/home-standing.ts";
import { requestOf } from "#support/recorded-run.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";

const proposal = {
  action: "cutover-consumers",
  wave: "billing",
  title: "cut over CONSUMERS of wave billing",
  plan: {},
  effects: [],
  facts: [],
  quorum: 2,
} as const;

async function ask(work: SmallWork) {
  const ref = await work.chat.post("C1", { subject: "request", tone: "waiting", parts: [] }, { key: "r" });
  const request = {
    ...requestOf({ ...proposal, effects: [], facts: [] }, "7K3Q", work.clock.now()),
    ts: ref.ts,
  };
  await work.store.write(`request:orders:${request.id}`, request);
  return request;
}

function shown(work: SmallWork, user: string): string {
  const message = work.fake.homes.get(user);
  return message === undefined ? "" : JSON.stringify(render(message));
}

test("each person sees what waits for them, with a link to its thread", async () => {
  const work = createSmallWork();
  const { ts } = await ask(work);
  for (const by of ["UANA", "UBEN"]) await home({ name: "home", migration: "orders", by }, work);
  expect(shown(work, "UBEN")).toContain("*Waits for you*".replaceAll("*", ""));
  expect(shown(work, "UBEN")).toContain(ts.replace(".", ""));
  expect(shown(work, "UANA")).toContain("Nothing waits for you.");
  expect(shown(work, "UANA")).toContain("asked by you");
});

test("a change is shown to whoever looked lately, and only a change", async () => {
  const work = createSmallWork();
  await home({ name: "home", migration: "orders", by: "UBEN" }, work);
  work.fake.homes.clear();
  await refreshHomes(work);
  expect(work.fake.homes.size).toBe(0);
  const request = await ask(work);
  await refreshHomes(work);
  expect(shown(work, "UBEN")).toContain("Waits for you");
  await work.store.write(`request:orders:${request.id}`, { ...request, seen: { "UBEN approve": "counted" } });
  await refreshHomes(work);
  expect(shown(work, "UBEN")).toContain("Nothing waits for you.");
  expect(work.fake.homes.has("UANA")).toBe(false);
  await work.clock.advance(25 * 3_600_000);
  work.fake.homes.clear();
  await work.store.remove(`request:orders:${request.id}`);
  await refreshHomes(work);
  expect(work.fake.homes.size).toBe(0);
});

test("a tab that could not be published is published the next time", async () => {
  const work = createSmallWork();
  await home({ name: "home", migration: "orders", by: "UBEN" }, work);
  await ask(work);
  work.fake.failNext("home", new FerryError("E_SLACK", "views.publish: internal_error"));
  await refreshHomes(work);
  expect(shown(work, "UBEN")).toContain("Nothing waits for you.");
  await refreshHomes(work);
  expect(shown(work, "UBEN")).toContain("Waits for you");
});

test("guests see no migration", async () => {
  const work = createSmallWork();
  work.fake.people.set("UGUS", { id: "UGUS", name: "gus", kind: "guest" });
  await home({ name: "home", migration: "orders", by: "UGUS" }, work);
  expect(shown(work, "UGUS")).toContain("shown to members");
  expect(shown(work, "UGUS")).not.toContain("orders");
});

test("plain /ferry says what to do first, and answers for a memory that does not", async () => {
  const work = createSmallWork();
  expect((await overview(work)).next).toEqual(["assess", "plan"]);
  expect(render(await overview(work, { forged: 3 })).text).toContain("3 forged");
  const stuck = { ...work, store: { ...work.store, read: () => new Promise<undefined>(() => {}) } };
  const answer = overview(stuck).catch((error: unknown) => error);
  await work.clock.advance(1500);
  expect(await answer).toMatchObject({ code: "E_STORE" });
});
