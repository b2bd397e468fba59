import { expect } from "vitest";
import { aclText } from "#domain/access/acl-matching.ts";
import type { Acl } from "#domain/topology.ts";
import type { SampleGuard, SampleMigration } from "./sample-migration.ts";

/** Clusters with an authorizer, as teams have them, and what must be true of them in the end. */

const mirror = "User:mm2";
const topics = ["orders", "payments"];

function acl(permission: string, operation: string, resourceName: string, principal: string): Acl {
  const [resourceType, name] =
    resourceName === "kafka-cluster" ? ["CLUSTER", "kafka-cluster"] : ["TOPIC", resourceName];
  return {
    resourceType,
    resourceName: name,
    patternType: "LITERAL",
    principal,
    host: "*",
    operation,
    permission,
  };
}

const byName: readonly Acl[] = [
  acl("ALLOW", "ALL", "kafka-cluster", mirror),
  acl("ALLOW", "ALL", "*", mirror),
  acl("ALLOW", "WRITE", "orders", "User:checkout"),
  { ...acl("ALLOW", "ALL", "pay", "User:checkout"), patternType: "PREFIXED" },
  acl("ALLOW", "READ", "orders", "User:ledger"),
  acl("DENY", "WRITE", "orders", "User:ledger"),
];

export type GuardScene = {
  readonly what: string;
  readonly guard: SampleGuard;
  /** Whether the fence is still there once the producers have moved. */
  readonly stands: boolean;
};

/** One principal for applications and mirror. */
export const shared: SampleGuard = { authorizer: { everyone: true } };
/** A mirror with a principal of its own, a super user. */
export const own: SampleGuard = {
  authorizer: { everyone: true, superUsers: [mirror] },
  mirror,
  producers: "User:checkout",
};

/** The source's ACLs in words. */
export async function sourceAcls(sample: SampleMigration): Promise<readonly string[]> {
  const acls = await sample.source.cluster.acls();
  return acls.known ? acls.value.map(aclText) : [];
}

export const guards: readonly GuardScene[] = [
  { what: "one principal for all", guard: shared, stands: false },
  { what: "a mirror that is a super user", guard: own, stands: true },
  {
    what: "rights by name",
    guard: { authorizer: { everyone: false }, acls: byName, mirror, producers: "User:checkout" },
    stands: true,
  },
  { what: "a size limit and no authorizer", guard: { fence: ["acl", "max.message.bytes"] }, stands: false },
  {
    what: "a size limit beside ACLs",
    guard: {
      authorizer: { everyone: true, superUsers: [mirror] },
      mirror,
      producers: "User:checkout",
      fence: ["acl", "max.message.bytes"],
    },
    stands: true,
  },
];

/** Rights and limits of both clusters, in words. */
export async function guardsOf({ source, target }: SampleMigration): Promise<readonly string[]> {
  const sides = await Promise.all(
    [source, target].map(async ({ cluster }) => {
      const acls = await cluster.acls();
      const configs = await cluster.topicConfigs(topics);
      const own = [...configs].flatMap(([topic, entries]) =>
        entries
          .filter(({ origin }) => origin === "topic")
          .map(({ name, value }) => `${topic} ${name} ${value}`),
      );
      return [...(acls.known ? acls.value.map(aclText) : []), ...own].map(
        (text) => `${cluster.role}: ${text}`,
      );
    }),
  );
  return sides.flat().toSorted();
}

/** Nothing of ours is left and nothing of others is gone; a standing fence keeps producers and nobody else out. */
export async function expectGuards(
  sample: SampleMigration,
  before: readonly string[],
  { stands, guard }: GuardScene & { readonly stands: boolean },
): Promise<void> {
  const now = await guardsOf(sample);
  expect(
    before.filter((each) => !now.includes(each)),
    "taken away",
  ).toEqual([]);
  const added = now.filter((each) => !before.includes(each));
  if (!stands) expect(added, "left behind").toEqual([]);
  else expect(added.length, "the fence stands").toBeGreaterThan(0);
  const by = guard.producers === undefined ? {} : { principal: guard.producers };
  for (const topic of topics) {
    expect(sample.source.allowed("WRITE", topic, by), `writes to ${topic}`).toBe(!stands);
    if (stands)
      expect(added.some((each) => each.startsWith("target") || each.includes("max.message"))).toBe(false);
  }
}
