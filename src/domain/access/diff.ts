import type { Acl } from "#domain/topology.ts";
import { type AuthorizerFacts, aclText, anyName, everybody, isAbout } from "./acl-matching.ts";
import { type AclCopy, aclKey } from "./copy.ts";
import {
  anybodyElse,
  decideAmong,
  operationsOf,
  principalText,
  type ResourceType,
  resourceTypes,
  type Verdict,
} from "./decision.ts";
import { anonymous, mapPrincipal, type PrincipalRules } from "./principals.ts";
import { aclIndex, isAnyOther, type ResourceClass, resourceClasses } from "./resources.ts";

/** What each principal may on the source against what it may on the target: all of it, differences only. Pure. */

export type AccessSide = { readonly acls: readonly Acl[]; readonly facts: AuthorizerFacts };

export type DiffQuestion = {
  /** Without the bot's own fences. */
  readonly source: AccessSide;
  readonly target: AccessSide;
  readonly rules: PrincipalRules;
  readonly mirror: { readonly source: string; readonly target: string };
  /** What a copy would leave out, and why. */
  readonly left: AclCopy["left"];
};

export type AccessDifference = {
  /** As the source knows it. */
  readonly principal: string;
  readonly resource: string;
  /** Absent: from anywhere that no ACL names. */
  readonly host?: string;
  readonly operations: readonly string[];
  readonly source: Verdict["answer"];
  readonly target: Verdict["answer"];
  readonly why: string;
};

export type AccessDiff = {
  readonly differences: readonly AccessDifference[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
};

const elsewhere = "\u0000elsewhere";

type Look = DiffQuestion & {
  readonly sourceAbout: ReturnType<typeof aclIndex>;
  readonly targetAbout: ReturnType<typeof aclIndex>;
  /** ACLs of a target principal that are copies of ACLs of these source principals. */
  readonly copiesOf: ReadonlyMap<string, readonly string[]>;
  readonly targetHas: ReadonlySet<string>;
};

/** For a target with ACLs; `policy-diff.ts` is for one with IAM. */
export function accessDiff(question: DiffQuestion): AccessDiff {
  const { source, target } = question;
  const look: Look = {
    ...question,
    sourceAbout: aclIndex(source.acls),
    targetAbout: aclIndex(target.acls),
    copiesOf: copies(question),
    targetHas: new Set(target.acls.map(aclKey)),
  };
  const all = [...source.acls, ...target.acls];
  const classes = resourceTypes.flatMap((type) => resourceClasses(type, all));
  return {
    differences: [...superUserRows(look), ...classes.flatMap((each) => rowsOf(each, look))],
    notes: diffNotes(source.facts, target.facts),
  };
}

export function diffNotes(source: AuthorizerFacts, target?: AuthorizerFacts): readonly string[] {
  const sides = [["source", source] as const, ...(target === undefined ? [] : [["target", target] as const])];
  return sides.flatMap(([side, { superUsers, everyoneIfNoAcl }]) => [
    ...(superUsers.known ? [] : [`Super users of the ${side} are not known: ${superUsers.why}.`]),
    ...(everyoneIfNoAcl.known
      ? []
      : [`What the ${side} lets in where there is no ACL is not known: ${everyoneIfNoAcl.why}.`]),
  ]);
}

function copies({ source, rules }: DiffQuestion): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const acl of source.acls) {
    const mapped = mapPrincipal(acl.principal, rules);
    if (!mapped.known) continue;
    const key = aclKey({ ...acl, principal: mapped.to });
    found.set(key, (found.get(key) ?? new Set()).add(acl.principal));
  }
  return new Map([...found].map(([key, who]) => [key, [...who]]));
}

