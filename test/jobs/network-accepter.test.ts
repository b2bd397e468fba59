import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createNetwork } from "#adapters/ec2.ts";
import { createMsk } from "#adapters/msk.ts";
import { network } from "#jobs/aws/network.ts";
import { leftNetwork } from "#jobs/cleanup/left-network.ts";
import type { Work } from "#jobs/work.ts";
import {
  PARTNER_ACCOUNT,
  RTB_PARTNER_MAIN,
  RTB_TARGET_MAIN,
  SG_MSK,
  SG_PARTNER,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_PARTNER,
  VPC_TARGET,
} from "#lab/aws/world.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const job = { name: "network", migration: "orders", by: "UANA" } as const;

/** The source's VPC is of another account: a profile of the AWS configuration files leads there. */
describe("a peering with another account", () => {
  let aws: AwsUnderTest;
  let folder: string;
  let bench: Awaited<ReturnType<typeof createAwsWork>>;

  async function open(settings: object) {
    bench = await createAwsWork({
      target: { subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C], securityGroups: [SG_MSK] },
      source: {
        network: { kind: "peering", vpc: VPC_PARTNER, securityGroups: [SG_PARTNER], ...settings },
      },
      ports: async (clock) => {
        aws = await startAwsUnderTest(clock);
        const at = { region: aws.region, log: createQuietLog() };
        return { msk: createMsk(at), network: createNetwork(at) };
      },
    });
    const atSource = createNetwork({ region: aws.region, profile: "partner", log: createQuietLog() });
    return (work: Work) => network(job, { ...work, world: { ...work.world, sourceNetwork: atSource } });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ferry-profile-"));
    const profile = "[partner]\naws_access_key_id = AKIAPARTNER1\naws_secret_access_key = lab\n";
    writeFileSync(join(folder, "credentials"), profile);
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "credentials"));
  });
  afterEach(async () => {
    await aws.stop();
    rmSync(folder, { recursive: true });
  });

  const changing = () =>
    aws.control
      .calls()
      .filter(
        ({ operation, status }) => /^(Create|Accept|Authorize|Modify)/.test(operation) && status === 200,
      );

  it("is asked for by the target's, accepted by the source's, routed and let in on both sides", async () => {
    const run = await open({ accepter: { profile: "partner" } });
    const shown = await bench.carryOut(run);
    expect(shown.at(-1)?.tone).toBe("done");
    const [peering] = await bench.world.network.peerings(VPC_TARGET, VPC_PARTNER);
    expect(peering).toMatchObject({
      state: "active",
      requester: { id: VPC_TARGET },
      accepter: { id: VPC_PARTNER, owner: PARTNER_ACCOUNT },
      resolvesDns: true,
      tags: { "msk-ferry": "orders" },
    });
    const by = (operation: string) =>
      changing()
        .filter((call) => call.operation === operation)
        .map(({ caller }) => caller.account);
    expect(by("AcceptVpcPeeringConnection")).toEqual([PARTNER_ACCOUNT]);
    expect(by("ModifyVpcPeeringConnectionOptions")).toEqual(["123456789012", PARTNER_ACCOUNT]);
    expect(by("CreateTags")).toEqual([PARTNER_ACCOUNT]);
    const made = changing().length;
    const tables = changing()
      .filter(({ operation }) => operation === "CreateRoute")
      .map(({ input }) => JSON.stringify(input));
    expect(tables.some((input) => input.includes(RTB_PARTNER_MAIN))).toBe(true);
    expect(tables.some((input) => input.includes(RTB_TARGET_MAIN))).toBe(true);
    await bench.carryOut(run);
    expect(changing()).toHaveLength(made);
  });

  it("lets in by security group where both are in one Region", async () => {
    const run = await open({ accepter: { profile: "partner" }, ingress: "security-group" });
    await bench.carryOut(run);
    expect(await bench.world.network.ingress(SG_MSK)).toEqual([
      { port: 9098, group: SG_PARTNER, owner: PARTNER_ACCOUNT, description: "msk-ferry=orders" },
    ]);
    const made = changing().length;
    await bench.carryOut(run);
    expect(changing()).toHaveLength(made);
  });

  it("tells the accepter's role from the bot's when it may not, with a statement for its own account", async () => {
    const run = await open({ accepter: { profile: "partner" } });
    aws.control.fault({
      kind: "error",
      operation: "AcceptVpcPeeringConnection",
      status: 403,
      code: "UnauthorizedOperation",
      message:
        "You are not authorized to perform this operation. Encoded authorization failure message: AQoDYX",
    });
    const refused = bench.carryOut(run).catch((thrown: unknown) => thrown);
    expect(await refused).toMatchObject({
      code: "E_AWS_ACCESS",
      message: expect.stringMatching(
        /^The role of profile partner may not do ec2:AcceptVpcPeeringConnection on pcx-\w+\. AWS: UnauthorizedOperation: You are not authorized to perform this operation\. Add to the policy of that role: `{"Effect":"Allow","Action":\["ec2:AcceptVpcPeeringConnection"\],"Resource":\["arn:aws:ec2:us-east-1:\*:vpc\/\*","arn:aws:ec2:us-east-1:\*:vpc-peering-connection\/\*"\]}`$/,
      ),
    });
    aws.control.fault({
      kind: "error",
      operation: "AcceptVpcPeeringConnection",
      status: 400,
      code: "RequestExpired",
      message: "Request has expired.",
    });
    await expect(bench.carryOut(run)).rejects.toMatchObject({
      code: "E_AWS_CREDENTIALS",
      message: expect.stringContaining("does not accept the credentials of profile partner for"),
    });
    expect((await bench.carryOut(run)).at(-1)?.tone).toBe("done");
    expect(changing().filter(({ operation }) => operation === "CreateVpcPeeringConnection")).toHaveLength(1);
  });

  it("changes nothing where Terraform made the way as exported, and leaves it to Terraform", async () => {
    const run = await open({ accepter: { profile: "partner" }, ingress: "security-group" });
    const there = createNetwork({ region: aws.region, profile: "partner", log: createQuietLog() });
    const here = bench.world.network;
    const elsewhere = { owner: PARTNER_ACCOUNT, region: aws.region };
    const { id } = await here.createPeering(VPC_TARGET, VPC_PARTNER, {}, elsewhere);
    aws.advance(5000);
    await there.acceptPeering(id);
    aws.advance(60_000);
    await here.createRoute(RTB_TARGET_MAIN, "10.40.0.0/16", id);
    await there.createRoute(RTB_PARTNER_MAIN, "10.20.0.0/16", id);
    const description = "MSK Ferry, migration orders";
    const fromSource = { port: 9098, group: SG_PARTNER, owner: PARTNER_ACCOUNT, description };
    await here.allowIngress(SG_MSK, fromSource, {});
    const fromTarget = { port: 9092, group: SG_MSK, owner: "123456789012", description };
    await there.allowIngress(SG_PARTNER, fromTarget, {});
    await here.resolveDns(id, "requester");
    await there.resolveDns(id, "accepter");
    const made = changing().length;
    const shown = await bench.carryOut(run);
    expect(shown.at(-1)?.tone).toBe("done");
    expect(JSON.stringify(shown.at(-1))).toContain(`${id} active, was there already`);
    expect(changing()).toHaveLength(made);
    const work = bench.open();
    const { lines } = await leftNetwork({ ...work, world: { ...work.world, sourceNetwork: there } });
    expect(lines.filter((line) => line.startsWith("aws "))).toEqual([]);
    expect(lines).toContain(`# ${id} was there before: not the bot's to delete`);
  });

  it("says where the VPC was looked for when it is not there", async () => {
    await open({});
    await expect(bench.carryOut((work) => network(job, work))).rejects.toMatchObject({
      code: "E_AWS_REFUSED",
      message: expect.stringMatching(
        /does not exist.*in the bot's own account and us-east-1; of another one it needs source.network.accepter/,
      ),
    });
    expect(changing()).toEqual([]);
  });
});

