import type { ScramUser } from "#domain/inventory.ts";
import type { Client, MigrationSettings } from "#domain/settings.ts";
import { type Acl, type Known, known, unknown } from "#domain/topology.ts";
import { mapPrincipal, type PrincipalRules, userNameOf } from "./principals.ts";

/** SCRAM users that the target needs. Brokers give nobody a hash, so that people make them anew. Pure. */

export type ScramItem = {
  /** On the target. */
  readonly user: string;
  readonly from: readonly string[];
  /** Who makes it; `undefined`: nobody is named. */
  readonly owner: string | undefined;
  readonly done: Known<boolean>;
  /** How that is known, or what is missing. */
  readonly why: string;
};

export type ScramQuestion = {
  readonly users: Known<readonly ScramUser[]>;
  readonly acls: Known<readonly Acl[]>;
  readonly rules: PrincipalRules;
  /** Users with credentials on the target. */
  readonly onTarget: Known<readonly ScramUser[]>;
  /** ARNs of the secrets that MSK has for the cluster. */
  readonly secrets: Known<readonly string[]>;
  readonly settings: Pick<MigrationSettings, "clients" | "target"> & {
    readonly access: Pick<MigrationSettings["access"], "owners">;
  };
  /** The bot's and the mirror's own user: made with `provision`. */
  readonly mirror: string;
};

export function scramChecklist(question: ScramQuestion): readonly ScramItem[] {
  const { users, acls, rules } = question;
  const named = [
    ...(users.known ? users.value.map(({ name }) => `User:${name}`) : []),
    ...(acls.known ? acls.value.map(({ principal }) => principal) : []),
  ];
  const wanted = new Map<string, Set<string>>();
  for (const principal of named) {
    const mapped = mapPrincipal(principal, rules);
    const user = mapped.known ? userNameOf(mapped.to) : undefined;
    if (user === undefined || user === question.mirror) continue;
    wanted.set(user, (wanted.get(user) ?? new Set()).add(principal));
  }
  return [...wanted]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([user, from]) => ({
      user,
      from: [...from],
      owner: ownerOf(user, [...from], question),
      ...isMade(user, question),
    }));
}

/** As MSK wants it: the name begins with AmazonMSK_ (guide, msk-password-tutorial.html). */
export function secretName(user: string): string {
  return `AmazonMSK_${user.replaceAll(/[^A-Za-z0-9/_+=.@-]/g, "_")}`;
}

function isMade(user: string, { onTarget, secrets }: ScramQuestion): Pick<ScramItem, "done" | "why"> {
  if (onTarget.known && onTarget.value.some(({ name }) => name === user)) {
    return { done: known(true), why: "the target has it" };
  }
  const wanted = `:secret:${secretName(user)}-`;
  // Six characters follow, which Secrets Manager adds.
  const secret = secrets.known
    ? secrets.value.find(
        (arn) => arn.includes(wanted) && arn.length === arn.indexOf(wanted) + wanted.length + 6,
      )
    : undefined;
  if (secret !== undefined) return { done: known(true), why: `MSK has ${secret}` };
  if (onTarget.known) return { done: known(false), why: "the target has no such user" };
  if (secrets.known) {
    return {
      done: known(false),
      why: `MSK has no secret ${secretName(user)}; one of another name is not recognised`,
    };
  }
  return { done: unknown(onTarget.why), why: `${onTarget.why}; ${secrets.why}` };
}

function ownerOf(
  user: string,
  from: readonly string[],
  { settings, acls }: ScramQuestion,
): string | undefined {
  for (const principal of from) {
    const told = settings.access.owners[principal];
    if (told !== undefined) return told;
  }
  const own = acls.known ? acls.value.filter(({ principal }) => from.includes(principal)) : [];
  const client = settings.clients.find((each) => each.name === user) ?? settings.clients.find(isUsedBy(own));
  if (client === undefined) return undefined;
  const owner = client.switch.driver === "manual" ? client.switch.owner : undefined;
  return owner === undefined ? `the team of ${client.name}` : `${owner} (${client.name})`;
}

/** An ACL names the client's own group, or a topic that it writes. */
function isUsedBy(own: readonly Acl[]): (client: Client) => boolean {
  const names = (type: string) =>
    own.filter(({ resourceType }) => resourceType === type).map(({ resourceName }) => resourceName);
  const groups = names("GROUP");
  const topics = own
    .filter(({ resourceType, operation }) => resourceType === "TOPIC" && /^(WRITE|ALL)$/.test(operation))
    .map(({ resourceName }) => resourceName);
  return (client) =>
    client.role === "consumer"
      ? groups.includes(client.group)
      : client.topics.some((topic) => topics.includes(topic));
}
