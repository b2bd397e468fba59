import type { Acl } from "#domain/topology.ts";
import { type AuthorizerFacts, everybody, isAbout, isFor } from "./acl-matching.ts";

/** What Kafka's own authorizers (AclAuthorizer, StandardAuthorizer) answer to one question. Pure. */

export type ResourceType = "TOPIC" | "GROUP" | "CLUSTER" | "TRANSACTIONAL_ID" | "DELEGATION_TOKEN" | "USER";

/** Operations that brokers ask for, by type of resource (org.apache.kafka.security.authorizer.AclEntry). */
export const operationsOf: Readonly<Record<ResourceType, readonly string[]>> = {
  TOPIC: ["READ", "WRITE", "CREATE", "DESCRIBE", "DELETE", "ALTER", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
  GROUP: ["READ", "DESCRIBE", "DELETE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
  CLUSTER: [
    "CREATE",
    "ALTER",
    "DESCRIBE",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
    "CLUSTER_ACTION",
    "IDEMPOTENT_WRITE",
  ],
  TRANSACTIONAL_ID: ["DESCRIBE", "WRITE", "TWO_PHASE_COMMIT"],
  DELEGATION_TOKEN: ["DESCRIBE"],
  USER: ["CREATE_TOKENS", "DESCRIBE_TOKENS"],
};

export const resourceTypes: readonly ResourceType[] = [
  "TOPIC",
  "GROUP",
  "CLUSTER",
  "TRANSACTIONAL_ID",
  "DELEGATION_TOKEN",
  "USER",
];

export type Action = {
  readonly principal: string;
  readonly host: string;
  readonly operation: string;
  readonly resourceType: ResourceType;
  /** Of the cluster: "kafka-cluster". */
  readonly resourceName: string;
};

export type Verdict = {
  readonly answer: "allowed" | "denied" | "unknown";
  /** The ACL that decided; absent where a super user, the default or the lack of an ALLOW did. */
  readonly acl?: Acl;
  readonly why: string;
};

/** Operations whose ALLOW includes another one (AclOperation: "implies"). A DENY includes no other. */
const impliedBy: Readonly<Record<string, readonly string[]>> = {
  DESCRIBE: ["READ", "WRITE", "DELETE", "ALTER"],
  DESCRIBE_CONFIGS: ["ALTER_CONFIGS"],
};

/** What an ALLOW of this operation lets in beside itself. */
export function implied(operation: string): readonly string[] {
  return Object.entries(impliedBy).flatMap(([other, by]) => (by.includes(operation) ? [other] : []));
}

/**
 * Super users pass; a DENY beats every ALLOW; the default counts only where no ACL is about the resource, whoever it
 * names. Where the super users are not known the principal is taken for none.
 */
export function decide(acls: readonly Acl[], action: Action, facts: AuthorizerFacts): Verdict {
  const { resourceType, resourceName, principal } = action;
  return decideAmong(
    acls.filter((acl) => isAbout(acl, resourceType, resourceName)),
    action,
    facts,
    principal,
  );
}

/** As `decide`, among the ACLs that are about the resource already. */
export function decideAmong(
  about: readonly Acl[],
  action: Pick<Action, "host" | "operation">,
  { everyoneIfNoAcl, superUsers }: AuthorizerFacts,
  principal: string,
): Verdict {
  if (superUsers.known && superUsers.value.includes(principal)) {
    return { answer: "allowed", why: "a super user" };
  }
  if (about.length === 0) {
    if (!everyoneIfNoAcl.known) return { answer: "unknown", why: `no ACL, and ${everyoneIfNoAcl.why}` };
    return everyoneIfNoAcl.value
      ? { answer: "allowed", why: "no ACL: open to everybody by default" }
      : { answer: "denied", why: "no ACL: closed by default" };
  }
  const mine = about.filter((acl) => isFor(acl.principal, principal) && isFrom(acl, action.host));
  const deny = mine.find((acl) => acl.permission === "DENY" && covers(acl, action.operation, []));
  if (deny !== undefined) return { answer: "denied", acl: deny, why: "a DENY" };
  const others = impliedBy[action.operation] ?? [];
  const allow = mine.find((acl) => acl.permission === "ALLOW" && covers(acl, action.operation, others));
  return allow === undefined
    ? { answer: "denied", why: "no ACL allows it" }
    : { answer: "allowed", acl: allow, why: "an ALLOW" };
}

function isFrom({ host }: Acl, from: string): boolean {
  return host === "*" || host === from;
}

function covers(acl: Acl, operation: string, others: readonly string[]): boolean {
  return acl.operation === "ALL" || acl.operation === operation || others.includes(acl.operation);
}

export function isResourceType(name: string): name is ResourceType {
  return name in operationsOf;
}

/** A principal that no ACL names: what it may is what everybody may. */
export const anybodyElse = "User:\u0000anybody-else";

/** For people: "everybody else" for the principal that no ACL names. */
export function principalText(principal: string): string {
  if (principal === anybodyElse) return "everybody else";
  return principal === everybody ? "everybody" : principal;
}
