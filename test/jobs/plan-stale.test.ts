import { describe, expect, it } from "vitest";
import { factHashOf } from "#domain/approval/approval.ts";
import { type Assessment, assessmentKey } from "#domain/assessment.ts";
import { makePlan } from "#domain/plan/planning.ts";
import { type Answers, answersKey } from "#domain/plan/questions.ts";
import { changesFor, type PlannedStep, planChanges } from "#domain/plan/staleness.ts";
import { type Plan, planKey } from "#domain/plan.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { known } from "#domain/topology.ts";
import { network } from "#jobs/aws/network.ts";
import { provision } from "#jobs/aws/provision.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { started } from "#support/cutover-bench.ts";
import { createMirrorWork } from "#support/mirror-work.ts";

const file = {
  channel: "C1",
  source: {
    bootstrap: ["kafka-1:9092"],
    network: { kind: "peering", vpc: "vpc-1", securityGroups: ["sg-source"] },
  },
  target: {
    cluster: "migrated",
    region: "us-east-1",
    auth: "iam",
    subnets: ["subnet-a", "subnet-b", "subnet-c"],
    securityGroups: ["sg-1"],
  },
  replication: { connect: { url: "http://connect:8083" } },
};

const later = { at: "2026-11-23T14:00:00.000Z", windowMs: 30_000 };
const base = {
  topics: [assessedTopic("payments"), assessedTopic("audit")],
  groups: [assessedGroup("billing-app", ["payments"])],
};

function migration(change: object = {}) {
  return { name: "orders", settings: MigrationSettings.parse({ ...file, ...change }) };
}

function made(): Plan {
  return makePlan({
    migration: migration(),
    assessment: assessmentOf(base),
    creatable: known(["3.9.x"]),
    madeAt: "2026-11-22T14:00:00.000Z",
  });
}

type Now = { readonly settings?: object; readonly source?: Partial<Assessment>; readonly answers?: Answers };

/** By step, whether it would be refused. */
function refusedSteps({ settings = {}, source, answers = {} }: Now): readonly string[] {
  const plan = made();
  const assessment = source && assessmentOf({ ...base, taken: later, ...source });
  const changes = planChanges(plan, migration(settings), assessment, answers);
  const [wave, rest] = plan.waves;
  if (wave === undefined || rest === undefined) throw new Error("two waves are planned");
  const steps: readonly PlannedStep[] = [
    { step: "provision" },
    { step: "network" },
    { step: "replicate start", waves: [wave], others: [rest] },
    { step: "cutover", wave },
  ];
  return steps.filter((step) => changesFor(step, changes).length > 0).map(({ step }) => step);
}

const answer = { by: "UANA", at: "2026-11-22T15:00:00.000Z", job: "1", before: null };
const all = ["provision", "network", "replicate start", "cutover"];

describe("what makes a plan stale", () => {
  it.each<[string, Now, readonly string[]]>([
    ["nothing", {}, []],
    ["another assessment of the same", { source: {} }, []],
    ["another cluster", { source: { clusterId: "other" } }, all],
    [
      "a topic that is new",
      { source: { topics: [...base.topics, assessedTopic("refunds")] } },
      ["provision", "replicate start"],
    ],
    [
      "more partitions in the wave",
      { source: { topics: [assessedTopic("payments", { partitions: 9 }), assessedTopic("audit")] } },
      ["provision", "replicate start", "cutover"],
    ],
    [
      "more partitions in a wave that has moved",
      { source: { topics: [assessedTopic("payments"), assessedTopic("audit", { partitions: 9 })] } },
      ["provision"],
    ],
    [
      "a setting of a topic, which is set on MSK when it is created",
      {
        source: {
          topics: [
            assessedTopic("payments", { configs: { "retention.ms": { value: "1000", origin: "topic" } } }),
            assessedTopic("audit"),
          ],
        },
      },
      ["replicate start"],
    ],
    ["a group that came", { source: { groups: [...base.groups, assessedGroup("x", ["payments"])] } }, []],
    [
      "lag, which every assessment measures anew",
      {
        source: { groups: [assessedGroup("billing-app", ["payments"], { lag: { known: true, value: 9 } })] },
      },
      [],
    ],
    ["another cluster to make", { settings: { target: { ...file.target, cluster: "other" } } }, all],
    [
      "other subnets",
      { settings: { target: { ...file.target, subnets: ["subnet-a", "subnet-b", "subnet-d"] } } },
      ["provision", "network"],
    ],
    [
      "another way between the networks",
      { settings: { source: { ...file.source, network: { kind: "vpn" } } } },
      ["network"],
    ],
    [
      "other topics",
      { settings: { replication: { ...file.replication, topics: ["pay.*"] } } },
      ["provision", "replicate start", "cutover"],
    ],
    [
      "an application",
      {
        settings: {
          clients: [{ name: "a", role: "consumer", group: "billing-app", switch: { driver: "manual" } }],
        },
      },
      ["cutover"],
    ],
    [
      "another engine, which replicate start takes over",
      {
        settings: {
          replication: { engine: "mirrormaker", mirrormaker: { run: "handed-over" } },
        },
      },
      [],
    ],
    ["more tasks", { settings: { replication: { ...file.replication, tasks: { payments: 4 } } } }, []],
    ["how long is waited", { settings: { cutover: { patience: "1m" } } }, []],
    ["the fence", { settings: { cutover: { fence: ["max.message.bytes"] } } }, ["cutover"]],
    ["growth", { answers: { growth: { ...answer, value: "50" } } }, ["provision"]],
    ["owners", { answers: { owners: { ...answer, value: "ana" } } }, []],
  ])("%s", (_, now, steps) => {
    expect(refusedSteps(now)).toEqual(steps);
  });
});

