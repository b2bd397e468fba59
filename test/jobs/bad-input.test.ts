import { DeleteClusterCommand, KafkaClient } from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { FerryError } from "#domain/errors.ts";
import { network } from "#jobs/aws/network.ts";
import { provision } from "#jobs/aws/provision.ts";
import type { Work } from "#jobs/work.ts";
import type { Fault } from "#lab/aws/faults.ts";
import {
  defaultWorld,
  SG_MSK,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_OVERLAP,
  VPC_SOURCE,
} from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createQuietLog } from "#support/quiet-log.ts";

/** What people get wrong, over the wire to the stand-in: code, remedy, nothing made twice, nothing left without a tag. */

const from = { migration: "orders", by: "UANA" };
const jobs = {
  provision: (work: Work) => provision({ name: "provision", ...from }, work),
  network: (work: Work) => network({ name: "network", ...from }, work),
};
const target = { subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C], securityGroups: [SG_MSK] };
const source = { network: { kind: "peering", vpc: VPC_SOURCE } };
const alsoInZone1 = "subnet-0a1b2c3d4e5f6003a";

const Made = z.object({
  clusters: z.array(z.object({ name: z.string(), tags: z.record(z.string(), z.string()) })),
  configurations: z.array(z.object({ name: z.string(), description: z.string() })),
  peerings: z.array(z.object({ code: z.string(), tags: z.record(z.string(), z.string()) })),
  world: z.object({
    securityGroups: z.array(
      z.object({ ingress: z.array(z.object({ tags: z.record(z.string(), z.string()) })) }),
    ),
  }),
});

let aws: AwsUnderTest;
let bench: Awaited<ReturnType<typeof createAwsWork>>;

async function open(changes: { readonly target?: object; readonly source?: object } = {}) {
  bench = await createAwsWork({
    target: { ...target, ...changes.target },
    source: { ...source, ...changes.source },
    ports: async () => ({
      msk: createMsk({ region: regionOf(changes), log: createQuietLog() }),
      network: createNetwork({ region: regionOf(changes), log: createQuietLog() }),
    }),
  });
  return bench;
}

function regionOf({ target: given }: { readonly target?: object }): string {
  return z.object({ region: z.string() }).safeParse(given).data?.region ?? aws.region;
}

beforeEach(async () => {
  const world = defaultWorld();
  const [like] = world.subnets.filter(({ id }) => id === SUBNET_TARGET_A);
  if (like === undefined) throw new Error("no such subnet");
  const subnets = [...world.subnets, { ...like, id: alsoInZone1, cidr: "10.20.9.0/24" }];
  aws = await startAwsUnderTest({ now: () => bench.clock.now() }, { subnets });
});
afterEach(() => aws.stop());

/** What is there, each thing by its name; `untagged` must stay empty. */
function made() {
  const { clusters, configurations, peerings, world } = Made.parse(aws.control.state());
  const tagged = [...clusters, ...peerings, ...world.securityGroups.flatMap(({ ingress }) => ingress)];
  return {
    clusters: clusters.length,
    configurations: configurations.length,
    peerings: peerings.length,
    untagged: tagged.filter(({ tags }) => tags["msk-ferry"] === undefined),
  };
}

async function refusalOf(job: keyof typeof jobs, id = "job-1"): Promise<FerryError> {
  const thrown = await bench.carryOut(jobs[job], undefined, id).catch((refused: unknown) => refused);
  if (!(thrown instanceof FerryError)) throw new Error(`not refused: ${String(thrown)}`);
  expect(thrown.remedy.length).toBeGreaterThan(10);
  return thrown;
}

/** Half an hour at once: what it does meanwhile is shown elsewhere. */
async function finish(job: keyof typeof jobs, id: string): Promise<void> {
  if ((await jobs[job](bench.open(id))).kind === "again") await bench.clock.advance(31 * 60_000);
  expect((await bench.carryOut(jobs[job], undefined, id)).at(-1)?.tone).toBe("done");
}

