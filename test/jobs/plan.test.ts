import { describe, expect, it } from "vitest";
import { type Assessment, assessmentKey } from "#domain/assessment.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { answers } from "#jobs/answers.ts";
import { plan } from "#jobs/plan.ts";
import type { Card, Work } from "#jobs/work.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createSmallWork, type SmallWork } from "#support/small-work.ts";

const job = { name: "plan", migration: "orders", by: "UANA" } as const;

function assessed(change: Partial<Assessment> = {}): Assessment {
  return assessmentOf({
    topics: [assessedTopic("invoices"), assessedTopic("payments"), assessedTopic("audit")],
    groups: [assessedGroup("billing-app", ["invoices", "payments"])],
    ...change,
  });
}

type PlanWork = { readonly work: Work; readonly small: SmallWork; readonly files: Map<string, string> };

async function open(assessment: Assessment | undefined): Promise<PlanWork> {
  const small = createSmallWork();
  const files = new Map<string, string>();
  const card: Card = {
    ...small.card,
    file: async ({ name, content }) => {
      files.set(name, content.toString());
      return name;
    },
  };
  if (assessment !== undefined) await small.store.write(assessmentKey("orders"), assessment);
  return { work: { ...small, card }, small, files };
}

async function stored(work: Work): Promise<Plan> {
  return Plan.parse((await work.store.read(planKey("orders")))?.value);
}

