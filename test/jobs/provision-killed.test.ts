import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ChainedEntry } from "#domain/ports.ts";
import { network } from "#jobs/aws/network.ts";
import { provision } from "#jobs/aws/provision.ts";
import type { Work } from "#jobs/work.ts";
import {
  RTB_SOURCE_1,
  RTB_SOURCE_2,
  RTB_TARGET_MAIN,
  SG_MSK,
  SG_SOURCE,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_SOURCE,
} from "#lab/aws/world.ts";
import { blowsAt, type Lived, liveThrough } from "#support/aws-lives.ts";

/**
 * Every place where a process can end between two calls to AWS, and every answer that can be lost although the call took
 * effect: the SDK as it is, against the stand-in. Whatever happens there is one of everything, tagged, told once.
 */

const from = { migration: "orders", by: "UANA" };
const secretArns = ["a", "b"].map(
  (name) => `arn:aws:secretsmanager:us-east-1:123456789012:secret:AmazonMSK_${name}-a1b2c3`,
);
const changes = {
  target: {
    subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
    securityGroups: [SG_MSK],
    auth: "scram",
    scram: { username: "ferry", passwordEnv: "P", secretArns },
  },
  source: { network: { kind: "peering", vpc: VPC_SOURCE, securityGroups: [SG_SOURCE] } },
};
const ours = { "msk-ferry": "orders" };

const State = z.object({
  clusters: z.array(z.object({ state: z.string(), tags: z.unknown(), scramSecrets: z.array(z.string()) })),
  configurations: z.array(
    z.object({ name: z.string(), description: z.string(), revisions: z.array(z.unknown()) }),
  ),
  scalableTargets: z.array(
    z.object({
      min: z.number(),
      max: z.number(),
      tags: z.unknown(),
      policies: z.array(
        z.object({
          name: z.string(),
          tracking: z.object({ TargetValue: z.number(), DisableScaleIn: z.boolean() }),
        }),
      ),
    }),
  ),
  peerings: z.array(
    z.object({
      id: z.string(),
      code: z.string(),
      tags: z.unknown(),
      requesterDns: z.boolean(),
      accepterDns: z.boolean(),
    }),
  ),
  world: z.object({
    routeTables: z.array(
      z.object({
        id: z.string(),
        routes: z.array(z.object({ destination: z.string(), target: z.string() })),
      }),
    ),
    securityGroups: z.array(
      z.object({ id: z.string(), ingress: z.array(z.object({ peer: z.string(), description: z.string() })) }),
    ),
  }),
});

/** Each thing that was begun was begun once and ended once; a failure in between was not to know. */
function storyOf(trail: readonly ChainedEntry[]): readonly string[] {
  const told = Map.groupBy(
    trail.filter(({ what }) => what.startsWith("aws.")),
    ({ subject, reason, what, detail }) =>
      `${what === "aws.failed" ? z.object({ action: z.string() }).parse(detail).action : reason} of ${subject}`,
  );
  return [...told].flatMap(([name, entries]) => {
    const kinds = entries.map(({ what, reason }) => (what === "aws.failed" ? `${what} ${reason}` : what));
    const plain = kinds.filter((kind) => kind !== "aws.failed E_AWS_UNREACHABLE").join();
    return plain === "aws.intent,aws.done" ? [] : [`${name}: ${kinds.join()}`];
  });
}

async function trailOf({ bench }: Lived): Promise<readonly ChainedEntry[]> {
  return await bench.store.auditTrail("orders");
}

function carriedOut({ recorded }: Lived, operation: string): number {
  return recorded.filter((call) => call.operation === operation && call.status === 200).length;
}

async function expectOneCluster(lived: Lived): Promise<void> {
  const { clusters, configurations, scalableTargets } = State.parse(lived.state);
  expect(clusters).toEqual([{ state: "ACTIVE", tags: ours, scramSecrets: secretArns }]);
  expect(configurations).toMatchObject([{ name: "ferry-migrated" }]);
  expect(configurations[0]?.description).toMatch(/^MSK Ferry, migration orders, plan /);
  expect(carriedOut(lived, "CreateClusterV2")).toBe(1);
  const tracking = { TargetValue: 60, DisableScaleIn: true };
  expect(scalableTargets).toEqual([
    { min: 1, max: 16_384, tags: ours, policies: [{ name: "storage", tracking }] },
  ]);
  expect(carriedOut(lived, "RegisterScalableTarget")).toBe(1);
  const trail = await trailOf(lived);
  expect(storyOf(trail)).toEqual([]);
  expect(trail.filter(({ what }) => what === "target.active")).toHaveLength(1);
}

