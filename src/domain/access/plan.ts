import type { ClientQuota, ScramUser } from "#domain/inventory.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import { type Acl, type Known, known, unknown } from "#domain/topology.ts";
import { type AuthorizerFacts, everybody, hasNoAuthorizer } from "./acl-matching.ts";
import { type AclCopy, planAclCopy, without } from "./copy.ts";
import { type AccessDiff, type AccessSide, accessDiff } from "./diff.ts";
import { type PolicyDocument, type PrincipalPolicy, policyFor } from "./policy.ts";
import { policyDiff } from "./policy-diff.ts";
import { type Auth, anonymous, mapPrincipal, type PrincipalRules } from "./principals.ts";
import { entityText, planQuotaCopy, type QuotaCopy } from "./quotas.ts";
import { type ScramItem, scramChecklist } from "./scram.ts";

/** All that the target needs so that everybody may there what they may on the source. Pure. */

type Side = {
  readonly acls: Known<readonly Acl[]>;
  readonly facts: AuthorizerFacts;
  readonly quotas: Known<readonly ClientQuota[]>;
  readonly users: Known<readonly ScramUser[]>;
};

/** One look at both clusters. */
export type AccessReading = {
  readonly source: Side;
  readonly target: Side & {
    readonly auth: Auth;
    readonly kind: "standard" | "express" | "serverless";
    /** Of the cluster, for policies. */
    readonly arn: string;
    /** ARNs of the SCRAM secrets that MSK has for it. */
    readonly secrets: Known<readonly string[]>;
  };
  /** ACLs of the bot's own fences that stand, by side. */
  readonly fences: { readonly source: readonly Acl[]; readonly target: readonly Acl[] };
  readonly mirror: { readonly source: string; readonly target: string; readonly clientId: string };
  readonly settings: Pick<MigrationSettings, "access" | "clients" | "target">;
};

export type AccessPlan = {
  /** Not known: nothing can be copied, and why. For IAM always nothing. */
  readonly acls: Known<AclCopy>;
  readonly quotas: Known<QuotaCopy>;
  /** Empty unless the target authenticates by IAM. */
  readonly policies: readonly PrincipalPolicy[];
  /** Empty unless the target authenticates by SCRAM. */
  readonly users: readonly ScramItem[];
  /** What a person must decide or do. */
  readonly open: readonly OpenItem[];
};

export type OpenItem = { readonly what: string; readonly why: string };

export function planAccess(reading: AccessReading): AccessPlan {
  const acls = aclPlan(reading);
  const quotas = quotaPlan(reading);
  return {
    acls,
    quotas,
    policies: policies(reading),
    users: reading.target.auth === "scram" ? scramPlan(reading) : [],
    open: [...openItems(reading, acls), ...(quotas.known ? throttling(quotas.value) : [])],
  };
}

function rulesOf({ target, settings }: AccessReading): PrincipalRules {
  return { auth: target.auth, principals: settings.access.principals };
}

function aclPlan(reading: AccessReading): Known<AclCopy> {
  const { source, target, fences, mirror } = reading;
  if (!source.acls.known) return unknown(`Nothing to copy: ${bare(source.acls.why)}.`);
  if (target.auth === "iam")
    return unknown("MSK does not look at ACLs where clients log in with IAM: policies are handed out.");
  if (target.auth === "unauthenticated") {
    return unknown(
      "Not copied: without authentication all clients of the target are User:ANONYMOUS, whom ACLs would lock out together.",
    );
  }
  if (target.kind === "serverless") return unknown("MSK Serverless has no ACLs.");
  if (!target.acls.known) return unknown(`Not copied: ${bare(target.acls.why)}.`);
  return known(
    planAclCopy({
      source: source.acls.value,
      target: target.acls.value,
      fences: fences.source,
      rules: rulesOf(reading),
      mirror,
      targetSuperUsers: target.facts.superUsers,
    }),
  );
}

function quotaPlan(reading: AccessReading): Known<QuotaCopy> {
  const { source, target, mirror } = reading;
  if (!source.quotas.known) return unknown(bare(source.quotas.why));
  const theirs = target.quotas;
  if (!theirs.known) {
    if (source.quotas.value.length === 0) return known({ set: [], present: [], left: [] });
    return unknown(`the target's are not known: ${bare(theirs.why)}`);
  }
  return known(
    planQuotaCopy({
      source: source.quotas.value,
      target: theirs.value,
      rules: rulesOf(reading),
      kind: target.kind,
      mirrorClientId: mirror.clientId,
      mirrorOnSource: mirror.source,
    }),
  );
}

