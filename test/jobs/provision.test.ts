import { describe, expect, it } from "vitest";
import type { MskCluster } from "#domain/msk.ts";
import { planKey } from "#domain/plan.ts";
import { provision } from "#jobs/aws/provision.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

const job = { name: "provision", migration: "orders", by: "UANA" } as const;
const run = (work: Work) => provision(job, work);

class Crash extends Error {}

const ours = { name: "migrated", tags: { "msk-ferry": "orders" } };

/** A cluster that others made, exactly as planned but for `change`. */
function putPlanned(aws: Awaited<ReturnType<typeof createAwsWork>>, change: Partial<MskCluster> = {}) {
  const properties = "min.insync.replicas=2\n# theirs\nauto.create.topics.enable = false\n";
  const { arn } = aws.msk.configure({ name: "ferry-migrated", properties });
  const configured = { configurationArn: arn, configurationRevision: 1 };
  return aws.msk.put({ name: "migrated", ...configured, ...change });
}

/** Calls of an undisturbed run; those of the long wait, which are all alike, count once. */
async function countCalls(): Promise<number> {
  const aws = await createAwsWork();
  let calls = 0;
  let last = "";
  aws.msk.script.onCall = (call, phase) => {
    if (phase === "before" && (call !== "findCluster" || last !== call)) calls += 1;
    last = call;
  };
  await aws.carryOut(run);
  return calls + 2;
}