describe("/ferry plan", () => {
  it("needs an assessment", async () => {
    const { work } = await open(undefined);
    await expect(plan(job, work)).rejects.toMatchObject({ code: "E_NO_ASSESSMENT" });
  });

  it("stores a plan, shows it and uploads it twice", async () => {
    const { work, small, files } = await open(assessed());
    await plan(job, work);
    const made = await stored(work);
    expect(made.waves.map(({ name, topics }) => [name, topics])).toEqual([
      ["invoices", ["invoices", "payments"]],
      ["rest", ["audit"]],
    ]);
    expect([...files.keys()]).toEqual(["plan-2026-11-22.md", "plan-2026-11-22.json"]);
    expect(Plan.parse(JSON.parse(files.get("plan-2026-11-22.json") ?? ""))).toEqual(made);
    const last = small.card.shown.at(-1);
    expect(last?.next).toEqual(["provision"]);
    expect(JSON.stringify(last)).toContain(
      `$${made.shape.monthlyUsd.toLocaleString("en-US")} a month* at us-east-1's prices: those of r are not known`,
    );
  });

  it("shows what only people know: open ones in the message, all of them in the report", async () => {
    const { work, small, files } = await open(assessed());
    await answers(
      { name: "answers", migration: "orders", by: "UANA", given: { "network-path": "vpn", growth: "50" } },
      work,
    );
    await plan(job, work);
    const made = await stored(work);
    expect(made.questions?.find(({ id }) => id === "growth")).toMatchObject({
      state: "answered",
      value: "50",
    });
    const last = JSON.stringify(small.card.shown.at(-1));
    expect(last).toContain("network-path: the answer is vpn, source.network.kind of ferry.yaml is none");
    expect(last).toContain("owners: Who owns the applications");
    expect(last).toContain('"command":"plan answer"');
    const report = files.get("plan-2026-11-22.md") ?? "";
    expect(report).toContain("## Only you know");
    expect(report).toMatch(/\| growth: [^|]*\| answered \| 50 \|/);
    const { hash } = made;
    await answers(
      { name: "answers", migration: "orders", by: "UANA", given: { growth: "0" } },
      { ...work, jobId: "job-2" },
    );
    await plan(job, work);
    expect((await stored(work)).hash).not.toBe(hash);
    expect(JSON.stringify(small.card.shown.at(-1))).toContain("answers: growth is 0, planned 50");
  });

  it("gives the same hash for the same assessment at another time", async () => {
    const { work, small } = await open(assessed());
    await plan(job, work);
    const first = await stored(work);
    await small.clock.advance(60_000);
    await plan(job, work);
    const second = await stored(work);
    expect(second.hash).toBe(first.hash);
    expect(second.madeAt).not.toBe(first.madeAt);
  });

  it("shows blockers and the age of the assessment", async () => {
    const finding = {
      code: "X",
      severity: "blocker",
      state: "found",
      subject: "invoices",
      evidence: "offline",
      remedy: "repair",
    } as const;
    const { work, small } = await open(
      assessed({ taken: { at: "2026-11-10T00:00:00Z", windowMs: 30_000 }, findings: [finding] }),
    );
    await plan(job, work);
    const shown = JSON.stringify(small.card.shown.at(-1));
    expect(shown).toContain("invoices: offline → repair");
    expect(shown).toContain("the assessment is 12 days old");
  });

  it("says what is not known, and shows no zero for it", async () => {
    const why = "no DESCRIBE on the cluster";
    const topics = [assessedTopic("invoices", { bytesOnDisk: { known: false, why }, compacted: true })];
    const { work, small } = await open(assessed({ topics, groups: [] }));
    await plan(job, work);
    const made = await stored(work);
    expect(made.shape.volumeGiB).toBeUndefined();
    expect(JSON.stringify(small.card.shown.at(-1))).toContain(`unknown: size on disk: invoices: ${why}`);
    expect(made.reasons.map(({ what }) => what)).toContain("the price is a lower bound");
  });

  it("keeps a wave that has begun to move, and its name, whatever is assessed now", async () => {
    const { work } = await open(assessed());
    await plan(job, work);
    const [first] = (await stored(work)).waves;
    await work.store.write("wave:orders:invoices", {
      phase: "consumers-moved",
      changedAt: "2026-11-22T15:00:00Z",
    });
    const topics = [
      assessedTopic("invoices"),
      assessedTopic("payments", { offsetsHeld: { known: true, value: 9_000 } }),
      assessedTopic("audit"),
    ];
    await work.store.write(assessmentKey("orders"), assessed({ topics, groups: [] }));
    await plan(job, work);
    const again = (await stored(work)).waves.find(({ name }) => name === "invoices");
    expect(again?.topics).toEqual(first?.topics);
    expect(again?.groups).toEqual(["billing-app"]);
  });

  it("uploads the policy of the plan there is, and needs one", async () => {
    const { work, small, files } = await open(assessed());
    const ask = { ...job, part: "iam" } as const;
    await expect(plan(ask, work)).rejects.toMatchObject({ code: "E_NO_PLAN" });
    await plan(job, work);
    const { hash } = await stored(work);
    files.clear();
    await plan(ask, work);
    expect([...files.keys()]).toEqual(["iam-policy.json", "iam-policies-by-step.json"]);
    expect(JSON.parse(files.get("iam-policy.json") ?? "")).toMatchObject({ Version: "2012-10-17" });
    expect(JSON.stringify(small.card.shown.at(-1))).toContain("characters that IAM takes");
    const { settings } = work.migration;
    const network = {
      ...settings.source.network,
      kind: "peering" as const,
      accepter: { profile: "partner" },
    };
    const elsewhere = { ...settings, source: { ...settings.source, network } };
    files.clear();
    await plan(ask, { ...work, migration: { ...work.migration, settings: elsewhere } });
    expect(files.get("iam-policy-accepter.json")).toContain("ec2:AcceptVpcPeeringConnection");
    expect((await stored(work)).hash).toBe(hash);
    files.clear();
    await plan({ ...job, part: "terraform" }, work);
    expect([...files.keys()]).toEqual(["ferry-versions.tf.json", "ferry-cluster.tf.json"]);
    expect(JSON.stringify(small.card.shown.at(-1))).toContain(`for plan ${hash.slice(0, 12)}`);
  });

  it("hands over no Terraform of a plan that the source has left behind, and says what changed", async () => {
    const { work, small } = await open(assessed());
    await plan(job, work);
    const topics = [assessedTopic("invoices"), assessedTopic("payments"), assessedTopic("parcels")];
    await work.store.write(
      assessmentKey("orders"),
      assessed({ topics, taken: { at: "2026-11-23T14:00:00.000Z", windowMs: 30_000 } }),
    );
    const changes = "source: topic audit is gone; source: topic parcels is new";
    await expect(plan({ ...job, part: "terraform" }, work)).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining(changes),
    });
    await plan(job, work);
    expect(JSON.stringify(small.card.shown.at(-1))).toContain(`Since the plan before: ${changes}.`);
  });

  it("is refused where a wave would have the mirror of a wave of another migration", async () => {
    const topics = [assessedTopic("eu-invoices"), assessedTopic("eu-payments")];
    const groups = [assessedGroup("billing-app", ["eu-invoices", "eu-payments"])];
    const { work } = await open(assessed({ topics, groups }));
    await plan(job, work);
    const made = await stored(work);
    const waves = made.waves.map((wave) => ({ ...wave, name: "invoices" }));
    await work.store.write(planKey("orders-eu"), { ...made, migration: "orders-eu", waves });
    await expect(plan(job, work)).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: expect.stringContaining(
        "Wave eu-invoices of orders and wave invoices of orders-eu would both have the mirror ferry-orders-eu-invoices-forward.",
      ),
    });
  });
});