/** Of the source's ACLs without the fence's and the mirror's own. */
function applicationAcls({ source, fences, mirror }: AccessReading): readonly Acl[] {
  if (!source.acls.known) return [];
  const own = mirror.source === anonymous ? undefined : mirror.source;
  return without(source.acls.value, fences.source).filter(({ principal }) => principal !== own);
}

/** One for each principal, and one for whoever has no other where ACLs are for everybody. */
function policies(reading: AccessReading): readonly PrincipalPolicy[] {
  if (reading.target.auth !== "iam") return [];
  const acls = applicationAcls(reading);
  const principals = [...new Set(acls.map(({ principal }) => principal))].toSorted();
  return principals.map((principal) => policyFor(principal, acls, reading.target.arn));
}

function scramPlan(reading: AccessReading): readonly ScramItem[] {
  const { source, target, settings, mirror } = reading;
  return scramChecklist({
    users: source.users,
    acls: known(applicationAcls(reading)),
    rules: rulesOf(reading),
    onTarget: target.users,
    secrets: target.secrets,
    settings,
    mirror: mirror.target.replace(/^User:/, ""),
  });
}

function openItems(reading: AccessReading, acls: Known<AclCopy>): readonly OpenItem[] {
  const { auth } = reading.target;
  const principals = [...new Set(applicationAcls(reading).map(({ principal }) => principal))].toSorted();
  if (auth === "iam") {
    const { principals: told } = reading.settings.access;
    const nameless = principals.filter(
      (principal) => principal !== everybody && told[principal] === undefined,
    );
    return nameless.map((what) => ({ what, why: "no IAM role is named for it in access.principals" }));
  }
  if (auth === "unauthenticated") return [];
  const rules = rulesOf(reading);
  const unmapped = principals.flatMap((what) => {
    const mapped = mapPrincipal(what, rules);
    return mapped.known ? [] : [{ what, why: mapped.why }];
  });
  const held = acls.known
    ? acls.value.left.filter(({ kind }) => kind === "held back" || kind === "unreadable")
    : [];
  return [...unmapped, ...held.map(({ acl, why }) => ({ what: `ACL of ${acl.principal}`, why }))];
}

/** A default holds for the mirror, too, which writes more than any application. */
function throttling({ set }: QuotaCopy): readonly OpenItem[] {
  const rate = "producer_byte_rate";
  return set
    .filter(({ entity, limits }) => limits[rate] !== undefined && entity.every(({ name }) => name === null))
    .map(({ entity, limits }) => ({
      what: `${entityText(entity)} ${rate} ${limits[rate]}`,
      why: "it slows the mirror, too, until `replicate throttle` gives it a limit of its own",
    }));
}

/**
 * What differs now. `given`: the policies that were handed out, by principal of the source. Unknown where one side's
 * rights cannot be read at all.
 */
export function diffAccess(
  reading: AccessReading,
  given: ReadonlyMap<string, readonly PolicyDocument[]>,
): Known<AccessDiff> {
  const { source, target, mirror, fences } = reading;
  const own = sideOf(source, fences.source);
  if (!own.known) return unknown(`the source's ACLs are not known: ${own.why}`);
  const notes = hasNoAuthorizer(source.acls) ? [everything("source")] : [];
  if (target.auth === "iam") {
    const wanted = policies(reading);
    const question = { source: own.value, given, wanted, cluster: target.arn, mirror: mirror.source };
    return known(noted(policyDiff(question), notes));
  }
  const theirs = sideOf(target, fences.target);
  if (!theirs.known) return unknown(`the target's ACLs are not known: ${theirs.why}`);
  if (hasNoAuthorizer(target.acls)) notes.push(everything("target"));
  const copy = aclPlan(reading);
  const left = copy.known ? copy.value.left : allLeft(own.value.acls, copy.why);
  const question = { source: own.value, target: theirs.value, rules: rulesOf(reading), mirror, left };
  return known(noted(accessDiff(question), notes));
}

function sideOf({ acls, facts }: Side, fence: readonly Acl[]): Known<AccessSide> {
  if (acls.known) return known({ acls: without(acls.value, fence), facts });
  if (!hasNoAuthorizer(acls)) return unknown(bare(acls.why));
  return known({ acls: [], facts: { everyoneIfNoAcl: known(true), superUsers: known([]) } });
}

function everything(side: "source" | "target"): string {
  return `The ${side} has no authorizer: everybody may do everything there.`;
}

function noted(diff: AccessDiff, notes: readonly string[]): AccessDiff {
  return { ...diff, notes: [...notes, ...diff.notes] };
}

function allLeft(acls: readonly Acl[], why: string): AclCopy["left"] {
  return acls.map((acl) => ({ acl, kind: "principal", why: bare(why) }));
}

/** Without the full stop that some reasons end with: what follows brings its own. */
function bare(why: string): string {
  return why.replace(/\.$/, "");
}