describe("provisioning", () => {
  it("makes the configuration, then the cluster, waits until it is ACTIVE and says what it made", async () => {
    const aws = await createAwsWork();
    const began = aws.clock.now();
    const shown = await aws.carryOut(run);
    expect(aws.msk.changes).toEqual([
      "createConfiguration",
      "createCluster",
      "registerStorage",
      "putStoragePolicy",
    ]);
    expect(aws.msk.clusters()).toMatchObject([
      { name: "migrated", state: "ACTIVE", auth: ["iam"], tags: { "msk-ferry": "orders" }, volumeGiB: 100 },
    ]);
    expect(aws.msk.configurations()).toMatchObject([
      { properties: "auto.create.topics.enable=false\nmin.insync.replicas=2\n" },
    ]);
    expect(aws.clock.now() - began).toBeLessThan(32 * 60_000);
    const last = JSON.stringify(shown.at(-1));
    expect(last).toContain("arn:aws:kafka:us-east-1:123456789012:cluster/migrated/1");
    expect(last).toContain("aws kafka delete-cluster");
    expect(last).toContain("aws kafka delete-configuration");
    expect(last).toContain("b-1.migrated:9098");
  });

  it("shows state and age while it waits, and holds no worker", async () => {
    const aws = await createAwsWork();
    await run(aws.open());
    await aws.clock.advance(10 * 60_000);
    const work = aws.open();
    expect(await run(work)).toEqual({ kind: "again", ms: 30_000 });
    expect(JSON.stringify(work.card.shown)).toContain("CREATING, 10 min since creation");
  });

  it("writes each creating call into the audit before and after it", async () => {
    const aws = await createAwsWork();
    await aws.carryOut(run);
    const trail = await aws.store.auditTrail("orders");
    expect(trail.map(({ what, detail }) => [what, detail])).toEqual([
      ["aws.intent", expect.objectContaining({ action: "CreateConfiguration", undo: expect.any(String) })],
      [
        "aws.done",
        expect.objectContaining({ made: expect.stringContaining(":configuration/ferry-migrated") }),
      ],
      ["aws.intent", expect.objectContaining({ action: "CreateClusterV2", undo: expect.any(String) })],
      ["aws.done", expect.objectContaining({ made: expect.stringContaining(":cluster/migrated") })],
      ["aws.intent", expect.objectContaining({ action: "RegisterScalableTarget", resource: "migrated" })],
      ["aws.done", expect.objectContaining({ action: "RegisterScalableTarget" })],
      ["aws.intent", expect.objectContaining({ action: "PutScalingPolicy", undo: expect.any(String) })],
      ["aws.done", expect.objectContaining({ action: "PutScalingPolicy" })],
      ["target.active", expect.anything()],
    ]);
  });

  it("makes one cluster and one configuration, wherever it is killed", async () => {
    const calls = await countCalls();
    expect(calls).toBeGreaterThan(6);
    for (const phase of ["before", "after"] as const) {
      for (let at = 1; at <= calls; at += 1) {
        const aws = await createAwsWork();
        let left = at;
        aws.msk.script.onCall = (_call, now) => {
          if (now !== phase) return;
          left -= 1;
          if (left === 0) throw new Crash(`killed ${phase} call ${at}`);
        };
        await aws.carryOut(run, (thrown) => thrown instanceof Crash);
        expect(aws.msk.clusters()).toHaveLength(1);
        expect(aws.msk.configurations()).toHaveLength(1);
        const { arn = "" } = aws.msk.clusters()[0] ?? {};
        expect(await aws.msk.msk.storageScaling(arn)).toMatchObject({ policies: [{ percent: 60 }] });
      }
    }
  });

  it("adopts a cluster that is as planned, and makes nothing", async () => {
    const aws = await createAwsWork();
    putPlanned(aws);
    const shown = await aws.carryOut(run);
    expect(aws.msk.changes).toEqual([]);
    const last = JSON.stringify(shown.at(-1));
    expect(last).toContain("was there already");
    expect(last).not.toContain("delete-cluster");
  });

  it("goes on with its own cluster that drifted, and lists how", async () => {
    const aws = await createAwsWork();
    aws.msk.put({ ...ours, brokers: 6, volumeGiB: 500 });
    const shown = await aws.carryOut(run);
    const last = JSON.stringify(shown.at(-1));
    expect(last).toContain("brokers: 6, planned 3");
    expect(last).not.toContain("volume:");
  });

  it("brings a configuration of its name to the plan by a new revision", async () => {
    const aws = await createAwsWork();
    const name = "ferry-migrated";
    await aws.msk.msk.createConfiguration({
      name,
      description: "MSK Ferry, migration orders, plan 0123",
      kafkaVersions: [],
      properties: "num.partitions=1\n",
    });
    await aws.carryOut(run);
    expect(aws.msk.configurations()).toMatchObject([{ revision: 2 }]);
    expect(aws.msk.clusters()).toMatchObject([{ configurationRevision: 2 }]);
  });

  it("reports AWS's cause when the creation fails", async () => {
    const aws = await createAwsWork();
    aws.msk.script.failNext = "InsufficientCapacity: no brokers left in use1-az1";
    await expect(aws.carryOut(run)).rejects.toMatchObject({
      code: "E_TARGET_FAILED",
      message: expect.stringContaining("no brokers left in use1-az1"),
    });
    expect(aws.msk.clusters()).toHaveLength(1);
    aws.msk.remove("migrated");
    const shown = await aws.carryOut(run, undefined, "job-2");
    expect(shown.at(-1)?.tone).toBe("done");
    expect(aws.msk.clusters()).toMatchObject([{ state: "ACTIVE" }]);
  });

  it("asks for everything that ferry.yaml says of keys, logs, monitoring and authorities", async () => {
    const kmsKey = "arn:aws:kms:us-east-1:123456789012:key/k";
    const authority = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/c";
    const aws = await createAwsWork({
      target: {
        auth: "tls",
        certificateAuthorities: [authority],
        kmsKey,
        logGroup: "/msk",
        logs: { s3: { bucket: "b", prefix: "p" }, firehose: "f" },
        monitoring: "PER_BROKER",
        openMonitoring: false,
      },
    });
    const shown = await aws.carryOut(run);
    expect(aws.msk.clusters()).toMatchObject([
      {
        auth: ["tls"],
        certificateAuthorities: [authority],
        kmsKey,
        logs: { cloudWatch: "/msk", s3: { bucket: "b", prefix: "p" }, firehose: "f" },
        monitoring: "PER_BROKER",
        prometheus: false,
      },
    ]);
    expect(JSON.stringify(shown.at(-1))).not.toContain("Not as planned");
  });

  it("associates the SCRAM secrets that are missing", async () => {
    const secretArns = ["arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_ferry-1"];
    const aws = await createAwsWork({
      target: { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns } },
    });
    await aws.carryOut(run);
    await aws.carryOut(run);
    expect(aws.msk.changes).toEqual([
      "createConfiguration",
      "createCluster",
      "associateScram",
      "registerStorage",
      "putStoragePolicy",
    ]);
  });

  it.each([
    {
      shape: { kafkaVersion: "3.5.1" },
      says: /not supported for Kafka version 3.5.1.*support ended on 2025-10-23.*Correction: kafkaVersion: 3.9.x/,
    },
    {
      shape: { instanceType: "kafka.m5.large", provisionedThroughputMiBs: 250 },
      says: /Provisioned throughput is not supported for the specified broker type.*Correction: leave/,
    },
    { shape: { brokers: 4 }, says: /must be a multiple.*Correction: brokers: 6/ },
  ])("refuses $shape of ferry.yaml before AWS is asked for anything", async ({ shape, says }) => {
    const aws = await createAwsWork({ target: { shape } });
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringMatching(says),
    });
    expect(aws.msk.changes).toEqual([]);
  });

  it("refuses a shape that ferry.yaml got after the plan was made", async () => {
    const aws = await createAwsWork({ target: { shape: { instanceType: "kafka.m7g.xlarge" } } });
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_PLAN_STALE",
      message: expect.stringContaining("instanceType kafka.m7g.xlarge, planned kafka.m7g.large"),
    });
  });

  it("refuses a configuration that MSK would not take", async () => {
    const aws = await createAwsWork({
      configuration: { "broker.id": "1", "replica.lag.time.max.ms": "5000" },
    });
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringMatching(/"broker.id".*a number from 10000 to 30000/),
    });
  });

  it("needs a plan", async () => {
    const aws = await createAwsWork();
    await aws.store.remove(planKey("orders"));
    await expect(run(aws.open())).rejects.toMatchObject({ code: "E_NO_PLAN" });
  });
});
