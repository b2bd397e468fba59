import { expect, it } from "vitest";
import type { Message } from "#domain/message.ts";
import { ask } from "#jobs/approval/request.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { sampleLag } from "#jobs/mirror/migration-lag.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import type { Work } from "#jobs/work.ts";
import { started } from "#support/cutover-bench.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import type { SampleMigration } from "#support/sample-migration.ts";

/** What a dry run shows, and everything that it leaves behind. */
async function dryRun(sample: SampleMigration) {
  const shown: Message[] = [];
  const files: string[] = [];
  const { chat, ...fake } = createFakeChat();
  const base = await sample.openWork();
  const card: Work["card"] = {
    ...base.card,
    finish: async (message) => void shown.push(message),
    file: async ({ content }) => {
      files.push(content.toString());
      return "F1";
    },
  };
  const work = { ...base, chat, card };
  // As in life: the watch has seen the mirror before, and what it remembers of topics is no trace of a dry run.
  await sampleLag(work);
  const before = await sample.store.keys("");
  await ask(cutoverConsumers, "cutover-consumers", { wave: "billing", by: "UANA" }, work, { dryRun: true });
  const parts = shown.flatMap((message) => message.parts);
  const facts = parts.flatMap((part) => (part.kind === "facts" ? part.rows : []));
  return {
    text: JSON.stringify(shown),
    rows: Object.fromEntries(facts.map(({ label, value }) => [label, value])),
    tables: parts.flatMap((part) => (part.kind === "table" ? part.rows : [])),
    files,
    stored: (await sample.store.keys("")).filter((key) => !before.includes(key)),
    posts: fake.posts,
  };
}

it("shows the prediction and the gate in a dry run, asks nobody and stores nothing", async () => {
  const sample = await started();
  const run = await dryRun(sample);
  expect(run.rows["Read again"]).toMatch(/^0 records, proved by content \(MirrorMaker's own sync: \d+\)$/);
  expect(run.rows["Skipped"]).toMatch(/^0 records \(MirrorMaker's own sync: \d+\)$/);
  expect(run.tables.length).toBeGreaterThan(0);
  const whole = JSON.stringify([run.tables, run.files]);
  for (const where of ["orders-0", "orders-1", "payments-0", "payments-1"]) expect(whole).toContain(where);
  expect(run.text).toContain("no group is active on both clusters");
  expect({ stored: run.stored, posts: run.posts }).toEqual({ stored: [], posts: [] });
  expect(await listRequests(sample.store, "orders")).toEqual([]);
  expect([...sample.places.values()]).toEqual(["source", "source", "source"]);
  expect((await sample.engine.status("ferry-orders-billing-checkpoint")).state).toBe("running");
});

it("reads the world again for each dry run", async () => {
  const sample = await started();
  const first = await dryRun(sample);
  expect(JSON.stringify([first.tables, first.files])).not.toContain("nightly");
  sample.source.commitAs("nightly", new Map([["orders", [1]]]));
  sample.source.addMember("stranger", { subscription: ["orders"] });
  const second = await dryRun(sample);
  expect(JSON.stringify([second.tables, second.files])).toContain("nightly");
  expect(second.text).toContain("not in this wave, but read its topics: stranger");
});
