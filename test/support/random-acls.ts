import type { Acl } from "#domain/topology.ts";

/** Random numbers that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const names = ["orders", "orders-eu", "o", "payments", "pay$ments*", "*"];
const operations = {
  TOPIC: [
    "READ",
    "WRITE",
    "CREATE",
    "DESCRIBE",
    "DELETE",
    "ALTER",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
    "ALL",
  ],
  GROUP: ["READ", "DESCRIBE", "DELETE", "ALL"],
  CLUSTER: ["CREATE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "ALL"],
  TRANSACTIONAL_ID: ["DESCRIBE", "WRITE", "ALL"],
  DELEGATION_TOKEN: ["DESCRIBE", "ALL"],
} as const;
const types = ["TOPIC", "TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN"] as const;

/** Few names and principals, so that ACLs meet: literal, prefixed, the wildcard, both permissions, some hosts. */
export function randomAcls(
  random: () => number,
  amount: number,
  principals: readonly string[] = ["User:a", "User:b", "User:c", "User:*"],
): readonly Acl[] {
  const pick = <T>(from: readonly [T, ...T[]] | readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)];
    if (found === undefined) throw new Error("there is nothing to pick from");
    return found;
  };
  return Array.from({ length: amount }, (): Acl => {
    const resourceType = pick(types);
    const isPrefixed = resourceType !== "CLUSTER" && random() < 0.3;
    const name = resourceType === "CLUSTER" ? "kafka-cluster" : pick(names);
    return {
      resourceType,
      resourceName: name,
      patternType: isPrefixed ? "PREFIXED" : "LITERAL",
      principal: pick(principals),
      host: random() < 0.2 ? pick(["10.0.0.1", "10.0.0.2"]) : "*",
      operation: pick<string>(operations[resourceType]),
      permission: random() < 0.25 ? "DENY" : "ALLOW",
    };
  });
}
