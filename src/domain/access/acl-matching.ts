import type { MigrationSettings } from "#domain/settings.ts";
import { type Acl, type ConfigEntry, type Known, known, unknown } from "#domain/topology.ts";

/** How Kafka's own authorizers (AclAuthorizer, StandardAuthorizer) read an ACL, and what is known of one. Pure. */

/** The principal and the resource name that match each. */
export const everybody = "User:*";
export const anyName = "*";

/** By its name, by a prefix of it, or by the name that matches each. */
export function isAboutTopic(acl: Acl, topic: string): boolean {
  return isAbout(acl, "TOPIC", topic);
}

/** As `isAboutTopic`, for a resource of any type; that of the cluster is named "kafka-cluster". */
export function isAbout(
  { resourceType, resourceName, patternType }: Acl,
  type: string,
  name: string,
): boolean {
  if (!isOne(resourceType, type)) return false;
  if (isOne(patternType, "PREFIXED")) return name.startsWith(resourceName);
  return resourceName === name || resourceName === anyName;
}

export function allowsWrite({ permission, operation }: Acl): boolean {
  return isOne(permission, "ALLOW") && isOne(operation, "WRITE", "ALL");
}

export function deniesWrite({ permission, operation }: Acl): boolean {
  return isOne(permission, "DENY") && isOne(operation, "WRITE", "ALL");
}

/** Whether an ACL for `principal` is one for `who`. */
export function isFor(principal: string, who: string): boolean {
  return principal === who || principal === everybody;
}

/** Where nothing is asked everybody may everything; a cluster that merely does not tell is something else. */
export function hasNoAuthorizer(acls: Known<unknown>): boolean {
  return !acls.known && acls.why.startsWith("no authorizer");
}

/** One word of the protocol, in whatever case it was written. */
function isOne(word: string, ...wanted: readonly string[]): boolean {
  return wanted.includes(word.toUpperCase());
}

/** Authorizers of Apache Kafka: only for these the two settings mean what they say. */
const ownAuthorizers = [
  "kafka.security.auth.SimpleAclAuthorizer",
  "kafka.security.authorizer.AclAuthorizer",
  "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
];

export type AuthorizerFacts = {
  /** `allow.everyone.if.no.acl.found`. */
  readonly everyoneIfNoAcl: Known<boolean>;
  readonly superUsers: Known<readonly string[]>;
};

type ToldAuthorizer = {
  readonly everyoneIfNoAcl?: boolean | undefined;
  readonly superUsers?: readonly string[] | undefined;
};

/** What ferry.yaml says of this cluster's authorizer. */
export function toldAuthorizer(
  side: "source" | "target",
  settings: Pick<MigrationSettings, "source" | "target">,
): ToldAuthorizer {
  return settings[side].authorizer ?? {};
}

/**
 * Super users and the default, from a broker's configuration. Kafka knows neither key in its own definitions and so
 * answers them like secrets, with null (ConfigHelper.createBrokerConfigEntry): then `told`, what the team wrote down,
 * counts. A key that is not set has Kafka's default: false, nobody.
 */
export function authorizerFacts(
  broker: Known<readonly ConfigEntry[]>,
  told: ToldAuthorizer = {},
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

/** "DENY WRITE on payments for User:checkout". */
export function aclText({ resourceType, resourceName, patternType, ...acl }: Acl): string {
  const kind = resourceType === "TOPIC" ? "" : `${resourceType.toLowerCase()} `;
  const name = patternType === "PREFIXED" ? `${resourceName}… (prefix)` : resourceName;
  const from = acl.host === "*" ? "" : ` from ${acl.host}`;
  return `${acl.permission} ${acl.operation} on ${kind}${name} for ${acl.principal}${from}`;
}
