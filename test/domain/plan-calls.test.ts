import { describe, expect, it } from "vitest";
import type { Assessment } from "#domain/assessment.ts";
import { makePlan } from "#domain/plan/planning.ts";
import { clusterRequest, configurationRequest } from "#domain/plan/provisioning.ts";
import { planStaleness, stalenessText } from "#domain/plan/staleness.ts";
import { planReport } from "#domain/report/plan-report.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { known, unknown } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";

const exec = { driver: "exec", command: ["./switch.sh"], environment: { TOKEN: "hunter2" } };
const file = {
  channel: "C1",
  source: {
    bootstrap: ["kafka-1:9092", "kafka-2:9093"],
    network: { kind: "peering", vpc: "vpc-1", securityGroups: ["sg-source"] },
  },
  target: {
    cluster: "migrated",
    region: "us-east-1",
    auth: "scram",
    scram: {
      username: "ferry",
      passwordEnv: "P",
      secretArns: Array.from(
        { length: 11 },
        (_, index) => `arn:aws:secretsmanager:us-east-1:1:secret:AmazonMSK_${index}`,
      ),
    },
    subnets: ["subnet-a", "subnet-b", "subnet-c"],
    securityGroups: ["sg-1"],
  },
  replication: { connect: { url: "http://connect:8083" } },
  clients: [
    { name: "billing", role: "consumer", group: "billing-app", switch: exec },
    { name: "checkout", role: "producer", topics: ["payments"], switch: { driver: "manual", owner: "U01" } },
  ],
};

function migration(change: object = {}) {
  return { name: "orders", settings: MigrationSettings.parse({ ...file, ...change }) };
}

const assessment = assessmentOf({
  topics: [assessedTopic("payments"), assessedTopic("audit")],
  groups: [assessedGroup("billing-app", ["payments"])],
});

function made(change: object = {}, source: Assessment = assessment) {
  return makePlan({
    migration: migration(change),
    assessment: source,
    creatable: known(["3.9.x"]),
    madeAt: "2026-11-22T14:00:00.000Z",
  });
}

function scalingCalls(change: object = {}) {
  return (made(change).calls ?? []).filter(({ to }) => to === "Application Auto Scaling");
}

describe("the dry run of a plan", () => {
  it("lists every changing call in order", () => {
    const calls = made().calls ?? [];
    expect(calls.map(({ step, to, call }) => `${step} > ${to} ${call}`)).toEqual([
      "provision > MSK CreateConfiguration",
      "provision > MSK CreateClusterV2",
      "provision > MSK BatchAssociateScramSecret",
      "provision > MSK BatchAssociateScramSecret",
      "provision > Application Auto Scaling RegisterScalableTarget",
      "provision > Application Auto Scaling PutScalingPolicy",
      "network > EC2 CreateVpcPeeringConnection",
      "network > EC2 AcceptVpcPeeringConnection",
      "network > EC2 CreateRoute",
      "network > EC2 CreateRoute",
      "network > EC2 AuthorizeSecurityGroupIngress",
      "network > EC2 AuthorizeSecurityGroupIngress",
      "network > EC2 AuthorizeSecurityGroupIngress",
      "network > EC2 ModifyVpcPeeringConnectionOptions",
      "replicate start, wave payments > target CreateTopics",
      "replicate start, wave payments > engine define, running",
      "replicate start, wave payments > engine define, running",
      "replicate start, wave rest > target CreateTopics",
      "replicate start, wave rest > engine define, running",
      "cutover consumers payments > client stop",
      "cutover consumers payments > target OffsetCommit",
      "cutover consumers payments > client start on the target",
      "cutover producers payments > engine define, stopped",
      "cutover producers payments > client stop",
      "cutover producers payments > source CreateAcls",
      "cutover producers payments > engine stop",
      "cutover producers payments > engine set offsets",
      "cutover producers payments > engine start",
      "cutover producers payments > client start on the target",
      "cutover producers rest > engine define, stopped",
      "cutover producers rest > source CreateAcls",
      "cutover producers rest > engine stop",
      "cutover producers rest > engine set offsets",
      "cutover producers rest > engine start",
      "cleanup > engine remove",
      "cleanup > engine remove",
      "cleanup > engine remove",
      "cleanup > engine remove",
      "cleanup > engine remove",
      "cleanup > engine remove",
      "cleanup > source DeleteAcls",
      "cleanup > source and target DeleteTopics",
    ]);
  });

  it("names what is registered so that the storage grows by itself, and nothing where that is off", () => {
    expect(scalingCalls()).toMatchObject([
      { args: { minGiB: 1, maxGiB: 16_384, tags: { "msk-ferry": "orders" } } },
      { args: { policy: "storage", percent: 60, shrinks: false } },
    ]);
    expect(scalingCalls({ target: { ...file.target, storageAutoScaling: false } })).toEqual([]);
  });

  it("copies the access of the source's applications, and none of the mirror's", () => {
    const acl = {
      resourceType: "TOPIC",
      resourceName: "payments",
      patternType: "LITERAL",
      principal: "User:shop",
      host: "*",
      operation: "WRITE",
      permission: "ALLOW",
    };
    const acls = [acl, { ...acl, principal: "User:anna", operation: "READ" }];
    const entity = [{ type: "client-id", name: "shop" }];
    const quotas = [{ entity, limits: { producer_byte_rate: 1000 } }];
    const source = { ...assessment, acls: known(acls), quotas: known(quotas) };
    const access = (change: object = {}) =>
      (made(change, source).calls ?? []).filter(({ step }) => step === "access copy");
    expect(access().map(({ call }) => call)).toEqual(["CreateAcls", "AlterClientQuotas"]);
    expect(access()[0]?.args["acls"]).toEqual(expect.arrayContaining(acls));
    expect(access()[1]?.args).toEqual({ quotas });
    const iam = { target: { ...file.target, auth: "iam", scram: undefined } };
    expect(access(iam).map(({ call }) => call)).toEqual(["AlterClientQuotas"]);
    expect(made(iam, { ...source, quotas: unknown("not told") }).hash).not.toBe(made(iam, source).hash);
  });

  it("has the two requests whole, as provision will send them", () => {
    const plan = made();
    const [configuration, cluster] = plan.calls ?? [];
    const sent = configurationRequest(plan, migration());
    expect(configuration?.args).toEqual({ ...sent, description: expect.stringContaining("plan <hash>") });
    expect(cluster?.args).toEqual(clusterRequest(plan, migration()));
  });

  it("shows no environment of a client, and every call in the report", () => {
    const plan = made();
    const { markdown, json } = planReport(plan);
    expect(`${markdown}${json}`).not.toContain("hunter2");
    expect(markdown).toContain(`### Calls that change something: ${plan.calls?.length}`);
    expect(markdown).toContain('"command":["./switch.sh"]');
  });

  it("is bound by the hash: another argument is another plan", () => {
    const other = made({ clients: [{ ...file.clients[0], switch: { ...exec, command: ["./other.sh"] } }] });
    expect(other.hash).not.toBe(made().hash);
    expect(made({ digest: { cron: "0 * * * *" } }).hash).toBe(made().hash);
  });
});

