import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { FerryError } from "#domain/errors.ts";
import { network } from "#jobs/aws/network.ts";
import { provision } from "#jobs/aws/provision.ts";
import { createJobs } from "#jobs/carry-out.ts";
import { handlers } from "#jobs/index.ts";
import type { Work } from "#jobs/work.ts";
import type { Fault } from "#lab/aws/faults.ts";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C, VPC_SOURCE } from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createQuietLog } from "#support/quiet-log.ts";

/** What AWS or ferry.yaml can be wrong about: each stops the step with its code and what to do, and makes nothing twice. */

const from = { migration: "orders", by: "UANA" };
const jobs = {
  provision: (work: Work) => provision({ name: "provision", ...from }, work),
  network: (work: Work) => network({ name: "network", ...from }, work),
};
const target = { subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C], securityGroups: [SG_MSK] };
const source = { network: { kind: "peering", vpc: VPC_SOURCE } };

describe("refused by AWS", () => {
  let aws: AwsUnderTest;
  let bench: Awaited<ReturnType<typeof createAwsWork>>;

  beforeEach(async () => {
    bench = await createAwsWork({
      target,
      source,
      ports: async (clock) => {
        aws = await startAwsUnderTest(clock);
        const at = { region: aws.region, log: createQuietLog() };
        return { msk: createMsk(at), network: createNetwork(at) };
      },
    });
  });
  afterEach(() => aws.stop());

  const carriedOut = (operation: string) =>
    aws.control.calls().filter((each) => each.operation === operation && each.status === 200).length;

  const user = "User: arn:aws:sts::123456789012:assumed-role/ferry/i-1";
  const cases: ReadonlyArray<{
    readonly what: string;
    readonly job: keyof typeof jobs;
    readonly fault: Fault;
    readonly code: string;
    readonly says: RegExp;
    readonly repair?: Fault;
    readonly makes: string;
    readonly times?: number;
  }> = [
    {
      what: "a permission that lacks, with the resource that AWS names",
      job: "provision",
      fault: {
        kind: "error",
        operation: "CreateClusterV2",
        status: 403,
        code: "AccessDeniedException",
        message: `${user} is not authorized to perform: kafka:CreateClusterV2 on resource: arn:aws:kafka:us-east-1:123456789012:/api/v2/clusters`,
      },
      code: "E_AWS_ACCESS",
      says: /kafka:CreateClusterV2 on migrated.*Add to the policy of that role: `{"Effect":"Allow","Action":\["kafka:CreateClusterV2"\],"Resource":\["arn:aws:kafka:us-east-1:123456789012:\/api\/v2\/clusters"\]}`/,
      makes: "CreateClusterV2",
    },
    {
      what: "a permission that another service asks for on the way",
      job: "provision",
      fault: {
        kind: "error",
        operation: "CreateClusterV2",
        status: 403,
        code: "ForbiddenException",
        message: `${user} is not authorized to perform: iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka`,
      },
      code: "E_AWS_ACCESS",
      says: /"Action":\["iam:CreateServiceLinkedRole"\],"Resource":\["arn:aws:iam::123456789012:role\/aws-service-role/,
      makes: "CreateClusterV2",
    },
    {
      what: "a permission of which AWS names no resource",
      job: "network",
      fault: {
        kind: "error",
        operation: "CreateRoute",
        status: 403,
        code: "UnauthorizedOperation",
        message: "You are not authorized to perform this operation.",
      },
      code: "E_AWS_ACCESS",
      says: /ec2:CreateRoute on .*"Action":\["ec2:CreateRoute"\],"Resource":\["arn:aws:ec2:us-east-1:\*:route-table\/\*"\]/,
      makes: "CreateVpcPeeringConnection",
    },
    {
      what: "credentials that ran out",
      job: "provision",
      fault: {
        kind: "error",
        operation: "CreateClusterV2",
        status: 403,
        code: "ExpiredTokenException",
        message: "The security token included in the request is expired",
      },
      code: "E_AWS_CREDENTIALS",
      says: /does not accept the bot's credentials for kafka:CreateClusterV2.*expired/,
      makes: "CreateClusterV2",
    },
    {
      what: "the quota of brokers",
      job: "provision",
      fault: { kind: "quota", name: "brokersPerAccount", value: 2 },
      repair: { kind: "clear" },
      code: "E_AWS_QUOTA",
      says: /CreateClusterV2 of migrated: .*quota per account/,
      makes: "CreateClusterV2",
    },
    {
      what: "the quota of configurations",
      job: "provision",
      fault: { kind: "quota", name: "configurations", value: 0 },
      repair: { kind: "clear" },
      code: "E_AWS_QUOTA",
      says: /CreateConfiguration of ferry-migrated: .*quota/,
      makes: "CreateConfiguration",
    },
    {
      what: "the quota of routes in a table",
      job: "network",
      fault: {
        kind: "error",
        operation: "CreateRoute",
        status: 400,
        code: "RouteLimitExceeded",
        message: "The maximum number of routes has been reached.",
      },
      code: "E_AWS_QUOTA",
      says: /CreateRoute of 10\.20\.0\.0\/16 in rtb-.*RouteLimitExceeded/,
      makes: "CreateRoute",
      times: 3,
    },
    {
      what: "the limit of a security group",
      job: "network",
      fault: {
        kind: "error",
        operation: "AuthorizeSecurityGroupIngress",
        status: 400,
        code: "RulesPerSecurityGroupLimitExceeded",
        message: "The maximum number of rules per security group has been reached.",
      },
      code: "E_AWS_QUOTA",
      says: /AuthorizeSecurityGroupIngress of sg-.*RulesPerSecurityGroupLimitExceeded/,
      makes: "AuthorizeSecurityGroupIngress",
    },
  ];
  it.each(cases)("stops for $what and goes on when it is mended", async (given) => {
    aws.control.fault(given.fault);
    const refused = await bench.carryOut(jobs[given.job]).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ code: given.code, message: expect.stringMatching(given.says) });
    expect(refused instanceof FerryError && refused.remedy.length).toBeGreaterThan(10);
    if (given.repair !== undefined) aws.control.fault(given.repair);
    const shown = await bench.carryOut(jobs[given.job], undefined, "job-2");
    expect(shown.at(-1)?.tone).toBe("done");
    expect(carriedOut(given.makes)).toBe(given.times ?? 1);
    const trail = await bench.store.auditTrail("orders");
    const failed = trail.find(({ what }) => what === "aws.failed");
    expect(failed).toMatchObject({ before: "intended", after: "failed", reason: given.code });
  });

  it("names Region and account where the subnets are not there", async () => {
    const strange = await createAwsWork({
      target: { ...target, subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, "subnet-0a1b2c3d4e5f69999"] },
      ports: async () => bench.world,
    });
    await expect(strange.carryOut(jobs.provision)).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringMatching(
        /subnet-0a1b2c3d4e5f69999' does not exist.*looked for in us-east-1.*check the id, the Region and whose credentials/,
      ),
    });
    expect(carriedOut("CreateConfiguration")).toBe(0);
  });
});