function isEarly(thrown: unknown): boolean {
  return thrown instanceof FerryError && thrown.retryable;
}

const nothing = { clusters: 0, configurations: 0, peerings: 0, untagged: [] };

describe("wrong in ferry.yaml or in the environment", () => {
  const cases: ReadonlyArray<{
    readonly what: string;
    readonly changes: Parameters<typeof open>[0];
    readonly job: keyof typeof jobs;
    readonly code: string;
    readonly says: RegExp;
    readonly left?: object;
  }> = [
    {
      what: "subnets of one zone",
      changes: { target: { subnets: [SUBNET_TARGET_A, alsoInZone1, SUBNET_TARGET_C] } },
      job: "provision",
      code: "E_AWS_REFUSED",
      says: /different Availability Zones. Seen: .*6002a in use1-az1.*6003a in use1-az1.*Correction: target.subnets/,
    },
    {
      what: "a key of another account",
      changes: { target: { kmsKey: "arn:aws:kms:us-east-1:999999999999:key/k" } },
      job: "provision",
      code: "E_SETTINGS",
      says: /target.kmsKey must be of the account and Region of the cluster, 123456789012 and us-east-1. Seen: arn:aws:kms:us-east-1:999999999999:key\/k/,
      left: { ...nothing, configurations: 1 },
    },
    {
      what: "another Region than that of the subnets",
      changes: { target: { region: "eu-west-1" } },
      job: "provision",
      code: "E_AWS_REFUSED",
      says: /does not exist; target.subnets were looked for in eu-west-1.*check the id, the Region and whose credentials/,
    },
    {
      what: "a security group that is not there",
      changes: { target: { securityGroups: [SG_MSK, "sg-0a1b2c3d4e5f69999"] } },
      job: "provision",
      code: "E_AWS_REFUSED",
      says: /sg-0a1b2c3d4e5f69999' does not exist; target.securityGroups were looked for in us-east-1.*check the id/,
    },
    {
      what: "blocks that overlap",
      changes: { source: { network: { kind: "peering", vpc: VPC_OVERLAP } } },
      job: "network",
      code: "E_CIDR_OVERLAP",
      says: /^10\.20\.0\.0\/17 of vpc-.* overlaps 10\.20\.0\.0\/16 of vpc-/,
    },
  ];
  it.each(cases)(
    "refuses $what twice alike, and makes nothing",
    async ({ changes, job, code, says, left }) => {
      await open(changes);
      for (const id of ["job-1", "job-2"]) {
        expect(await refusalOf(job, id)).toMatchObject({ code, message: expect.stringMatching(says) });
        expect(made()).toEqual(left ?? nothing);
      }
    },
  );

  it("refuses credentials of another account, which see none of what ferry.yaml names", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAPARTNER1");
    await open();
    for (const job of ["provision", "network"] as const) {
      expect(await refusalOf(job)).toMatchObject({
        code: "E_AWS_REFUSED",
        message: expect.stringMatching(/does not exist;? .*looked for in .*whose credentials these are/),
      });
    }
    expect(made()).toEqual(nothing);
  });

  it("leaves a cluster of that name to the migration that its tag names", async () => {
    const { world } = await open();
    const others = { name: "ferry-others", description: "theirs", kafkaVersions: ["3.9.x"], properties: "" };
    const configuration = await world.msk.createConfiguration(others);
    const cluster = {
      name: "migrated",
      kind: "standard",
      kafkaVersion: "3.9.x",
      instanceType: "kafka.m7g.large",
      brokers: 3,
      ...target,
      volumeGiB: 100,
      auth: "iam",
      transit: "tls",
      monitoring: "DEFAULT",
      prometheus: false,
      tags: { "msk-ferry": "invoices" },
    } as const;
    await world.msk.createCluster(cluster, configuration);
    expect(await refusalOf("provision")).toMatchObject({
      code: "E_TARGET_FOREIGN",
      message: expect.stringContaining("belongs to migration invoices"),
    });
    expect(made()).toEqual({ ...nothing, clusters: 1, configurations: 1 });
  });
});