it("names the source's profile and Region in the calls that are missing on its side of a gateway", async () => {
  const accepter = { region: "eu-west-1", profile: "partner" };
  const aws = await createAwsWork({
    source: { network: { kind: "transit-gateway", vpc: "vpc-source", accepter } },
  });
  const shown = await aws.carryOut((work) =>
    network(job, { ...work, world: { ...work.world, sourceNetwork: { ...aws.network.network } } }),
  );
  const code = shown.at(-1)?.parts.find((part) => part.kind === "code");
  const calls = code?.text.split("\n") ?? [];
  const there = " --region eu-west-1 --profile partner";
  expect(calls.find((call) => call.includes("--vpc-id vpc-target"))).not.toContain(there);
  expect(calls.find((call) => call.includes("--vpc-id vpc-source"))).toContain(there);
  expect(calls.filter((call) => call.includes("rtb-source-1")).every((call) => call.endsWith(there))).toBe(
    true,
  );
});

describe("security groups by name", () => {
  it("give way to address blocks between Regions, and it is said why", async () => {
    const aws = await createAwsWork({
      source: {
        network: {
          kind: "peering",
          vpc: "vpc-source",
          securityGroups: ["sg-source"],
          ingress: "security-group",
          accepter: { region: "eu-west-1" },
        },
      },
    });
    const shown = await aws.carryOut((work) => network(job, work));
    expect(await aws.network.network.ingress("sg-1")).toMatchObject([{ cidr: "10.10.0.0/16" }]);
    expect(JSON.stringify(shown.at(-1))).toContain("groups of another Region cannot be named");
  });
});
