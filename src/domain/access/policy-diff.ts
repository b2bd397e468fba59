import { canonical } from "#domain/canonical.ts";
import type { Acl } from "#domain/topology.ts";
import { aclText, allowsWrite, everybody } from "./acl-matching.ts";
import { anybodyElse, decideAmong, type ResourceType, type Verdict } from "./decision.ts";
import {
  type AccessDiff,
  type AccessDifference,
  type AccessSide,
  compareAll,
  differencesOf,
  diffNotes,
} from "./diff.ts";
import {
  actionOf,
  mayCreateAnything,
  type PolicyDocument,
  type PrincipalPolicy,
  resourceArn,
} from "./policy.ts";
import { isAllowedBy } from "./policy-check.ts";
import { anonymous } from "./principals.ts";
import { aclIndex, type ResourceClass, resourceClasses } from "./resources.ts";

/** What each principal may on the source against what the policies allow that were given for it. Pure. */

export type PolicyQuestion = {
  readonly source: AccessSide;
  /** By principal of the source; that of "User:*" is for whoever has no other. */
  readonly given: ReadonlyMap<string, readonly PolicyDocument[]>;
  /** What would be given now, to tell what it leaves out. */
  readonly wanted: readonly PrincipalPolicy[];
  readonly cluster: string;
  /** Who the mirror is on the source: its rights are not compared. */
  readonly mirror: string;
};

const types = ["TOPIC", "GROUP", "TRANSACTIONAL_ID", "CLUSTER"] as const;

export function policyDiff(question: PolicyQuestion): AccessDiff {
  const { source, wanted, mirror } = question;
  const { superUsers } = source.facts;
  const supers = superUsers.known ? superUsers.value.filter((name) => name !== mirror) : [];
  const principals = [...new Set(source.acls.map(({ principal }) => principal))].filter(
    (name) => name !== everybody && !supers.includes(name) && (name !== mirror || mirror === anonymous),
  );
  const about = aclIndex(source.acls);
  const classes = types
    .flatMap((type) => resourceClasses(type, source.acls))
    .map((each) => ({ ...each, here: about(each.type, each.name) }));
  const byPrincipal = Map.groupBy(source.acls, ({ principal }) => principal);
  const common = byPrincipal.get(everybody) ?? [];
  const named = namedIn(classes);
  const compared = [...principals, anybodyElse].flatMap((principal) => {
    const documents = question.given.get(principal === anybodyElse ? everybody : principal);
    const own = [...(byPrincipal.get(principal) ?? []), ...common];
    const look: Look = { principal, documents, own, question };
    const isAll = principal === anybodyElse || isOutdated(look);
    return (isAll ? classes : [...(named.get(principal) ?? [])]).flatMap((each) => ofPrincipal(each, look));
  });
  return {
    differences: [
      ...supers.map(superUserRow),
      ...compared,
      ...wanted.flatMap((policy) => lostRows(policy, supers)),
    ],
    notes: diffNotes(source.facts),
  };
}

function superUserRow(principal: string): AccessDifference {
  const why = "a super user of the source, which no ACL names; write its policy by hand";
  const row = { principal, resource: "everything", operations: ["ALL"], why } as const;
  return { ...row, source: "allowed", target: "denied" };
}

/** ALLOWs that IAM cannot say at all. */
function lostRows(
  { principal, gaps }: PrincipalPolicy,
  supers: readonly string[],
): readonly AccessDifference[] {
  if (supers.includes(principal)) return [];
  return gaps
    .filter(({ acl, lost }) => lost && acl.permission === "ALLOW" && acl.principal === principal)
    .map(({ acl, why }): AccessDifference => {
      const { resourceType, resourceName, operation } = acl;
      const resource = `${resourceType.toLowerCase().replace("_", " ")} ${resourceName}`;
      return { principal, resource, operations: [operation], source: "allowed", target: "denied", why };
    });
}

type Class = ResourceClass & { readonly here: readonly Acl[] };

type Look = {
  readonly principal: string;
  readonly documents: readonly PolicyDocument[] | undefined;
  /** ACLs for it and for everybody. */
  readonly own: readonly Acl[];
  readonly question: PolicyQuestion;
};

/**
 * Where no ACL names it the source answers it as everybody else, and its policy has what everybody's has: as long as it is
 * the one that would be given now.
 */
function isOutdated({ principal, documents, question }: Look): boolean {
  if (documents === undefined) return false;
  const wanted = question.wanted.find((policy) => policy.principal === principal)?.documents;
  return canonical(documents) !== canonical(wanted);
}

function namedIn(classes: readonly Class[]): ReadonlyMap<string, ReadonlySet<Class>> {
  const named = new Map<string, Set<Class>>();
  for (const each of classes) {
    for (const { principal } of each.here) {
      named.set(principal, (named.get(principal) ?? new Set()).add(each));
    }
  }
  return named;
}

function ofPrincipal({ type, name, text, here }: Class, look: Look): readonly AccessDifference[] {
  const { principal, documents, own, question } = look;
  const hosts = new Set(here.map(({ host }) => host).filter((host) => host !== "*"));
  const resource = resourceArn(question.cluster, type, name);
  const compare = (host: string) =>
    compareAll(type, (operation) => {
      const action = actionOf(type, operation);
      if (action === undefined) return undefined;
      const asked = { principal, type, operation, host };
      const source = asBrokersAsk(asked, here, own, question);
      const sourceIp = hosts.has(host) ? { sourceIp: host } : {};
      const isAllowed = documents !== undefined && isAllowedBy(documents, { action, resource, ...sourceIp });
      const target: Verdict = { answer: isAllowed ? "allowed" : "denied", why: "by its policy" };
      return { source, target, why: () => explain(source, documents, question) };
    });
  return differencesOf(principal, text, hosts, compare);
}

type Asked = {
  readonly principal: string;
  readonly type: ResourceType;
  readonly operation: string;
  readonly host: string;
};

/** Two rights that Kafka also grants on another ground, where IAM has one action. */
function asBrokersAsk(
  { principal, type, operation, host }: Asked,
  here: readonly Acl[],
  own: readonly Acl[],
  { source }: PolicyQuestion,
): Verdict {
  if (type === "TOPIC" && operation === "CREATE" && mayCreateAnything(own)) {
    return { answer: "allowed", why: "CREATE on the cluster" };
  }
  if (
    operation === "IDEMPOTENT_WRITE" &&
    own.some((acl) => acl.resourceType === "TOPIC" && allowsWrite(acl))
  ) {
    return { answer: "allowed", why: "WRITE on a topic (KIP-679)" };
  }
  return decideAmong(here, { host, operation }, source.facts, principal);
}

function explain(
  source: Verdict,
  documents: readonly PolicyDocument[] | undefined,
  { wanted }: PolicyQuestion,
): string {
  const { acl } = source;
  const gap = acl && wanted.flatMap(({ gaps }) => gaps).find((each) => each.acl === acl);
  if (gap !== undefined) return `${aclText(gap.acl)}: ${gap.why}`;
  if (acl === undefined) return `on the source: ${source.why}; IAM allows only what a policy names`;
  if (documents === undefined) return `no policy was given for it yet; ${aclText(acl)}`;
  return `not in the policy that was given: ${aclText(acl)}`;
}