/** A super user needs no ACL; on the target it needs one for everything, or to be one there. */
function superUserRows({ source, target, rules, mirror }: Look): readonly AccessDifference[] {
  if (!source.facts.superUsers.known) return [];
  return source.facts.superUsers.value.flatMap((principal): readonly AccessDifference[] => {
    if (principal === mirror.source) return [];
    const mapped = mapPrincipal(principal, rules);
    if (mapped.known && mayEverything(mapped.to, target)) return [];
    const why = mapped.known
      ? "a super user of the source, which needs no ACL; MSK has none, so give it ALLOW ALL where it needs it"
      : `a super user of the source; ${mapped.why}`;
    const row = { principal, resource: "everything", operations: ["ALL"], why } as const;
    return [{ ...row, source: "allowed", target: "denied" }];
  });
}

function mayEverything(principal: string, { acls, facts }: AccessSide): boolean {
  if (facts.superUsers.known && facts.superUsers.value.includes(principal)) return true;
  const wide = acls.filter(
    (acl) => acl.principal === principal && acl.permission === "ALLOW" && acl.operation === "ALL",
  );
  const types = wide
    .filter(({ resourceName, resourceType }) => resourceName === anyName || resourceType === "CLUSTER")
    .map(({ resourceType }) => resourceType);
  return ["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"].every((type) => types.includes(type));
}

function rowsOf(each: ResourceClass, look: Look): readonly AccessDifference[] {
  const here = look.sourceAbout(each.type, each.name);
  const there = look.targetAbout(each.type, each.name);
  if (here.length === 0 && there.length === 0 && !isAnyOther(each) && each.type !== "CLUSTER") return [];
  if (here.length + there.length === 0 && isDefaultUnknown(look)) return []; // the notes say it once
  if (isSame(here, there, look)) return [];
  return principalsIn(here, there, look).flatMap((principal) =>
    ofPrincipal(principal, each, { here, there }, look),
  );
}

function isDefaultUnknown({ source, target }: Look): boolean {
  return !source.facts.everyoneIfNoAcl.known || !target.facts.everyoneIfNoAcl.known;
}

/** The quick way out: the same ACLs, but for the mirror's own. */
function isSame(here: readonly Acl[], there: readonly Acl[], { rules, mirror }: Look): boolean {
  if (here.length === 0 || there.length === 0) return false;
  const wanted = new Set<string>();
  for (const acl of here) {
    const mapped = mapPrincipal(acl.principal, rules);
    if (!mapped.known || (mapped.to !== acl.principal && mapped.to !== everybody)) return false;
    if (acl.principal !== mirror.source) wanted.add(aclKey(acl));
  }
  const has = new Set(there.filter(({ principal }) => principal !== mirror.target).map(aclKey));
  return wanted.size === has.size && [...wanted].every((key) => has.has(key));
}

/** Everybody whom an ACL of either side names, and everybody else; the mirror's rights are not compared. */
function principalsIn(here: readonly Acl[], there: readonly Acl[], look: Look): readonly string[] {
  const { rules, mirror, source } = look;
  const supers = source.facts.superUsers.known ? source.facts.superUsers.value : [];
  const named = new Set(here.map(({ principal }) => principal));
  const mapped = new Set(
    [...named].flatMap((principal) => {
      const to = mapPrincipal(principal, rules);
      return to.known ? [to.to] : [];
    }),
  );
  const foreign = there.map(({ principal }) => principal).filter((principal) => !mapped.has(principal));
  const asOnSource = foreign.flatMap((principal) => {
    const from = Object.entries(rules.principals).filter(([, to]) => to === principal);
    return from.length === 0 ? [principal] : from.map(([name]) => name);
  });
  const all = new Set([...named, ...asOnSource, anybodyElse]);
  all.delete(everybody);
  if (mirror.target !== anonymous) all.delete(mirror.target);
  if (mirror.source !== anonymous) all.delete(mirror.source);
  return [...all].filter((principal) => !supers.includes(principal));
}

type About = { readonly here: readonly Acl[]; readonly there: readonly Acl[] };

