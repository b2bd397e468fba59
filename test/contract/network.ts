import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Network } from "#domain/network.ts";

export type NetworkUnderTest = {
  readonly network: Network;
  /** Lets AWS's time pass. */
  advance(ms: number): void;
  /** Two VPCs that may be peered and one that overlaps the target. */
  readonly source: string;
  readonly target: string;
  readonly overlapping: string;
  readonly targetSubnets: readonly string[];
  /** Of the target's VPC. */
  readonly securityGroup: string;
  close(): Promise<void>;
};

const tags = { "msk-ferry": "orders" };

/** What every network must do; run on the one in memory and on the adapter. Tests build on one another. */
export function networkContract(name: string, open: () => Promise<NetworkUnderTest>): void {
  describe(`${name}: the network's contract`, () => {
    let under: NetworkUnderTest;
    let network: Network;
    beforeAll(async () => {
      under = await open();
      network = under.network;
    });
    afterAll(() => under.close());

    async function only() {
      const found = await network.peerings(under.source, under.target);
      const [peering] = found;
      if (peering === undefined || found.length > 1) throw new Error(`${found.length} peerings`);
      return peering;
    }

    async function routesTo(destination: string) {
      const tables = await network.routeTables(under.target);
      return tables.flatMap(({ routes }) => routes.filter((route) => route.destination === destination));
    }

    it("finds a VPC by id and by its subnets", async () => {
      const target = await network.vpc(under.target);
      expect(target).toMatchObject({ id: under.target });
      expect(target.cidrs[0]).toMatch(/^[\d.]+\/\d+$/);
      expect(await network.vpcOfSubnets(under.targetSubnets)).toEqual(target);
      await expect(network.vpc("vpc-0a1b2c3d4e5f69999")).rejects.toMatchObject({ code: "E_AWS_REFUSED" });
    });

    it("tells where each subnet lies", async () => {
      const subnets = await network.subnets(under.targetSubnets);
      expect(subnets.map(({ id }) => id).toSorted()).toEqual(under.targetSubnets.toSorted());
      expect(new Set(subnets.map(({ zone }) => zone)).size).toBe(under.targetSubnets.length);
      expect(subnets.every(({ vpc }) => vpc === under.target)).toBe(true);
      await expect(network.subnets(["subnet-0a1b2c3d4e5f69999"])).rejects.toMatchObject({
        code: "E_AWS_REFUSED",
      });
    });

    it("finds no way out where there is none", async () => {
      expect(await network.attachments(under.target)).toEqual([]);
      expect(await network.vpnConnections()).toEqual([]);
    });

    it("makes one peering for a pair, found from either side", async () => {
      expect(await network.peerings(under.source, under.target)).toEqual([]);
      const made = await network.createPeering(under.source, under.target, tags);
      expect(made).toMatchObject({ tags, requester: { id: under.source }, accepter: { id: under.target } });
      expect((await network.createPeering(under.target, under.source, {})).id).toBe(made.id);
      expect((await network.peerings(under.target, under.source)).map(({ id }) => id)).toEqual([made.id]);
    });

    it("takes it through acceptance to active; accepting again is no error", async () => {
      const { id } = await only();
      under.advance(5_000);
      expect((await only()).state).toBe("pending-acceptance");
      await network.acceptPeering(id);
      await network.acceptPeering(id);
      expect((await only()).state).toBe("provisioning");
      under.advance(30_000);
      await network.acceptPeering(id);
      expect(await only()).toMatchObject({ state: "active", resolvesDns: false });
      await network.resolveDns(id, "both");
      expect(await only()).toMatchObject({ resolvesDns: true });
    });

    it("routes once, and refuses another target for the same block", async () => {
      const { id } = await only();
      const [table] = await network.routeTables(under.target);
      if (table === undefined) throw new Error("no route table");
      await network.createRoute(table.id, "10.10.0.0/16", id);
      await network.createRoute(table.id, "10.10.0.0/16", id);
      expect(await routesTo("10.10.0.0/16")).toEqual([
        { destination: "10.10.0.0/16", target: id, peering: id, state: "active" },
      ]);
      expect(table.routes).toContainEqual(expect.objectContaining({ target: "local", peering: undefined }));
      await network.deleteRoute(table.id, "10.10.0.0/16");
      await network.deleteRoute(table.id, "10.10.0.0/16");
      expect(await routesTo("10.10.0.0/16")).toEqual([]);
    });

    it("lets a block in on a port, once, and shuts it out again", async () => {
      const rule = { port: 9098, cidr: "10.10.0.0/16", description: "msk-ferry orders" };
      await network.allowIngress(under.securityGroup, rule, tags);
      await network.allowIngress(under.securityGroup, rule, tags);
      expect(await network.ingress(under.securityGroup)).toEqual([rule]);
      await network.revokeIngress(under.securityGroup, rule);
      await network.revokeIngress(under.securityGroup, rule);
      expect(await network.ingress(under.securityGroup)).toEqual([]);
    });

    it("lets a security group in by name", async () => {
      const rule = { port: 9098, group: under.securityGroup, description: "msk-ferry orders" };
      await network.allowIngress(under.securityGroup, rule, tags);
      await network.allowIngress(under.securityGroup, rule, tags);
      expect(await network.ingress(under.securityGroup)).toMatchObject([rule]);
      await network.revokeIngress(under.securityGroup, rule);
      expect(await network.ingress(under.securityGroup)).toEqual([]);
    });

    it("tags a peering that is there", async () => {
      const { id } = await only();
      await network.tagPeering(id, { owner: "us" });
      expect((await only()).tags).toEqual({ ...tags, owner: "us" });
    });

    it("shows a route of a deleted peering as a blackhole; deleting twice is no error", async () => {
      const { id } = await only();
      const [table] = await network.routeTables(under.target);
      if (table === undefined) throw new Error("no route table");
      await network.createRoute(table.id, "10.10.0.0/16", id);
      await network.deletePeering(id);
      await network.deletePeering(id);
      under.advance(5_000);
      expect(await routesTo("10.10.0.0/16")).toMatchObject([{ state: "blackhole" }]);
      expect(await network.peerings(under.source, under.target)).toEqual([]);
      await network.deletePeering(id);
    });

    it("says of blocks that overlap only afterwards that they cannot be peered", async () => {
      await network.createPeering(under.overlapping, under.target, tags);
      under.advance(5_000);
      expect(await network.peerings(under.overlapping, under.target)).toMatchObject([{ state: "failed" }]);
    });
  });
}