async function expectOneRevisionMore(lived: Lived): Promise<void> {
  await expectOneCluster(lived);
  expect(State.parse(lived.state).configurations[0]?.revisions).toHaveLength(2);
}

async function expectOneWay(lived: Lived): Promise<void> {
  const { peerings, world } = State.parse(lived.state);
  const [{ id } = { id: "none" }] = peerings;
  expect(peerings).toEqual([{ id, code: "active", tags: ours, requesterDns: true, accepterDns: true }]);
  const routes = world.routeTables.flatMap((table) =>
    table.routes.map(({ destination, target }) => `${table.id} ${destination} ${target}`),
  );
  expect(routes.toSorted()).toEqual([
    `${RTB_SOURCE_1} 10.20.0.0/16 ${id}`,
    `${RTB_SOURCE_2} 10.20.0.0/16 ${id}`,
    `${RTB_TARGET_MAIN} 10.10.0.0/16 ${id}`,
  ]);
  const rules = world.securityGroups.flatMap((group) =>
    group.ingress.map(({ peer, description }) => `${group.id} ${peer} ${description}`),
  );
  expect(rules.toSorted()).toEqual([
    `${SG_SOURCE} 10.20.0.0/16 msk-ferry=orders`,
    `${SG_MSK} 10.10.0.0/16 msk-ferry=orders`,
  ]);
  for (const { operation, status, input } of lived.recorded) {
    if (operation !== "AuthorizeSecurityGroupIngress" || status !== 200) continue;
    const Tags = [{ Key: "msk-ferry", Value: "orders" }];
    expect(input).toMatchObject({ TagSpecifications: [{ ResourceType: "security-group-rule", Tags }] });
  }
  const trail = await trailOf(lived);
  expect(storyOf(trail)).toEqual([]);
  expect(trail.filter(({ what }) => what === "network.probed")).toHaveLength(1);
}

const jobs = {
  provision: (work: Work) => provision({ name: "provision", ...from }, work),
  network: (work: Work) => network({ name: "network", ...from }, work),
};

/** An older configuration of ours is there: it gets a revision. */
const older = {
  before: async ({ msk }: Pick<Work["world"], "msk">) => {
    await msk.createConfiguration({
      name: "ferry-migrated",
      description: "MSK Ferry, migration orders, plan 000000000000",
      kafkaVersions: ["3.9.x"],
      properties: "num.partitions=7\n",
    });
  },
};

async function walk(
  job: (work: Work) => ReturnType<typeof provision>,
  check: (lived: Lived) => Promise<void>,
  before: Parameters<typeof liveThrough>[2] = {},
  concerned = /./,
): Promise<number> {
  const calm = await liveThrough(job, changes, before);
  await check(calm);
  const { calls } = calm;
  const blows = blowsAt(calls).filter(({ call }) => concerned.test(calls[call - 1] ?? ""));
  for (const blow of blows) {
    try {
      await check(await liveThrough(job, changes, { ...before, blow }));
    } catch (cause) {
      throw new Error(`ended ${blow.when} call ${blow.call}, ${calls[blow.call - 1]}`, { cause });
    }
  }
  return blows.length;
}

describe("a process that ends at any call to AWS", () => {
  it("leaves one configuration and one cluster when it provisions", { timeout: 120_000 }, async () => {
    expect(await walk(jobs.provision, expectOneCluster)).toBeGreaterThan(23);
  });

  it("leaves one more revision, and no other, when it brings a configuration to the plan", {
    timeout: 120_000,
  }, async () => {
    expect(await walk(jobs.provision, expectOneRevisionMore, older, /configurations|PUT/)).toBeGreaterThan(5);
  });

  it("leaves one peering, one route a table and one rule a port when it connects", {
    timeout: 120_000,
  }, async () => {
    expect(await walk(jobs.network, expectOneWay)).toBeGreaterThan(35);
  });
});
