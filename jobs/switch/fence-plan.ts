import { authorizerFacts, toldAuthorizer } from "#domain/access/acl-matching.ts";
import { asFerryError, type FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Security } from "#domain/settings.ts";
import { type FencePlan, planFence } from "#domain/switch/fence.ts";
import { type ConfigEntry, type Known, known, unknown } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { clusterOf, type FenceConfig, type FenceSide } from "./fence-document.ts";

/** What a fence around these topics would be now, read from the cluster. Changes nothing. */
export type WantedFence = {
  readonly acl: FencePlan;
  readonly configs: readonly FenceConfig[];
  readonly mirror: string;
  readonly superUsers: Known<readonly string[]>;
  /** The cluster has an authorizer and the bot may not set ACLs. */
  readonly refused?: FerryError;
};

const none: FencePlan = { allow: [], deny: [], stopsMirror: false, covers: [], open: [], mirrorWrites: [] };
const tooSmall = "1";
const sizeKey = "max.message.bytes";

export async function wantedFence(
  topics: readonly string[],
  side: FenceSide,
  work: Pick<Work, "world" | "migration">,
): Promise<WantedFence> {
  const cluster = await clusterOf(side, work);
  const { fence } = work.migration.settings.cutover;
  const mirror = mirrorPrincipal(side, work);
  const configs = fence.includes(sizeKey) ? await sizeLimits(cluster, topics) : [];
  if (!fence.includes("acl")) {
    const open = topics.map((topic) => ({
      topic,
      who: "everybody",
      why: "ferry.yaml leaves acl out of cutover.fence",
    }));
    return { acl: { ...none, open }, configs, mirror, superUsers: unknown("it was not asked") };
  }
  const acls = await cluster.acls();
  const broker = await brokerConfigs(cluster);
  const facts = authorizerFacts(broker, toldAuthorizer(side, work.migration.settings));
  const plan = planFence({ ...facts, acls, mirrorPrincipal: mirror, topics });
  const common = { configs, mirror, superUsers: facts.superUsers };
  if (plan.deny.length === 0) return { ...common, acl: plan };
  const refused = await rightRefused(cluster);
  if (refused === undefined) return { ...common, acl: plan };
  const open = topics.map((topic) => ({
    topic,
    who: "everybody",
    why: `the bot may not set ACLs: ${refused.message}`,
  }));
  return { ...common, refused, acl: { ...none, open } };
}

export function isNothing({ acl, configs }: Pick<WantedFence, "acl" | "configs">): boolean {
  return acl.allow.length === 0 && acl.deny.length === 0 && configs.length === 0;
}

/** Asks for the right before it is needed: in a pause is the wrong moment to learn that it is missing. */
async function rightRefused(cluster: KafkaCluster): Promise<FerryError | undefined> {
  try {
    await cluster.addAcls([]);
    return undefined;
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code === "E_KAFKA_AUTH") return error;
    throw thrown;
  }
}

/** The right to read it may be missing: then it is not known. */
async function brokerConfigs(cluster: KafkaCluster): Promise<Known<readonly ConfigEntry[]>> {
  try {
    return known(await cluster.brokerConfigs());
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code === "E_KAFKA_AUTH") return unknown(message);
    throw thrown;
  }
}

async function sizeLimits(cluster: KafkaCluster, topics: readonly string[]): Promise<readonly FenceConfig[]> {
  const configs = await cluster.topicConfigs(topics);
  return topics.map((topic) => {
    const entry = configs.get(topic)?.find(({ name, origin }) => name === sizeKey && origin === "topic");
    return { topic, name: sizeKey, value: tooSmall, before: entry?.value ?? null };
  });
}

/** Who the mirror, which logs in as the bot does, is to this cluster. */
function mirrorPrincipal(side: FenceSide, { migration }: Pick<Work, "migration">): string {
  const { source, target } = migration.settings;
  if (side === "target") {
    return target.auth === "scram" && target.scram !== undefined
      ? `User:${target.scram.username}`
      : "User:ANONYMOUS";
  }
  return source.principal ?? principalOf(source.security);
}

/** Without a client certificate TLS proves nobody's name (KafkaPrincipal.ANONYMOUS). */
function principalOf(security: Security): string {
  return "username" in security ? `User:${security.username}` : "User:ANONYMOUS";
}
