import { describe, expect, it } from "vitest";
import { z } from "zod";
import { terraformFiles } from "#domain/export/terraform.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { createAwsWork } from "#support/aws-work.ts";

const secretArns = ["arn:aws:secretsmanager:us-east-1:1:secret:AmazonMSK_a"];

async function exported(changes: Parameters<typeof createAwsWork>[0] = {}) {
  const aws = await createAwsWork(changes);
  const files = terraformFiles(await loadPlan(aws), aws.migration);
  return { files: new Map(files.map(({ name, content }) => [name, JSON.parse(content)])) };
}

describe("the network as Terraform", () => {
  it("has the peering with routes both ways and the ports that are open, or nothing of a network", async () => {
    expect((await exported()).files.has("ferry-network.tf.json")).toBe(false);
    const network = {
      kind: "peering",
      vpc: "vpc-1",
      routeTables: ["rtb-1", "rtb-2"],
      securityGroups: ["sg-source"],
    };
    const { files } = await exported({ source: { network } });
    const file = files.get("ferry-network.tf.json");
    expect(file.data.aws_vpc.source).toEqual({ id: "vpc-1" });
    expect(file.resource.aws_vpc_peering_connection.ferry.auto_accept).toBe(true);
    expect(file.resource.aws_route.from_source.for_each).toContain(
      'setproduct(["rtb-1", "rtb-2"], data.aws_vpc.target.cidr_block_associations[*].cidr_block)',
    );
    expect(file.resource.aws_route.from_target.for_each).toContain("data.aws_route_tables.target.ids");
    expect(file.resource.aws_vpc_security_group_ingress_rule).toMatchObject({
      msk_9098: { security_group_id: "sg-1", from_port: 9098, to_port: 9098 },
      source_9092: { security_group_id: "sg-source", from_port: 9092, to_port: 9092 },
    });
  });

  it("has a provider of its own for the source's account, which accepts and owns what lies on that side", async () => {
    const network = {
      kind: "peering",
      vpc: "vpc-1",
      securityGroups: ["sg-source"],
      accepter: { region: "eu-west-1", profile: "partner" },
    };
    const { files } = await exported({ source: { network } });
    expect(files.get("ferry-versions.tf.json").provider.aws).toEqual([
      { region: "us-east-1" },
      { alias: "source", region: "eu-west-1", profile: "partner" },
    ]);
    const { data, resource } = files.get("ferry-network.tf.json");
    expect(resource.aws_vpc_peering_connection.ferry).toEqual({
      vpc_id: "${data.aws_vpc.target.id}",
      peer_vpc_id: "${data.aws_vpc.source.id}",
      peer_owner_id: "${data.aws_vpc.source.owner_id}",
      peer_region: "eu-west-1",
      auto_accept: false,
    });
    expect(ofSource({ ...data, ...resource })).toEqual([
      "aws_vpc.source",
      "aws_route_tables.source",
      "aws_vpc_peering_connection_accepter.ferry",
      "aws_vpc_peering_connection_options.accepter",
      "aws_route.from_source",
      "aws_vpc_security_group_ingress_rule.source_9092",
    ]);
    expect(resource.aws_route.from_target.vpc_peering_connection_id).toBe(
      "${aws_vpc_peering_connection_accepter.ferry.id}",
    );
  });

  it("lets in by security group where the bot would, by block where groups cannot be named", async () => {
    const network = {
      kind: "peering",
      vpc: "vpc-1",
      securityGroups: ["sg-a", "sg-b"],
      ingress: "security-group",
    };
    const { files } = await exported({ source: { network } });
    const rules = files.get("ferry-network.tf.json").resource.aws_vpc_security_group_ingress_rule;
    expect(rules.msk_9098).toMatchObject({
      for_each: '${toset(["sg-a", "sg-b"])}',
      referenced_security_group_id: expect.stringContaining(
        '"${data.aws_vpc.source.owner_id}/${each.value}"',
      ),
      depends_on: ["aws_vpc_peering_connection.ferry"],
    });
    expect(rules.source_9092).toMatchObject({ security_group_id: "sg-a", for_each: '${toset(["sg-1"])}' });
    expect(rules.source_9092).not.toHaveProperty("cidr_ipv4");
    const elsewhere = await exported({
      source: { network: { ...network, accepter: { region: "eu-west-1" } } },
    });
    const blocks = elsewhere.files.get("ferry-network.tf.json").resource.aws_vpc_security_group_ingress_rule;
    expect(blocks.msk_9098.cidr_ipv4).toBe("${each.value}");
  });

  it.each([{}, { accepter: { profile: "partner" }, ingress: "security-group" }])(
    "names each thing that it refers to, with %o",
    async (more) => {
      const network = { kind: "peering", vpc: "vpc-1", securityGroups: ["sg-source"], ...more };
      const { files } = await exported({
        source: { network },
        target: { auth: "scram", scram: { username: "ferry", passwordEnv: "P", secretArns } },
      });
      const text = [...files.values()].map((file) => JSON.stringify(file)).join("\n");
      const declared = [...files.values()].flatMap((file) => [
        ...namesOf(file.resource ?? {}, ""),
        ...namesOf(file.data ?? {}, "data."),
      ]);
      const used = [...text.matchAll(/\b(?:data\.)?aws_\w+\.(?:ferry|source|target)\b/g)].map(
        ([name]) => name,
      );
      expect(used.length).toBeGreaterThan(8);
      expect(used.filter((name) => !declared.includes(name))).toEqual([]);
    },
  );
});

function ofSource(blocks: Record<string, Record<string, unknown>>): readonly string[] {
  return Object.entries(blocks).flatMap(([type, own]) =>
    Object.entries(own).flatMap(([name, block]) =>
      z.object({ provider: z.literal("aws.source") }).safeParse(block).success ? [`${type}.${name}`] : [],
    ),
  );
}

function namesOf(blocks: Record<string, Record<string, unknown>>, prefix: string): readonly string[] {
  return Object.entries(blocks).flatMap(([type, own]) =>
    Object.keys(own).map((name) => `${prefix}${type}.${name}`),
  );
}