function ofPrincipal(
  principal: string,
  { type, name, text }: ResourceClass,
  { here, there }: About,
  look: Look,
): readonly AccessDifference[] {
  const mapped =
    principal === anybodyElse
      ? ({ known: true, to: anybodyElse } as const)
      : mapPrincipal(principal, look.rules);
  const hosts = [...here, ...there].map(({ host }) => host).filter((host) => host !== "*");
  const compare = (host: string) =>
    compareAll(type, (operation) => {
      const asked = { host, operation };
      const source = decideAmong(here, asked, look.source.facts, principal);
      const target: Verdict = mapped.known
        ? decideAmong(there, asked, look.target.facts, mapped.to)
        : { answer: "denied", why: mapped.why };
      const outcome = { source, target, principal, type, name };
      return { source, target, why: () => explain(outcome, look) };
    });
  return differencesOf(principal, text, new Set(hosts), compare);
}

export type Compared = {
  readonly source: Verdict;
  readonly target: Verdict;
  readonly why: () => string;
};

type Found = Pick<AccessDifference, "operations" | "source" | "target" | "why">;

/** Operations that differ, those of the same outcome and reason together. */
export function compareAll(
  type: ResourceType,
  ask: (operation: string) => Compared | undefined,
): readonly Found[] {
  const rows = operationsOf[type].flatMap((operation) => {
    const compared = ask(operation);
    if (compared === undefined || compared.source.answer === compared.target.answer) return [];
    const { source, target, why } = compared;
    return [{ operation, source: source.answer, target: target.answer, why: why() }];
  });
  const alike = Map.groupBy(rows, ({ source, target, why }) => `${source}\n${target}\n${why}`);
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { source, target, why } = first;
    return [{ operations: group.map(({ operation }) => operation), source, target, why }];
  });
}

/** From anywhere first; a host that an ACL names only where it is answered otherwise. */
export function differencesOf(
  principal: string,
  resource: string,
  hosts: ReadonlySet<string>,
  compare: (host: string) => readonly Found[],
): readonly AccessDifference[] {
  const common = compare(elsewhere);
  const plain = new Set(common.map((found) => JSON.stringify(found)));
  const special = [...hosts].flatMap((host) =>
    compare(host)
      .filter((found) => !plain.has(JSON.stringify(found)))
      .map((found) => ({ principal, resource, host, ...found })),
  );
  return [...common.map((found) => ({ principal, resource, ...found })), ...special];
}

type Outcome = Pick<ResourceClass, "type" | "name"> & {
  readonly source: Verdict;
  readonly target: Verdict;
  readonly principal: string;
};

function explain({ source, target, principal, type, name }: Outcome, look: Look): string {
  const { acl: wanted } = source;
  // What closes a resource may be an ACL for somebody else.
  const left = look.left.find(({ acl }) =>
    wanted === undefined
      ? target.acl === undefined && isAbout(acl, type, name)
      : aclKey(acl) === aclKey(wanted),
  );
  if (left !== undefined) return `${aclText(left.acl)} is not copied: ${left.why}`;
  if (wanted !== undefined && !isCopied(wanted, look)) return `not copied yet: ${aclText(wanted)}`;
  if (target.acl !== undefined) return ownOrShared(target.acl, principal, look);
  if (source.answer === "unknown") return `on the source: ${source.why}`;
  if (target.answer === "unknown") return `on the target: ${target.why}`;
  return `on the source: ${source.why}; on the target: ${target.why}`;
}

function isCopied(acl: Acl, { rules, targetHas }: Look): boolean {
  const mapped = mapPrincipal(acl.principal, rules);
  return mapped.known && targetHas.has(aclKey({ ...acl, principal: mapped.to }));
}

function ownOrShared(acl: Acl, principal: string, { copiesOf }: Look): string {
  const others = (copiesOf.get(aclKey(acl)) ?? []).filter((other) => other !== principal);
  if (others.length > 0) {
    return `is ${acl.principal} on the target, as are ${others.map(principalText).join(", ")}, whose ACL this is: ${aclText(acl)}`;
  }
  return `the target's own ACL: ${aclText(acl)}`;
}
