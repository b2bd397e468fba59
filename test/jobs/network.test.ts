import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { network } from "#jobs/aws/network.ts";
import { finalReport } from "#jobs/cleanup/final-report.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

const job = { name: "network", migration: "orders", by: "UANA" } as const;
const run = (work: Work) => network(job, work);
const peering = { network: { kind: "peering", vpc: "vpc-source", securityGroups: ["sg-source"] } };

class Crash extends Error {}

describe("connecting the networks by peering", () => {
  it("makes, accepts, routes on both sides, lets in and resolves names; the second time it changes nothing", async () => {
    const aws = await createAwsWork({ source: peering });
    aws.msk.put({ name: "migrated" });
    const shown = await aws.carryOut(run);
    const changes = [...aws.network.changes];
    expect(changes.toSorted()).toEqual([
      "acceptPeering",
      "allowIngress",
      "allowIngress",
      "createPeering",
      "createRoute",
      "createRoute",
      "createRoute",
      "resolveDns",
    ]);
    expect(shown.at(-1)?.tone).toBe("done");
    await aws.carryOut(run);
    expect(aws.network.changes).toEqual(changes);
    const [found] = await aws.network.network.peerings("vpc-source", "vpc-target");
    expect(found).toMatchObject({ state: "active", resolvesDns: true, tags: { "msk-ferry": "orders" } });
    expect(await aws.network.network.ingress("sg-1")).toEqual([
      { port: 9098, cidr: "10.10.0.0/16", description: "msk-ferry=orders" },
    ]);
    expect(await aws.network.network.ingress("sg-source")).toEqual([
      { port: 9092, cidr: "10.20.0.0/16", description: "msk-ferry=orders" },
    ]);
  });

  it("routes only in the tables that ferry.yaml names", async () => {
    const aws = await createAwsWork({
      source: { network: { kind: "peering", vpc: "vpc-source", routeTables: ["rtb-source-2"] } },
    });
    await aws.carryOut(run);
    const tables = await aws.network.network.routeTables("vpc-source");
    const routed = tables.filter(({ routes }) => routes.some((route) => route.peering !== undefined));
    expect(routed.map(({ id }) => id)).toEqual(["rtb-source-2"]);
  });

  it("makes each thing once, killed before or after any change", async () => {
    for (const phase of ["before", "after"] as const) {
      for (let at = 1; at <= 8; at += 1) {
        const aws = await createAwsWork({ source: peering });
        let left = at;
        aws.network.script.onCall = (call, now) => {
          if (now !== phase || !/^(create|accept|allow|resolve)/.test(call)) return;
          left -= 1;
          if (left === 0) throw new Crash();
        };
        await aws.carryOut(run, (thrown) => thrown instanceof Crash);
        expect(left).toBeLessThanOrEqual(0);
        const found = await aws.network.network.peerings("vpc-source", "vpc-target");
        expect(found).toMatchObject([{ state: "active" }]);
        expect(await aws.network.network.ingress("sg-1")).toHaveLength(1);
      }
    }
  });

  it("refuses blocks that overlap, naming both", async () => {
    const aws = await createAwsWork({ source: { network: { kind: "peering", vpc: "vpc-overlap" } } });
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_CIDR_OVERLAP",
      message: "10.20.128.0/17 of vpc-overlap overlaps 10.20.0.0/16 of vpc-target.",
    });
    expect(aws.network.changes).toEqual([]);
  });

  it("uses a peering that was there, and a rule that is wide enough", async () => {
    const aws = await createAwsWork({ source: { network: { kind: "peering", vpc: "vpc-source" } } });
    await aws.network.network.createPeering("vpc-target", "vpc-source", {});
    const wide = { port: 9000, toPort: 9999, cidr: "10.0.0.0/8", description: "" };
    await aws.network.network.allowIngress("sg-1", wide, {});
    const shown = await aws.carryOut(run);
    expect(aws.network.changes.filter((each) => each === "createPeering")).toHaveLength(1);
    expect(await aws.network.network.ingress("sg-1")).toEqual([wide]);
    const text = JSON.stringify(shown.at(-1));
    expect(text).toContain("was there already");
    // Its options are its maker's: what would change them is told.
    expect(await aws.network.network.peerings("vpc-source", "vpc-target")).toMatchObject([
      { id: "pcx-1", state: "active", resolvesDns: false },
    ]);
    expect(text).toContain(
      "aws ec2 modify-vpc-peering-connection-options --vpc-peering-connection-id pcx-1 --requester-peering-connection-options AllowDnsResolutionFromRemoteVpc=true",
    );
  });

  it("reports a peering of its own that died, and makes another one when it is asked again", async () => {
    const aws = await createAwsWork({ source: peering });
    expect(await run(aws.open())).toMatchObject({ kind: "again" });
    await aws.network.network.deletePeering("pcx-1");
    await expect(run(aws.open())).rejects.toMatchObject({
      code: "E_NETWORK",
      message: "pcx-1 is deleting: AWS names no cause. /ferry network makes another one.",
    });
    await expect(run(aws.open())).rejects.toMatchObject({ code: "E_NETWORK" });
    await aws.carryOut(run, undefined, "job-2");
    const found = await aws.network.network.peerings("vpc-source", "vpc-target");
    expect(found).toMatchObject([{ id: "pcx-2", state: "active" }]);
  });

  it.each([
    { state: "expired", says: "pcx-1 is expired: AWS's words; nobody accepted it within 7 days." },
    { state: "rejected", says: "pcx-1 is rejected: AWS's words; the owner of the other VPC said no" },
    { state: "failed", says: "pcx-1 is failed: AWS's words. /ferry network makes another one." },
  ] as const)(
    "tells that its peering is $state and why, and makes no other one unasked",
    async ({ state, says }) => {
      const aws = await createAwsWork({ source: peering });
      await run(aws.open());
      aws.network.end("pcx-1", state, "AWS's words");
      for (const attempt of ["first", "second"]) {
        await expect(run(aws.open()), attempt).rejects.toMatchObject({
          code: "E_NETWORK",
          message: expect.stringContaining(says),
        });
      }
      expect(aws.network.changes).toEqual(["createPeering"]);
      const shown = await aws.carryOut(run, undefined, "job-2");
      expect(JSON.stringify(shown.at(-1))).toContain("pcx-2 active, made by this migration");
    },
  );

  it("takes the place of a route that a dead peering left behind", async () => {
    const aws = await createAwsWork({ source: peering });
    await aws.carryOut(run);
    await aws.network.network.deletePeering("pcx-1");
    await aws.clock.advance(5000);
    await aws.carryOut(run, undefined, "job-2");
    const tables = await aws.network.network.routeTables("vpc-target");
    expect(tables[0]?.routes).toContainEqual({
      destination: "10.10.0.0/16",
      target: "pcx-2",
      peering: "pcx-2",
      state: "active",
    });
  });

  it("is found again by the final report, with the calls that take it away, and nothing else is", async () => {
    const aws = await createAwsWork({ source: peering });
    await aws.network.network.allowIngress(
      "sg-1",
      { port: 22, cidr: "10.0.0.0/8", description: "people" },
      {},
    );
    for (const [port, description] of [
      [8080, "booking of the ferry"],
      [8081, "msk-ferry=parcels"],
    ] as const) {
      await aws.network.network.allowIngress("sg-1", { port, cidr: "10.0.0.0/8", description }, {});
    }
    await aws.carryOut(run);
    const { markdown } = await finalReport(await loadPlan(aws), [], undefined, aws.open());
    const calls = markdown.split("\n").filter((line) => line.startsWith("aws ec2 "));
    expect(calls).toEqual([
      "aws ec2 delete-route --route-table-id rtb-source-1 --destination-cidr-block 10.20.0.0/16",
      "aws ec2 delete-route --route-table-id rtb-source-2 --destination-cidr-block 10.20.0.0/16",
      "aws ec2 delete-route --route-table-id rtb-target --destination-cidr-block 10.10.0.0/16",
      "aws ec2 revoke-security-group-ingress --group-id sg-1 --protocol tcp --port 9098 --cidr 10.10.0.0/16",
      "aws ec2 revoke-security-group-ingress --group-id sg-source --protocol tcp --port 9092 --cidr 10.20.0.0/16",
      "aws ec2 delete-vpc-peering-connection --vpc-peering-connection-id pcx-1",
    ]);
  });

  it("leaves a peering of others to them, and names the routes that the bot added to it", async () => {
    const aws = await createAwsWork({ source: peering });
    await aws.network.network.createPeering("vpc-target", "vpc-source", {});
    await aws.carryOut(run);
    const { markdown } = await finalReport(await loadPlan(aws), [], undefined, aws.open());
    expect(markdown).not.toContain("delete-vpc-peering-connection");
    expect(markdown).toContain("# pcx-1 was there before: not the bot's to delete");
    expect(markdown).toContain("delete-route --route-table-id rtb-target");
  });

  it("names no route that it only tried to add, and somebody else did", async () => {
    const aws = await createAwsWork({ source: peering });
    const { network: there } = aws.network;
    await there.createPeering("vpc-target", "vpc-source", {});
    aws.network.script.onCall = (call, when) => {
      if (call === "createRoute" && when === "before") throw new FerryError("E_AWS_REFUSED", "a limit");
    };
    await expect(aws.carryOut(run)).rejects.toMatchObject({ code: "E_AWS_REFUSED" });
    aws.network.script.onCall = () => {};
    for (const table of ["rtb-source-1", "rtb-source-2"]) {
      await there.createRoute(table, "10.20.0.0/16", "pcx-1");
    }
    await aws.carryOut(run, undefined, "job-2");
    const { markdown } = await finalReport(await loadPlan(aws), [], undefined, aws.open());
    expect(markdown).not.toContain("delete-route --route-table-id rtb-source");
    expect(markdown).toContain("delete-route --route-table-id rtb-target");
  });

  it("leaves a route to them that others made, though its peering is dead", async () => {
    const aws = await createAwsWork({ source: peering });
    const { network: there } = aws.network;
    const { id } = await there.createPeering("vpc-target", "vpc-source", {});
    await there.createRoute("rtb-target", "10.10.0.0/16", id);
    await there.deletePeering(id);
    await aws.clock.advance(5000);
    await expect(aws.carryOut(run)).rejects.toMatchObject({
      code: "E_NETWORK",
      message: expect.stringContaining(`rtb-target sends 10.10.0.0/16 to ${id}`),
    });
    expect(aws.network.changes).not.toContain("deleteRoute");
  });

  it("does not touch a route that leads elsewhere", async () => {
    const aws = await createAwsWork({ source: peering });
    await aws.network.network.createRoute("rtb-target", "10.10.0.0/16", "tgw-1");
    await expect(aws.carryOut(run)).rejects.toMatchObject({
      code: "E_NETWORK",
      message: expect.stringContaining("rtb-target sends 10.10.0.0/16 to tgw-1"),
    });
  });
});