describe("a plan that is no longer right", () => {
  const later = { ...assessment, taken: { at: "2026-11-23T14:00:00.000Z", windowMs: 30_000 } };

  it("is fresh as long as nothing changed, whatever was measured since", () => {
    const busy = later.topics.map((topic) => ({ ...topic, recordsPerSecond: known(99) }));
    expect(planStaleness(made(), migration(), assessment)).toEqual([]);
    expect(planStaleness(made(), migration(), { ...later, topics: busy })).toEqual([]);
    expect(planStaleness(made(), migration({ digest: { cron: "0 * * * *" } }), undefined)).toEqual([]);
  });

  it.each([
    {
      change: { target: { ...file.target, subnets: ["subnet-a", "subnet-b"] } },
      says: ["ferry.yaml: target.subnets changed"],
    },
    {
      change: { waves: [{ name: "all", topics: ["payments", "audit"] }] },
      says: ["ferry.yaml: waves changed"],
    },
    { change: { replication: { ...file.replication, tasks: { payments: 4 } } }, says: [] },
    { change: { clients: [] }, says: ["ferry.yaml: clients changed"] },
    {
      change: { replication: { ...file.replication, topics: ["pay.*"] } },
      says: ["ferry.yaml: replication.topics changed"],
    },
  ])("names the setting: $says", ({ change, says }) => {
    expect(planStaleness(made(), migration(change), undefined)).toEqual(says);
  });

  it.each([
    {
      what: "topics",
      source: { topics: [assessedTopic("payments"), assessedTopic("parcels")] },
      says: ["source: topic audit is gone", "source: topic parcels is new"],
    },
    {
      what: "partitions",
      source: { topics: [assessedTopic("payments", { partitions: 6 }), assessedTopic("audit")] },
      says: ["source: payments has 6 partitions, planned 3"],
    },
    {
      what: "settings of a topic",
      source: {
        topics: [
          assessedTopic("payments", { configs: { "retention.ms": { value: "1000", origin: "topic" } } }),
          assessedTopic("audit"),
        ],
      },
      says: ["source: settings of payments changed"],
    },
    {
      what: "groups",
      source: { groups: [assessedGroup("new-app", ["payments"])] },
      says: ["source: group billing-app is gone", "source: group new-app is new"],
    },
    {
      what: "another cluster",
      source: { clusterId: "source-2" },
      says: ["source: cluster source-2, planned source-1"],
    },
  ])("names what of the source: $what", ({ source, says }) => {
    expect(planStaleness(made(), migration(), { ...later, ...source })).toEqual(says);
  });

  it("names the first few in a message", () => {
    const topics = Array.from({ length: 9 }, (_, index) => assessedTopic(`t${index}`));
    const text = stalenessText(
      planStaleness(made(), migration(), { ...later, topics: [...assessment.topics, ...topics] }),
    );
    expect(text).toBe(
      `${[0, 1, 2, 3, 4, 5].map((index) => `source: topic t${index} is new`).join("; ")}; and 3 more`,
    );
  });
});