describe("wrong in ferry.yaml", () => {
  it.each([
    {
      kmsKey: "arn:aws:kms:us-east-1:999999999999:key/k",
      says: /target.kmsKey must be of the account and Region of the cluster, 123456789012 and us-east-1. Seen: arn:aws:kms:us-east-1:999999999999:key\/k/,
    },
    { kmsKey: "arn:aws:kms:eu-west-1:123456789012:key/k", says: /Seen: arn:aws:kms:eu-west-1/ },
  ])("refuses the key $kmsKey before a cluster is made", async ({ kmsKey, says }) => {
    const aws = await createAwsWork({ target: { kmsKey } });
    await expect(aws.carryOut(jobs.provision)).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: expect.stringMatching(says),
    });
    expect(aws.msk.clusters()).toEqual([]);
    await expect(aws.carryOut(jobs.provision)).rejects.toMatchObject({ code: "E_SETTINGS" });
    expect(aws.msk.configurations()).toHaveLength(1);
  });

  it("refuses subnets of one zone, and names where each one lies", async () => {
    const aws = await createAwsWork();
    for (const id of ["a", "b", "c"]) aws.network.script.zones.set(`subnet-${id}`, "use1-az1");
    await expect(aws.carryOut(jobs.provision)).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringMatching(
        /must be in different Availability Zones. Seen: subnet-a in use1-az1 of vpc-target.*Correction: target.subnets: each in another/,
      ),
    });
    expect(aws.msk.changes).toEqual([]);
  });

  it("refuses a secondary block that overlaps, naming both", async () => {
    const aws = await createAwsWork({ source: { network: { kind: "peering", vpc: "vpc-secondary" } } });
    await expect(aws.carryOut(jobs.network)).rejects.toMatchObject({
      code: "E_CIDR_OVERLAP",
      message: "10.20.200.0/24 of vpc-secondary overlaps 10.20.0.0/16 of vpc-target.",
    });
    expect(aws.network.changes).toEqual([]);
  });
});