it("says of a transit gateway what is missing on either side, with the calls, and that blocks overlap", async () => {
  const aws = await createAwsWork({ source: { network: { kind: "transit-gateway", vpc: "vpc-secondary" } } });
  aws.network.script.attachments = [
    { id: "tgw-attach-1", gateway: "tgw-1", state: "pendingAcceptance", subnets: ["subnet-a"] },
  ];
  const shown = await aws.carryOut(run);
  const text = JSON.stringify(shown.at(-1));
  expect(shown.at(-1)).toMatchObject({
    tone: "waiting",
    parts: expect.arrayContaining([
      expect.objectContaining({
        text: expect.stringMatching(/through to Kafka; on the way to MSK \d checks fail\.$/),
      }),
    ]),
  });
  expect(text).toContain("10.20.200.0/24 of vpc-secondary overlaps 10.20.0.0/16 of vpc-target");
  expect(text).toContain(
    "accept-transit-gateway-vpc-attachment --transit-gateway-attachment-id tgw-attach-1",
  );
  expect(text).toContain(
    "create-route --route-table-id rtb-target --destination-cidr-block 10.50.0.0/16 --transit-gateway-id tgw-1",
  );
  expect(aws.network.changes).toEqual([]);
});

describe("probing the paths", () => {
  it("shows each layer of each path, with the first that fails and what to do", async () => {
    const aws = await createAwsWork({ failing: new Map([["tcp source.test:9092", "ETIMEDOUT"]]) });
    aws.msk.put({ name: "migrated" });
    const shown = await aws.carryOut(run);
    const last = shown.at(-1);
    expect(last).toMatchObject({ tone: "failed", next: ["network"] });
    const table = last?.parts.find((part) => part.kind === "table");
    expect(table?.rows[0]).toEqual([
      "bot",
      "source",
      "source.test:9092",
      "ok",
      "fails",
      "not used",
      "not used",
      "not reached",
    ]);
    expect(table?.rows[1]?.slice(0, 8)).toEqual([
      "bot",
      "target",
      "target.test:9092",
      "ok",
      "ok",
      "not used",
      "not used",
      "ok",
    ]);
    expect(JSON.stringify(last)).toContain("source.test:9092: TCP, ETIMEDOUT → packets are dropped");
  });

  it("tells authorization from the layers below", async () => {
    const aws = await createAwsWork();
    const message = "The source cluster answered CLUSTER_AUTHORIZATION_FAILED (31) to DescribeCluster.";
    aws.source.fail("describe", new FerryError("E_KAFKA_AUTH", message));
    const shown = await aws.carryOut(run);
    expect(JSON.stringify(shown.at(-1))).toContain(`authorization, E_KAFKA_AUTH ${message}`);
  });

  it("probes the brokers that only the cluster names", async () => {
    const aws = await createAwsWork();
    const { brokers } = await aws.source.cluster.describe();
    const shown = await aws.carryOut(run);
    const [broker] = brokers;
    const table = shown.at(-1)?.parts.find((part) => part.kind === "table");
    const endpoints = table?.rows.map((row) => row[2]);
    expect(endpoints).toContain("source.test:9092");
    expect(JSON.stringify(endpoints)).toContain(`${broker?.host}:${broker?.port}`);
  });

  it("says that there is no cluster on MSK yet", async () => {
    const aws = await createAwsWork();
    const shown = await aws.carryOut(run);
    expect(shown.at(-1)).toMatchObject({ tone: "done", next: ["provision"] });
    expect(JSON.stringify(shown.at(-1))).toContain("There is no MSK cluster migrated");
  });

  it.each([
    { kind: "transit-gateway", says: "rtb-target has no route to a tgw-… gateway" },
    { kind: "vpn", says: "rtb-target has no route to a vgw-… gateway" },
    { kind: "none", says: "nothing is looked at in AWS" },
  ])("changes nothing for $kind and says what it looked at", async ({ kind, says }) => {
    const aws = await createAwsWork({ source: { network: { kind } } });
    const shown = await aws.carryOut(run);
    expect(aws.network.changes).toEqual([]);
    expect(JSON.stringify(shown.at(-1))).toContain(says);
  });
});
