import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { processEnvironment } from "#config";
import { Assessment } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { Plan } from "#domain/plan.ts";
import type { World } from "#domain/ports.ts";
import { assess } from "#jobs/assess.ts";
import { plan } from "#jobs/plan.ts";
import type { Work } from "#jobs/work.ts";
import { openAssess } from "#support/assess-work.ts";
import { createFakeEngine } from "#support/fake-engine.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";
import { createFakeMsk } from "#support/fake-msk.ts";
import { labMigration, labSource } from "#support/lab-source.ts";

/** docs/examples is what the code says of the lab's cluster today. `UPDATE=1` writes it anew. */

const folder = new URL("../docs/examples/", import.meta.url);
const made = new Map<string, string>();

async function assessOnce(lab: ReturnType<typeof labSource>, work: Work): Promise<void> {
  const job = { name: "assess", migration: "orders", by: "U0ANA" } as const;
  for (let outcome = await assess(job, work); outcome.kind === "again"; outcome = await assess(job, work)) {
    await lab.work(outcome.ms / 1000);
    await lab.clock.advance(outcome.ms);
  }
}

async function absentTarget(): Promise<never> {
  throw new FerryError("E_TARGET_ABSENT", "MSK is not made yet");
}

/** Assessed, planned, and assessed again: then the report knows what it costs. */
beforeAll(async () => {
  const lab = labSource();
  await lab.settle();
  const { work: plain, files } = openAssess(lab);
  const target = createFakeKafka({ role: "target", now: () => lab.clock.now() });
  const world: World = Object.create(plain.world, {
    msk: { value: createFakeMsk(lab.clock).msk },
    engine: { value: async () => createFakeEngine(lab.kafka, target) },
    target: { value: absentTarget },
  });
  const work = { ...plain, world, migration: labMigration };
  await assessOnce(lab, work);
  await plan({ name: "plan", migration: "orders", by: "U0ANA" }, work);
  await lab.clock.advance(60_000);
  await assessOnce(lab, work);
  for (const [name, text] of files) {
    const kind = /^(assess|plan)-.*\.(md|json)$/.exec(name);
    if (kind !== null) made.set(`${kind[1] === "plan" ? "plan" : "assessment"}.${kind[2]}`, text);
  }
  if (processEnvironment()["UPDATE"] !== "1") return;
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of made) writeFileSync(new URL(name, folder), text);
});

describe("the examples in docs/examples", () => {
  it.each(["assessment.md", "assessment.json", "plan.md", "plan.json"])(
    "%s is what the code makes today",
    (name) => {
      expect(readFileSync(new URL(name, folder), "utf8")).toBe(made.get(name));
    },
  );

  it("tell on their first screen whether, how, how long, how much, and what to fix first", () => {
    const screen = made.get("assessment.md")?.split("\n").slice(0, 24).join("\n") ?? "";
    for (const word of ["Can it go?", "How**", "How long", "How much", "$", "## Fix first"])
      expect(screen).toContain(word);
    const planned = made.get("plan.md")?.split("\n").slice(0, 24).join("\n") ?? "";
    for (const word of ["Can it go?", "How**", "How long", "How much", "$", "## Fix first"])
      expect(planned).toContain(word);
  });

  it("are complete for machines", () => {
    expect(Assessment.parse(JSON.parse(made.get("assessment.json") ?? "")).topics).toHaveLength(9);
    expect(Plan.parse(JSON.parse(made.get("plan.json") ?? "")).waves.map(({ name }) => name)).toEqual([
      "insight",
      "billing",
      "shipping",
    ]);
  });
});