describe("limits", () => {
  const limits: ReadonlyArray<{
    readonly fault: Fault;
    readonly job: keyof typeof jobs;
    readonly says: RegExp;
  }> = [
    {
      fault: { kind: "quota", name: "activePeeringsPerVpc", value: 0 },
      job: "network",
      says: /CreateVpcPeeringConnection of vpc-.* to vpc-.*: ActiveVpcPeeringConnectionPerVpcLimitExceeded/,
    },
    {
      fault: { kind: "quota", name: "routesPerTable", value: 0 },
      job: "network",
      says: /CreateRoute of 10\.20\.0\.0\/16 in rtb-.*: RouteLimitExceeded/,
    },
    {
      fault: { kind: "quota", name: "rulesPerSecurityGroup", value: 0 },
      job: "network",
      says: /AuthorizeSecurityGroupIngress of sg-.*: RulesPerSecurityGroupLimitExceeded/,
    },
    {
      fault: { kind: "quota", name: "configurationRevisions", value: 0 },
      job: "provision",
      says: /CreateConfiguration of ferry-migrated.*quota/,
    },
  ];
  it.each(limits)("stop at $fault.name and go on when there is room", async ({ fault, job, says }) => {
    await open();
    aws.control.fault(fault);
    expect(await refusalOf(job)).toMatchObject({
      code: "E_AWS_QUOTA",
      message: expect.stringMatching(says),
      remedy: expect.stringContaining("Service Quotas"),
    });
    expect(made().untagged).toEqual([]);
    aws.control.fault({ kind: "clear" });
    await finish(job, "job-2");
    const { untagged, ...once } = made();
    expect(Math.max(...Object.values(once))).toBe(1);
    expect(untagged).toEqual([]);
  });
});

describe("in the middle", () => {
  it("says that somebody deletes the cluster, then that it is gone, and makes another one when it is asked", async () => {
    const { world } = await open();
    await finish("provision", "job-1");
    const kafka = new KafkaClient({ endpoint: aws.url, region: aws.region });
    const { arn = "" } = (await world.msk.findCluster("migrated")) ?? {};
    await kafka.send(new DeleteClusterCommand({ ClusterArn: arn }));
    kafka.destroy();
    expect(await refusalOf("provision", "job-2")).toMatchObject({
      code: "E_TARGET_FAILED",
      message: `${arn} is being deleted; a new one can be made when it is gone.`,
    });
    await bench.clock.advance(11 * 60_000);
    expect(await refusalOf("provision", "job-2")).toMatchObject({
      code: "E_TARGET_FAILED",
      message: expect.stringContaining("is gone: somebody deleted it"),
    });
    expect(made()).toEqual({ ...nothing, configurations: 1 });
    await finish("provision", "job-3");
    expect(made()).toEqual({ ...nothing, clusters: 1, configurations: 1 });
  });

  it("makes one peering although AWS does not list it at first", async () => {
    await open();
    aws.control.fault({ kind: "eventual", ms: 8000 });
    expect((await bench.carryOut(jobs.network, isEarly)).at(-1)?.tone).toBe("done");
    expect(made()).toEqual({ ...nothing, peerings: 1 });
  });

  it.each(["provision", "network"] as const)(
    "waits through an hour without AWS in %s, and makes one of each",
    async (job) => {
      await open();
      await jobs[job](bench.open());
      const before = made();
      aws.control.fault({ kind: "cut", when: "before", times: 1000 });
      for (const waited of [0, 20, 40]) {
        await expect(jobs[job](bench.open()), `${waited} min`).rejects.toMatchObject({
          code: "E_AWS_UNREACHABLE",
          retryable: true,
        });
        await bench.clock.advance(20 * 60_000);
      }
      expect(made()).toEqual(before);
      aws.control.fault({ kind: "clear" });
      await finish(job, "job-1");
      const { untagged, ...once } = made();
      expect(Math.max(...Object.values(once))).toBe(1);
      expect(untagged).toEqual([]);
    },
  );
});
