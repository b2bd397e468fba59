import { afterEach, describe, expect, it } from "vitest";
import type { Acl } from "#domain/topology.ts";
import { unique } from "#support/unique.ts";
import { end, type FenceUnderTest, openScene } from "./fence-scene.ts";

export const everybody = "User:*";

export function aclOn(resourceName: string, permission: string, operation: string, principal: string): Acl {
  return {
    resourceType: "TOPIC",
    resourceName,
    patternType: "LITERAL",
    principal,
    host: "*",
    operation,
    permission,
  };
}

const one = [{ value: "x" }] as const;
const refused = { message: expect.stringMatching(/authoriz/i) };

/** What a fence of ACLs relies on. The cluster has an authorizer and `allow.everyone.if.no.acl.found`, and is nobody else's. */
export function kafkaAclContract(name: string, open: () => Promise<FenceUnderTest>): void {
  describe(`${name}: the contract of ACLs`, () => {
    const { under, cluster, topic } = openScene(open);
    let added: Acl[] = [];

    async function add(...acls: Acl[]): Promise<void> {
      added = [...acls, ...added];
      await cluster().addAcls(acls);
    }

    async function lift(): Promise<void> {
      await cluster().removeAcls(added);
      added = [];
    }

    afterEach(lift);

    it("keeps the ACLs that were there, and has the same list after a fence as before", async () => {
      const name = await topic();
      await add(
        aclOn(name, "ALLOW", "ALL", everybody),
        { ...aclOn(name.slice(0, -2), "ALLOW", "READ", "User:mirror"), patternType: "PREFIXED" },
        { ...aclOn(name, "DENY", "WRITE", "User:checkout"), host: "203.0.113.9" },
        { ...aclOn(name, "ALLOW", "READ", "User:checkout"), resourceType: "GROUP" },
      );
      const before = JSON.stringify(await cluster().acls());
      const fence = [
        aclOn(name, "ALLOW", "ALL", "User:mirror"),
        aclOn(name, "DENY", "WRITE", "User:checkout"),
      ];
      await cluster().addAcls(fence);
      const during = await cluster().acls();
      expect(during).toMatchObject({ known: true, value: expect.arrayContaining([...added, ...fence]) });
      await cluster().removeAcls(fence.toReversed());
      expect(JSON.stringify(await cluster().acls())).toBe(before);
    });

    it("adds an equal one twice and removes an absent one without an error", async () => {
      const name = await topic();
      const acl = aclOn(name, "DENY", "WRITE", "User:checkout");
      await add(acl);
      await cluster().addAcls([acl]);
      const held = await cluster().acls();
      expect(held.known && held.value.filter(({ resourceName }) => resourceName === name)).toEqual([acl]);
      await lift();
      await cluster().removeAcls([acl]);
      await cluster().removeAcls([]);
      const left = await cluster().acls();
      expect(left.known && left.value.filter(({ resourceName }) => resourceName === name)).toEqual([]);
    });

    it("stops the writes of one principal and nothing else", async () => {
      const [fenced, other] = [await topic(), await topic()];
      await add(aclOn(fenced, "ALLOW", "ALL", everybody), aclOn(fenced, "DENY", "WRITE", "User:checkout"));
      await expect(under().send("User:checkout", fenced, one)).rejects.toMatchObject(refused);
      await under().send("User:mirror", fenced, one);
      await under().send("User:ANONYMOUS", fenced, one);
      await under().send("User:checkout", other, one);
      const where = { topic: fenced, partition: 0 };
      const seen = await under().as("User:checkout", (mine) => mine.read(where, 0, { max: 9 }));
      expect(seen).toHaveLength(2);
      await lift();
      await under().send("User:checkout", fenced, one);
      expect(await end(cluster(), fenced)).toBe(3);
    });

    it("keeps reads open under ALLOW ALL with DENY WRITE, and ends them under DENY WRITE alone", async () => {
      const name = await topic();
      await under().send("User:ANONYMOUS", name, one);
      const read = () =>
        under().as("User:ANONYMOUS", (mine) => mine.read({ topic: name, partition: 0 }, 0, { max: 9 }));
      await add(aclOn(name, "ALLOW", "ALL", everybody), aclOn(name, "DENY", "WRITE", everybody));
      for (const principal of ["User:ANONYMOUS", "User:checkout", "User:mirror"] as const) {
        await expect(under().send(principal, name, one)).rejects.toMatchObject(refused);
      }
      expect(await read()).toHaveLength(1);
      await cluster().removeAcls([aclOn(name, "ALLOW", "ALL", everybody)]);
      await expect(read()).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
      await lift();
      expect(await read()).toHaveLength(1);
      await under().send("User:ANONYMOUS", name, one);
      expect(await end(cluster(), name)).toBe(2);
    });

    it("tells each what it may do: a topic that is hidden from somebody is absent", async () => {
      const name = await topic();
      await add(aclOn(name, "ALLOW", "READ", "User:checkout"));
      const seen = async (principal: "User:checkout" | "User:mirror") => {
        const rights = await under().as(principal, (mine) => mine.rights([name]));
        return rights.known ? rights.value.topics.get(name) : rights.why;
      };
      expect(await seen("User:checkout")).toEqual(["READ", "DESCRIBE"]);
      expect(await seen("User:mirror")).toBeUndefined();
    });

    it("knows prefixed and wildcard ACLs, and that DENY beats ALLOW", async () => {
      const prefix = unique("pre");
      const [inside, outside] = [await topic(prefix), await topic()];
      await add({ ...aclOn(prefix, "ALLOW", "WRITE", "User:checkout"), patternType: "PREFIXED" });
      await under().send("User:checkout", inside, one);
      await expect(under().send("User:mirror", inside, one)).rejects.toMatchObject(refused);
      await under().send("User:mirror", outside, one);
      await add(aclOn("*", "DENY", "WRITE", "User:checkout"));
      await expect(under().send("User:checkout", inside, one)).rejects.toMatchObject(refused);
      await expect(under().send("User:checkout", outside, one)).rejects.toMatchObject(refused);
      // The wildcard is an ACL of every topic: nobody is let in for want of one.
      await expect(under().send("User:mirror", outside, one)).rejects.toMatchObject(refused);
      await lift();
      await under().send("User:mirror", inside, one);
      expect(await end(cluster(), inside)).toBe(2);
    });

    it("asks whether it may, and changes nothing by that", async () => {
      const before = JSON.stringify(await cluster().acls());
      await cluster().addAcls([]);
      expect(JSON.stringify(await cluster().acls())).toBe(before);
      await add({
        ...aclOn("kafka-cluster", "ALLOW", "ALTER", "User:somebody-else"),
        resourceType: "CLUSTER",
      });
      const name = await topic();
      await under().as("User:checkout", async (mine) => {
        const acl = aclOn(name, "DENY", "WRITE", everybody);
        await expect(mine.addAcls([])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
        await expect(mine.addAcls([acl])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
        await expect(mine.removeAcls([acl])).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
        expect(await mine.acls()).toMatchObject({ known: false, why: expect.stringMatching(/authoriz/i) });
      });
    });

    it("takes away the ACL by which it may, and does not call that refused", async () => {
      const cluster = { resourceType: "CLUSTER" } as const;
      const own = { ...aclOn("kafka-cluster", "ALLOW", "ALL", "User:checkout"), ...cluster };
      await add({ ...aclOn("kafka-cluster", "ALLOW", "ALTER", "User:somebody-else"), ...cluster }, own);
      await under().as("User:checkout", async (mine) => {
        await mine.removeAcls([own]);
        expect(await mine.acls()).toMatchObject({ known: false });
      });
    });

    it("has an authorizer, and does not tell whether it lets everybody in without an ACL", async () => {
      const configs = await cluster().brokerConfigs();
      const telling = configs.find(({ name }) => name === "authorizer.class.name");
      expect(telling?.value).toMatch(/StandardAuthorizer$/);
      for (const name of ["allow.everyone.if.no.acl.found", "super.users"]) {
        expect(configs).toContainEqual({ name, value: null, origin: "broker-static" });
      }
    });

    it("writes no ACL that could mean several", async () => {
      const acl = aclOn("orders", "DENY", "WRITE", everybody);
      for (const vague of [{ operation: "ANY" }, { patternType: "MATCH" }, { permission: "UNKNOWN" }]) {
        await expect(cluster().addAcls([{ ...acl, ...vague }])).rejects.toMatchObject({ code: "E_INTERNAL" });
        await expect(cluster().removeAcls([{ ...acl, ...vague }])).rejects.toMatchObject({
          code: "E_INTERNAL",
        });
      }
    });
  });
}

/** Without an authorizer there is nothing to ask and nothing to add. */
export function kafkaWithoutAuthorizerContract(name: string, open: () => Promise<FenceUnderTest>): void {
  describe(`${name}: the contract without an authorizer`, () => {
    const { cluster, topic } = openScene(open);

    it("says that there is none", async () => {
      const acl = aclOn(await topic(), "DENY", "WRITE", everybody);
      expect(await cluster().acls()).toEqual({
        known: false,
        why: expect.stringContaining("SECURITY_DISABLED"),
      });
      const disabled = { code: "E_KAFKA", message: expect.stringContaining("SECURITY_DISABLED (54)") };
      await expect(cluster().addAcls([acl])).rejects.toMatchObject(disabled);
      await expect(cluster().addAcls([])).rejects.toMatchObject(disabled);
      await expect(cluster().removeAcls([acl])).rejects.toMatchObject(disabled);
    });
  });
}