async function lookAgain(aws: Awaited<ReturnType<typeof createAwsWork>>) {
  const outcome = await jobs.provision(aws.open());
  if (outcome.kind !== "again") throw new Error("done already");
  return outcome;
}

describe("changed or gone in the middle", () => {
  it("says that somebody deleted the cluster, makes none unasked, and another one when it is asked again", async () => {
    const aws = await createAwsWork();
    for (let looks = 0; looks < 3; looks += 1) await aws.clock.advance((await lookAgain(aws)).ms);
    aws.msk.remove("migrated");
    for (const attempt of [1, 2]) {
      const refused = await aws.carryOut(jobs.provision).catch((thrown: unknown) => thrown);
      expect(refused, `attempt ${attempt}`).toMatchObject({
        code: "E_TARGET_FAILED",
        message: expect.stringMatching(/cluster\/migrated\/1 was made by this migration and is gone/),
      });
    }
    expect(aws.msk.clusters()).toEqual([]);
    const shown = await aws.carryOut(jobs.provision, undefined, "job-2");
    expect(shown.at(-1)?.tone).toBe("done");
    expect(aws.msk.clusters()).toHaveLength(1);
    expect(aws.msk.configurations()).toHaveLength(1);
  });

  it("waits through an hour without AWS, says so once, and goes on", async () => {
    const aws = await createAwsWork();
    await lookAgain(aws);
    aws.msk.script.onCall = () => {
      throw new FerryError("E_AWS_UNREACHABLE", "AWS did not answer kafka:ListClustersV2 of migrated: down");
    };
    const { fake, ...work } = aws.open();
    const services = {
      ...work,
      migrations: [aws.migration],
      world: async () => aws.world,
      charts: () => work.charts,
    };
    const carryOut = createJobs(services, handlers);
    let attempt = 0;
    const once = () => {
      attempt += 1;
      const signal = new AbortController().signal;
      return carryOut({ name: "provision", ...from }, { id: "provision-1", attempt, signal });
    };
    for (let waited = 0; waited < 3_600_000; waited += 30_000) {
      await expect(once()).rejects.toMatchObject({ code: "E_AWS_UNREACHABLE", retryable: true });
      await aws.clock.advance(30_000);
    }
    expect(fake.posts).toHaveLength(1);
    expect(JSON.stringify(fake.posts[0]?.message)).toContain("waiting since 14:10");
    aws.msk.script.onCall = () => {};
    expect((await once()).kind).toBe("done");
    expect(fake.posts.filter(({ message }) => message.subject === "orders · provision")).toHaveLength(1);
    expect(aws.msk.changes).toEqual([
      "createConfiguration",
      "createCluster",
      "registerStorage",
      "putStoragePolicy",
    ]);
    const failures = (await aws.store.auditTrail("orders")).filter(({ what }) => what === "job.failed");
    expect(failures).toHaveLength(1);
  });
});
