import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { asFerryError } from "#domain/errors.ts";
import { feature } from "#jobs/aws/features.ts";
import { network } from "#jobs/aws/network.ts";
import { provision } from "#jobs/aws/provision.ts";
import { runSteps } from "#jobs/run/steps.ts";
import type { Outcome, Work } from "#jobs/work.ts";
import {
  RTB_SOURCE_1,
  RTB_SOURCE_2,
  RTB_TARGET_MAIN,
  SG_MSK,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_SOURCE,
  VPC_TARGET,
} from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { openRun } from "#support/sample-migration.ts";

const from = { migration: "orders", by: "UANA" };

/** What the queue does with a failure that may pass. */
function again(thrown: unknown) {
  if (asFerryError(thrown).retryable) return { kind: "again", ms: 1000 } as const;
  throw thrown;
}

describe("the AWS jobs over HTTP, on the stand-in", () => {
  let aws: AwsUnderTest;
  let bench: Awaited<ReturnType<typeof createAwsWork>>;

  beforeEach(async () => {
    bench = await createAwsWork({
      target: { subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C], securityGroups: [SG_MSK] },
      source: { network: { kind: "peering", vpc: VPC_SOURCE } },
      ports: async (clock) => {
        aws = await startAwsUnderTest(clock);
        const log = createQuietLog();
        return {
          msk: createMsk({ region: aws.region, log }),
          network: createNetwork({ region: aws.region, log }),
        };
      },
    });
  });

  afterEach(() => aws.stop());

  const created = (operation: string) =>
    aws.control.calls().filter((each) => each.operation === operation && each.status === 200);

  const changing = () =>
    aws.control.calls().filter(({ operation }) => /^(Create|Accept|Authorize|Modify)/.test(operation)).length;

  it("provision from nothing to ACTIVE, with lost answers and throttling on the way", async () => {
    aws.control.fault({ kind: "cut", operation: "CreateConfiguration", when: "after" });
    aws.control.fault({ kind: "cut", operation: "CreateClusterV2", when: "after" });
    aws.control.fault({ kind: "throttle", operation: "ListClustersV2", times: 1 });
    const shown = await bench.carryOut((work) => provision({ name: "provision", ...from }, work));
    expect(shown.at(-1)).toMatchObject({ tone: "done", next: ["network"] });
    expect(created("CreateClusterV2")).toHaveLength(1);
    expect(created("CreateConfiguration")).toHaveLength(1);
    expect(await bench.world.msk.findCluster("migrated")).toMatchObject({
      state: "ACTIVE",
      configurationRevision: 1,
      tags: { "msk-ferry": "orders" },
    });
    const again = await bench.carryOut((work) => provision({ name: "provision", ...from }, work));
    expect(again.at(-1)).toMatchObject({ tone: "done" });
    expect(created("CreateClusterV2")).toHaveLength(1);
  });

  it("provision one cluster although AWS does not list it for minutes", async () => {
    aws.control.fault({ kind: "eventual", ms: 40 * 60_000 });
    const shown = await bench.carryOut((work) => provision({ name: "provision", ...from }, work));
    expect(shown.at(-1)?.tone).toBe("done");
    expect(aws.control.calls().filter(({ operation }) => operation === "CreateClusterV2")).toHaveLength(1);
  });

  it("provision tells why AWS could not make the cluster", async () => {
    aws.control.fault({
      kind: "fail-create",
      code: "InsufficientCapacity",
      message: "No brokers of kafka.m7g.large are left in use1-az1.",
    });
    await expect(
      bench.carryOut((work) => provision({ name: "provision", ...from }, work)),
    ).rejects.toMatchObject({
      code: "E_TARGET_FAILED",
      message: expect.stringMatching(
        /is FAILED: InsufficientCapacity: No brokers .*delete-cluster --cluster-arn arn:aws:kafka/,
      ),
    });
    expect(created("CreateClusterV2")).toHaveLength(1);
  });

  it("make one of everything when two runners are at it at once", async () => {
    const twice = (job: (work: Work) => Promise<Outcome>) =>
      Promise.all(
        ["job-1", "job-2"].map((id) => bench.carryOut(job, (thrown) => asFerryError(thrown).retryable, id)),
      );
    await twice((work) => provision({ name: "provision", ...from }, work));
    await twice((work) => network({ name: "network", ...from }, work));
    const once = [
      "CreateClusterV2",
      "CreateConfiguration",
      "RegisterScalableTarget",
      "CreateVpcPeeringConnection",
    ];
    for (const operation of once) {
      expect(created(operation), operation).toHaveLength(1);
    }
    const tables = await Promise.all(
      [VPC_SOURCE, VPC_TARGET].map((vpc) => bench.world.network.routeTables(vpc)),
    );
    const through = tables.flat().map(({ routes }) => routes.filter(({ peering }) => peering !== undefined));
    expect(through.map((routes) => routes.length)).toEqual([1, 1, 1]);
    expect(await bench.world.network.ingress(SG_MSK)).toHaveLength(1);
  });

  it("grow the storage once although AWS's answer is lost", async () => {
    await bench.carryOut((work) => provision({ name: "provision", ...from }, work));
    const work = bench.open();
    const proposal = await feature.propose({ choice: "storage=200", by: "UANA" }, work);
    const run = await openRun(bench.store, "7K3Q");
    aws.control.fault({ kind: "cut", operation: "UpdateBrokerStorage", when: "after" });
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const steps = await feature.steps(proposal, work, run);
      const result = await runSteps({ steps, run, work, subject: "orders · feature" }).catch(again);
      if (result.kind !== "again") break;
      await bench.clock.advance(result.ms);
    }
    expect(await bench.world.msk.findCluster("migrated")).toMatchObject({ state: "ACTIVE", volumeGiB: 200 });
    expect(created("UpdateBrokerStorage")).toHaveLength(1);
    expect(aws.control.calls().filter(({ operation }) => operation === "UpdateBrokerStorage")).toHaveLength(
      1,
    );
  });

  it("connect both VPCs until traffic passes, and change nothing the second time", async () => {
    const run = () => bench.carryOut((work) => network({ name: "network", ...from }, work));
    await run();
    const changes = changing();
    const [peering] = await bench.world.network.peerings(VPC_SOURCE, VPC_TARGET);
    expect(peering).toMatchObject({ state: "active", resolvesDns: true, tags: { "msk-ferry": "orders" } });
    const tables = [
      ...(await bench.world.network.routeTables(VPC_SOURCE)),
      ...(await bench.world.network.routeTables(VPC_TARGET)),
    ];
    const routed = tables.filter(({ routes }) =>
      routes.some((route) => route.peering === peering?.id && route.state === "active"),
    );
    expect(routed.map(({ id }) => id).toSorted()).toEqual([RTB_SOURCE_1, RTB_SOURCE_2, RTB_TARGET_MAIN]);
    expect(await bench.world.network.ingress(SG_MSK)).toEqual([
      { port: 9098, cidr: "10.10.0.0/16", description: "msk-ferry=orders" },
    ]);
    await run();
    expect(changing()).toBe(changes);
  });
});
