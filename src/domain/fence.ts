import { type Acl, type ConfigEntry, type Known, known, unknown } from "./topology.ts";

/**
 * Keeping everybody but the mirror from writing to a wave's topics, by ACLs. Pure. The rules are those of Kafka's own
 * authorizers (AclAuthorizer, StandardAuthorizer): super users pass; a DENY beats every ALLOW; the default counts only
 * for a resource that no ACL matches, whoever that ACL is for.
 */

export type FenceQuestion = {
  readonly acls: Known<readonly Acl[]>;
  /** `allow.everyone.if.no.acl.found`. */
  readonly everyoneIfNoAcl: Known<boolean>;
  readonly superUsers: Known<readonly string[]>;
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
  /** Topics to which nobody but super users and the mirror can write; `denied`: who could before. */
  readonly covers: ReadonlyArray<{ readonly topic: string; readonly denied: readonly string[] }>;
  readonly open: readonly FenceGap[];
};

const everybody = "User:*";
const anyName = "*";

/**
 * What to add so that nobody but super users and the mirror can write, and everything else stays as it is. ACLs that
 * exist already are not part of the plan, so that taking it back leaves them.
 */
export function planFence(question: FenceQuestion): FencePlan {
  const { acls, superUsers, mirrorPrincipal, topics } = question;
  const none = { allow: [], deny: [], stopsMirror: false, covers: [] };
  if (!acls.known) return { ...none, open: gaps(topics, "everybody", acls.why) };
  const parts = topics.map((topic) => fenceOf(topic, acls.value, question));
  const deny = parts.flatMap((part) => part.deny).filter((acl) => !holds(acls.value, acl));
  const mirrorPasses = superUsers.known && superUsers.value.includes(mirrorPrincipal);
  return {
    allow: parts.flatMap((part) => part.allow),
    deny,
    stopsMirror: !mirrorPasses && deny.some(({ principal }) => matches(principal, mirrorPrincipal)),
    covers: parts.flatMap(({ topic, denied, open }) => (open.length === 0 ? [{ topic, denied }] : [])),
    open: parts.flatMap((part) => part.open),
  };
}

type TopicFence = {
  readonly topic: string;
  readonly allow: readonly Acl[];
  readonly deny: readonly Acl[];
  readonly denied: readonly string[];
  readonly open: readonly FenceGap[];
};

function fenceOf(topic: string, acls: readonly Acl[], question: FenceQuestion): TopicFence {
  const about = acls.filter((acl) => concerns(acl, topic));
  return about.length === 0 ? withoutAcl(topic, question) : withAcls(topic, about, question);
}

/** Any ACL ends the default: a DENY alone would end reads too, so the ALLOW keeps what everybody had. */
function withoutAcl(topic: string, { everyoneIfNoAcl }: FenceQuestion): TopicFence {
  const nothing = { topic, allow: [], deny: [], denied: [], open: [] };
  if (!everyoneIfNoAcl.known)
    return { ...nothing, open: gaps([topic], "everybody", `it has no ACL, and ${everyoneIfNoAcl.why}`) };
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
  const open = [...writers].flatMap((who): readonly FenceGap[] => {
    if (passing.includes(who)) return gaps([topic], who, "a super user: no ACL stops it");
    return who === mirrorPrincipal
      ? gaps([topic], who, "the mirror's own principal: an application that shares it is not stopped")
      : [];
  });
  const stopped = [...writers].filter((who) => !passing.includes(who) && who !== mirrorPrincipal);
  // Everybody's DENY holds for each of them.
  const denied = stopped.includes(everybody) ? [everybody] : stopped;
  const deny = denied.map((who) => aclOn(topic, who, "WRITE", "DENY"));
  return { topic, allow: [], deny, denied, open };
}

function allowsWrite({ permission, operation }: Acl): boolean {
  return permission === "ALLOW" && (operation === "WRITE" || operation === "ALL");
}

function concerns({ resourceType, resourceName, patternType }: Acl, topic: string): boolean {
  if (resourceType !== "TOPIC") return false;
  if (patternType === "PREFIXED") return topic.startsWith(resourceName);
  return resourceName === topic || resourceName === anyName;
}

function matches(principal: string, who: string): boolean {
  return principal === who || principal === everybody;
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

/** "DENY WRITE on payments for User:checkout". */
export function aclText({ resourceType, resourceName, patternType, ...acl }: Acl): string {
  const kind = resourceType === "TOPIC" ? "" : `${resourceType.toLowerCase()} `;
  const name = patternType === "PREFIXED" ? `${resourceName}… (prefix)` : resourceName;
  const from = acl.host === "*" ? "" : ` from ${acl.host}`;
  return `${acl.permission} ${acl.operation} on ${kind}${name} for ${acl.principal}${from}`;
}

/** Authorizers of Apache Kafka: only for these the two settings mean what they say. */
const ownAuthorizers = [
  "kafka.security.auth.SimpleAclAuthorizer",
  "kafka.security.authorizer.AclAuthorizer",
  "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
];

export type AuthorizerFacts = Pick<FenceQuestion, "everyoneIfNoAcl" | "superUsers">;

/**
 * Super users and the default, from a broker's configuration. Kafka knows neither key in its own definitions and so
 * answers them like secrets, with null (ConfigHelper.createBrokerConfigEntry): then `told`, what the team wrote down,
 * counts. A key that is not set has Kafka's default: false, nobody.
 */
export function authorizerFacts(
  broker: Known<readonly ConfigEntry[]>,
  told: {
    readonly everyoneIfNoAcl?: boolean | undefined;
    readonly superUsers?: readonly string[] | undefined;
  } = {},
): AuthorizerFacts {
  const fallback = {
    everyoneIfNoAcl: told.everyoneIfNoAcl === undefined ? undefined : known(told.everyoneIfNoAcl),
    superUsers: told.superUsers === undefined ? undefined : known(told.superUsers),
  };
  const everyone = settingOf(broker, "allow.everyone.if.no.acl.found");
  const users = settingOf(broker, "super.users");
  return {
    everyoneIfNoAcl: everyone.known
      ? known(everyone.value?.trim().toLowerCase() === "true")
      : (fallback.everyoneIfNoAcl ?? everyone),
    superUsers: users.known ? known(principals(users.value ?? "")) : (fallback.superUsers ?? users),
  };
}

/** `undefined`: not set. */
function settingOf(broker: Known<readonly ConfigEntry[]>, name: string): Known<string | undefined> {
  if (!broker.known) return broker;
  const authorizer = broker.value.find((entry) => entry.name === "authorizer.class.name")?.value;
  if (authorizer !== undefined && authorizer !== null && !ownAuthorizers.includes(authorizer)) {
    return unknown(`${name} says nothing about the authorizer ${authorizer || "of this cluster"}`);
  }
  const entry = broker.value.find((each) => each.name === name);
  if (entry === undefined) return known(undefined);
  return entry.value === null ? unknown(`the broker does not tell ${name}`) : known(entry.value);
}

/** "User:a;User:CN=b,OU=c": names of certificates hold commas. */
function principals(text: string): readonly string[] {
  return text
    .split(";")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