describe("a step whose plan is stale", () => {
  const grownTopics = [assessedTopic("payments", { partitions: 9 }), assessedTopic("audit")];

  it("is refused by provision, which makes nothing, and goes on when its cluster is there", async () => {
    const aws = await createAwsWork();
    await aws.store.write(planKey("orders"), { ...made(), migration: "orders" });
    await aws.store.write(
      assessmentKey("orders"),
      assessmentOf({ ...base, taken: later, topics: grownTopics }),
    );
    const work = aws.open();
    await expect(
      provision({ name: "provision", migration: "orders", by: "UANA" }, work),
    ).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining("payments has 9 partitions, planned 3"),
    });
    expect(aws.msk.changes).toEqual([]);
  });

  it("is refused by network, which makes nothing", async () => {
    const aws = await createAwsWork();
    await aws.store.write(planKey("orders"), made());
    const work = aws.open();
    await expect(network({ name: "network", migration: "orders", by: "UANA" }, work)).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining("ferry.yaml: source.network changed"),
    });
  });

  it("is refused by replicate start, and by no other way to end or go on", async () => {
    const mirror = await createMirrorWork();
    const basis = { assessedAt: "2026-11-22T14:00:00.000Z", settings: { waves: "other" } };
    const stored = await mirror.work.store.read(planKey("orders"));
    await mirror.work.store.write(planKey("orders"), Object.assign({}, stored?.value, { basis }));
    const run = (action: "start" | "stop") =>
      replicate({ name: "replicate", migration: "orders", by: "UANA", action }, mirror.work);
    await expect(run("start")).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining("waves changed"),
    });
    expect(mirror.engine.orders).toEqual([]);
    await expect(run("stop")).resolves.toEqual({ kind: "done" });
  });

  it("voids requests for a cutover, and never one for the way back", async () => {
    const sample = await started([cutoverConsumers]);
    const work = await sample.openWork();
    const basis = { assessedAt: "2026-11-22T14:00:00.000Z", settings: { waves: "other" } };
    await sample.store.write(planKey("orders"), { ...sample.plan, basis });
    const asked = { wave: "billing", by: "UANA" };
    await expect(cutoverProducers.propose(asked, work)).rejects.toMatchObject({ code: "E_PLAN_STALE" });
    await expect(rollback.propose(asked, work)).resolves.toMatchObject({ action: "rollback" });
  });
});

describe("a request for a cutover", () => {
  it("is bound to the plan's hash: another plan is another request", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const asked = { wave: "billing", by: "UANA" };
    const first = await cutoverConsumers.propose(asked, work);
    expect(first.plan).toMatchObject({ plan: sample.plan.hash });
    await sample.store.write(planKey("orders"), { ...sample.plan, hash: "f".repeat(64) });
    const second = await cutoverConsumers.propose(asked, work);
    expect(second.plan).toMatchObject({ plan: "f".repeat(64) });
    expect(factHashOf({ ...second, facts: first.facts })).not.toBe(factHashOf(first));
    expect(factHashOf({ ...first, facts: first.facts })).toBe(factHashOf(first));
  });

  it("names owners and window, and holds the lower of both limits to what is read twice", async () => {
    const sample = await started();
    await sample.store.write(answersKey("orders"), { owners: { ...answer, value: "team-billing" } });
    const work = await sample.openWork();
    const proposal = await cutoverConsumers.propose({ wave: "billing", by: "UANA" }, work);
    expect(proposal.effects).toContainEqual({ label: "Owners", value: "team-billing" });
    expect(proposal.effects.map(({ label }) => label)).toContain("Window");
    expect(proposal.facts.find(({ name }) => name === "read-again")?.text).toContain("at most 0 records");
  });
});

describe("an answer that is needed", () => {
  it("holds provision and network up, and lets them go on when it is given", async () => {
    const aws = await createAwsWork({ settings: {} });
    const open = { ...answer, value: "open" };
    await aws.store.write(answersKey("orders"), { compliance: open, "network-path": open });
    const work = aws.open();
    await expect(
      provision({ name: "provision", migration: "orders", by: "UANA" }, work),
    ).rejects.toMatchObject({
      code: "E_ANSWER_NEEDED",
    });
    await expect(network({ name: "network", migration: "orders", by: "UANA" }, work)).rejects.toMatchObject({
      code: "E_ANSWER_NEEDED",
    });
    expect(aws.msk.changes).toEqual([]);
    await aws.store.write(answersKey("orders"), { compliance: { ...answer, value: "aws-key" } });
    await expect(
      provision({ name: "provision", migration: "orders", by: "UANA" }, aws.open()),
    ).resolves.toMatchObject({
      kind: "again",
    });
  });
});
