import type { Acl, Known } from "#domain/topology.ts";
import { anyName, isFor } from "./acl-matching.ts";
import { isResourceType } from "./decision.ts";
import { anonymous, mapPrincipal, type PrincipalRules } from "./principals.ts";

/** Which ACLs the target needs so that everybody may there what they may on the source. Pure. */

export type CopyQuestion = {
  readonly source: readonly Acl[];
  readonly target: readonly Acl[];
  /** ACLs of the bot's own fences on the source: they end with the switch. */
  readonly fences: readonly Acl[];
  readonly rules: PrincipalRules;
  /** Who the mirror is to each cluster: its rights are its own affair and are not copied. */
  readonly mirror: { readonly source: string; readonly target: string };
  readonly targetSuperUsers: Known<readonly string[]>;
};

/** An ACL that is not carried over, and why. */
export type LeftOut = {
  readonly acl: Acl;
  readonly kind: "fence" | "mirror" | "principal" | "unreadable" | "held back";
  readonly why: string;
};

export type AclCopy = {
  /** First of all: the mirror's own, on each resource that the others close to whom they do not name. */
  readonly keep: readonly Acl[];
  /** ALLOWs before DENYs. */
  readonly add: readonly Acl[];
  /** Wanted and there already, made by whomever. */
  readonly present: readonly Acl[];
  readonly left: readonly LeftOut[];
};

/** Nothing that is on the target is changed or removed. */
export function planAclCopy(question: CopyQuestion): AclCopy {
  const has = new Set(question.target.map(aclKey));
  const wanted = new Map<string, Acl>();
  const left: LeftOut[] = [];
  const fences = new Set(question.fences.map(aclKey));
  for (const acl of question.source) {
    const carried = carry(acl, question, fences);
    if ("kind" in carried) left.push(carried);
    else wanted.set(aclKey(carried), carried);
  }
  const missing = [...wanted].filter(([key]) => !has.has(key)).map(([, acl]) => acl);
  return {
    // Where what is held back closed a resource to everybody, the mirror's own right closes it, too.
    keep: mirrorKeeps(
      [...missing, ...left.flatMap(({ kind, acl }) => (kind === "held back" ? [acl] : []))],
      question,
    ).filter((acl) => !wanted.has(aclKey(acl))),
    add: [...missing.filter(isAllow), ...missing.filter((acl) => !isAllow(acl))],
    present: [...wanted].filter(([key]) => has.has(key)).map(([, acl]) => acl),
    left,
  };
}

function carry(acl: Acl, question: CopyQuestion, fences: ReadonlySet<string>): Acl | LeftOut {
  const { rules, mirror, targetSuperUsers } = question;
  if (fences.has(aclKey(acl))) {
    return { acl, kind: "fence", why: "the bot's own fence, which ends with the switch" };
  }
  // Where everybody is anonymous the mirror's ACLs are the applications' too.
  if (acl.principal === mirror.source && mirror.source !== anonymous) {
    return { acl, kind: "mirror", why: "the mirror's own right to the source" };
  }
  if (!isResourceType(acl.resourceType) || isStrange(acl)) {
    return { acl, kind: "unreadable", why: "of a kind that this release of the bot does not know" };
  }
  const mapped = mapPrincipal(acl.principal, rules);
  if (!mapped.known) return { acl, kind: "principal", why: mapped.why };
  const passes = targetSuperUsers.known && targetSuperUsers.value.includes(mirror.target);
  const carried = { ...acl, principal: mapped.to };
  if (!passes && !isAllow(acl) && acl.host === "*" && isFor(mapped.to, mirror.target)) {
    const why = `it would stop the mirror (${mirror.target}) on the target; add it when the mirror has ended`;
    return { acl, kind: "held back", why };
  }
  return carried;
}

function isStrange({ operation, patternType }: Acl): boolean {
  return operation.startsWith("UNKNOWN") || (patternType !== "LITERAL" && patternType !== "PREFIXED");
}

/** Types of resource that the mirror and the bot use on the target. */
const used = new Set(["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"]);

/**
 * Any ACL ends `allow.everyone.if.no.acl.found`, MSK's default, for its resource: without a right of its own the mirror
 * could no longer write, and the bot no longer change ACLs.
 */
function mirrorKeeps(
  added: readonly Acl[],
  { target, mirror, targetSuperUsers }: CopyQuestion,
): readonly Acl[] {
  if (targetSuperUsers.known && targetSuperUsers.value.includes(mirror.target)) return [];
  const keeps = new Map<string, Acl>();
  for (const { resourceType, resourceName, patternType } of added) {
    if (!used.has(resourceType)) continue;
    const keep: Acl = {
      resourceType,
      resourceName,
      patternType,
      principal: mirror.target,
      host: "*",
      operation: "ALL",
      permission: "ALLOW",
    };
    keeps.set(aclKey(keep), keep);
  }
  const held = [...target, ...keeps.values()].filter((acl) => isKeepOfAll(acl, mirror.target));
  const wide = new Set(held.map(({ resourceType }) => resourceType));
  const has = new Set(target.map(aclKey));
  return [...keeps]
    .filter(([key, acl]) => !has.has(key) && (acl.resourceName === anyName || !wide.has(acl.resourceType)))
    .map(([, acl]) => acl)
    .toSorted((a, b) => Number(b.resourceType === "CLUSTER") - Number(a.resourceType === "CLUSTER"));
}

function isKeepOfAll(acl: Acl, principal: string): boolean {
  const { resourceName, patternType, operation, host } = acl;
  const everything = resourceName === anyName && patternType === "LITERAL";
  return everything && isAllow(acl) && operation === "ALL" && host === "*" && acl.principal === principal;
}

function isAllow({ permission }: Acl): boolean {
  return permission === "ALLOW";
}

/** All seven fields: two ACLs are the same only when all are. */
export function aclKey(acl: Acl): string {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = acl;
  return [resourceType, resourceName, patternType, principal, host, operation, permission].join("\n");
}

/** Those of the first that are not among the second. */
export function without(acls: readonly Acl[], others: readonly Acl[]): readonly Acl[] {
  const gone = new Set(others.map(aclKey));
  return acls.filter((acl) => !gone.has(aclKey(acl)));
}
