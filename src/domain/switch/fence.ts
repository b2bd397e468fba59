import {
  type AuthorizerFacts,
  aclText,
  allowsWrite,
  everybody,
  isAboutTopic,
  isFor,
} from "#domain/access/acl-matching.ts";
import type { Acl, Known } from "#domain/topology.ts";

/**
 * Keeping everybody but the mirror from writing to a wave's topics, by ACLs. Pure. The rules are those of Kafka's own
 * authorizers (AclAuthorizer, StandardAuthorizer): super users pass; a DENY beats every ALLOW; the default counts only
 * for a resource that no ACL matches, whoever that ACL is for.
 */

export type FenceQuestion = AuthorizerFacts & {
  readonly acls: Known<readonly Acl[]>;
  /** Who the mirror is to this cluster: "User:mm2". */
  readonly mirrorPrincipal: string;
  readonly topics: readonly string[];
};

/** Somebody who can write to this topic in spite of the fence, and why. */
export type FenceGap = { readonly topic: string; readonly who: string; readonly why: string };

export type FencePlan = {
  /** To be added first: without them the DENY would end reads too. */
  readonly allow: readonly Acl[];
  readonly deny: readonly Acl[];
  /** An added DENY matches the mirror: it must be gone before the mirror writes to this cluster. */
  readonly stopsMirror: boolean;
  /** Topics of which the rights are known: nobody but super users and the mirror can write; `denied`: who could before. */
  readonly covers: ReadonlyArray<{ readonly topic: string; readonly denied: readonly string[] }>;
  /** What to warn of: somebody can write all the same. The mirror, which must, is none. */
  readonly open: readonly FenceGap[];
  /** Topics to which ACLs let the mirror write under its own name: an application that shares it is not kept off. */
  readonly mirrorWrites: readonly string[];
};

/**
 * What to add so that nobody but super users and the mirror can write, and everything else stays as it is. ACLs that
 * exist already are not part of the plan, so that taking it back leaves them.
 */
export function planFence(question: FenceQuestion): FencePlan {
  const { acls, superUsers, mirrorPrincipal, topics } = question;
  const none = { allow: [], deny: [], stopsMirror: false, covers: [], mirrorWrites: [] };
  if (!acls.known) return { ...none, open: gaps(topics, "everybody", acls.why) };
  const parts = topics.map((topic) => fenceOf(topic, acls.value, question));
  const deny = parts.flatMap((part) => part.deny).filter((acl) => !holds(acls.value, acl));
  const mirrorPasses = superUsers.known && superUsers.value.includes(mirrorPrincipal);
  return {
    allow: parts.flatMap((part) => part.allow),
    deny,
    stopsMirror: !mirrorPasses && deny.some(({ principal }) => isFor(principal, mirrorPrincipal)),
    covers: parts.flatMap(({ topic, denied }) => (denied === undefined ? [] : [{ topic, denied }])),
    open: parts.flatMap((part) => part.open),
    mirrorWrites: parts.flatMap(({ topic, mirrorWrites }) => (mirrorWrites ? [topic] : [])),
  };
}

type TopicFence = {
  readonly topic: string;
  readonly allow: readonly Acl[];
  readonly deny: readonly Acl[];
  /** `undefined`: who could write is not known. */
  readonly denied: readonly string[] | undefined;
  readonly open: readonly FenceGap[];
  readonly mirrorWrites: boolean;
};

function fenceOf(topic: string, acls: readonly Acl[], question: FenceQuestion): TopicFence {
  const about = acls.filter((acl) => isAboutTopic(acl, topic));
  return about.length === 0 ? withoutAcl(topic, question) : withAcls(topic, about, question);
}

/** Any ACL ends the default: a DENY alone would end reads too, so the ALLOW keeps what everybody had. */
function withoutAcl(topic: string, { everyoneIfNoAcl }: FenceQuestion): TopicFence {
  const nothing = { topic, allow: [], deny: [], denied: [], open: [], mirrorWrites: false };
  if (!everyoneIfNoAcl.known) {
    const open = gaps([topic], "everybody", `it has no ACL, and ${everyoneIfNoAcl.why}`);
    return { ...nothing, denied: undefined, open };
  }
  if (!everyoneIfNoAcl.value) return nothing;
  return {
    ...nothing,
    allow: [aclOn(topic, everybody, "ALL", "ALLOW")],
    deny: [aclOn(topic, everybody, "WRITE", "DENY")],
    denied: [everybody],
  };
}

/** Only those are denied whom an ALLOW lets in; no ALLOW is added, it would open what is closed. */
function withAcls(topic: string, about: readonly Acl[], question: FenceQuestion): TopicFence {
  const { superUsers, mirrorPrincipal } = question;
  const writers = new Set(about.filter(allowsWrite).map(({ principal }) => principal));
  const passing = superUsers.known ? superUsers.value : [];
  const open = [...writers]
    .filter((who) => passing.includes(who) && who !== mirrorPrincipal)
    .flatMap((who) => gaps([topic], who, "a super user: no ACL stops it"));
  const stopped = [...writers].filter((who) => !passing.includes(who) && who !== mirrorPrincipal);
  // Everybody's DENY holds for each of them.
  const denied = stopped.includes(everybody) ? [everybody] : stopped;
  const deny = denied.map((who) => aclOn(topic, who, "WRITE", "DENY"));
  return { topic, allow: [], deny, denied, open, mirrorWrites: writers.has(mirrorPrincipal) };
}

function aclOn(topic: string, principal: string, operation: string, permission: "ALLOW" | "DENY"): Acl {
  const resource = { resourceType: "TOPIC", resourceName: topic, patternType: "LITERAL" };
  return { ...resource, principal, host: "*", operation, permission };
}

function gaps(topics: readonly string[], who: string, why: string): readonly FenceGap[] {
  return topics.map((topic) => ({ topic, who, why }));
}

/** Whether this very ACL is among them. */
export function holds(acls: readonly Acl[], wanted: Acl): boolean {
  const name = aclText(wanted);
  return acls.some((acl) => aclText(acl) === name);
}
