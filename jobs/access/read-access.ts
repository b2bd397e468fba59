import { type AuthorizerFacts, authorizerFacts, toldAuthorizer } from "#domain/access/acl-matching.ts";
import type { AccessReading } from "#domain/access/plan.ts";
import { mirrorOnSource, mirrorOnTarget } from "#domain/access/principals.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import { mirrorClientId } from "#domain/mirror/flow.ts";
import { propertiesOf } from "#domain/plan/provisioning.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type ConfigEntry, type Known, known, unknown } from "#domain/topology.ts";
import { type FenceSide, fencesOfAll } from "#jobs/switch/fence-document.ts";
import type { Work } from "#jobs/work.ts";

type Place = Pick<Work, "world" | "migration" | "store">;

/** Both clusters' ACLs, authorizers, quotas and users as they are now. Changes nothing. `E_TARGET_ABSENT` before provision. */
export async function readAccess(work: Place): Promise<AccessReading> {
  const { world, migration } = work;
  const { settings } = migration;
  const target = await world.target();
  const { auth } = settings.target;
  const fences = await fencesOfAll(work);
  const fenceAcls = (side: FenceSide) =>
    fences.filter((fence) => fence.side === side).flatMap(({ allow, deny }) => [...allow, ...deny]);
  return {
    source: await readSide(world.source, "source", work),
    target: {
      ...(await readSide(target, "target", work)),
      auth,
      ...(await told(work)),
    },
    fences: { source: fenceAcls("source"), target: fenceAcls("target") },
    mirror: {
      source: mirrorOnSource(settings),
      target: mirrorOnTarget(settings),
      clientId: mirrorClientId(migration.name),
    },
    settings,
  };
}

/**
 * MSK's default lets everybody in where there is no ACL, unless its configuration says otherwise (guide,
 * msk-default-configuration.html); super users are AWS's own, no configuration may name others. `undefined`: not found out.
 */
async function asMskHasIt({ world, migration }: Place): Promise<AuthorizerFacts | undefined> {
  const cluster = await orUnknown(() => world.msk.findCluster(migration.settings.target.cluster));
  if (!cluster.known || cluster.value === undefined) return undefined;
  const { configurationArn: arn, configurationRevision: revision } = cluster.value;
  if (arn === undefined || revision === undefined) return mskFacts("");
  const used = await orUnknown(() => world.msk.describeConfiguration(arn, revision));
  return used.known ? mskFacts(used.value.properties) : undefined;
}

function mskFacts(properties: string): AuthorizerFacts {
  const said = propertiesOf(properties).get("allow.everyone.if.no.acl.found");
  return { everyoneIfNoAcl: known(said !== "false"), superUsers: known([]) };
}

type Told = Pick<AccessReading["target"], "arn" | "kind" | "secrets">;

/** What AWS says of the cluster; it is asked only where policies or users are to be made. */
async function told({ world, migration }: Place): Promise<Told> {
  const { auth, cluster: name } = migration.settings.target;
  // MSK Serverless has no other way to authenticate than IAM.
  if (auth !== "iam" && auth !== "scram") return { kind: "standard", arn: "", secrets: noSecrets };
  const cluster = await world.msk.findCluster(name);
  if (cluster === undefined) throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${name}.`);
  const { kind, arn } = cluster;
  const secrets = auth === "scram" ? await orUnknown(() => world.msk.scramSecrets(arn)) : noSecrets;
  return { kind, arn, secrets };
}

const noSecrets = unknown("the target does not authenticate by SCRAM");

async function readSide(
  cluster: KafkaCluster,
  side: FenceSide,
  work: Place,
): Promise<AccessReading["source"]> {
  return {
    acls: await cluster.acls(),
    facts: await factsOf(cluster, side, work),
    quotas: await cluster.quotas(),
    users: await cluster.scramUsers(),
  };
}

/** As the brokers tell it, else the team in ferry.yaml, else, of the target, MSK's configuration. */
async function factsOf(cluster: KafkaCluster, side: FenceSide, work: Place): Promise<AuthorizerFacts> {
  const broker: Known<readonly ConfigEntry[]> = await orUnknown(() => cluster.brokerConfigs());
  const facts = authorizerFacts(broker, toldAuthorizer(side, work.migration.settings));
  const isTold = facts.everyoneIfNoAcl.known && facts.superUsers.known;
  if (side === "source" || isTold || work.migration.settings.target.auth === "iam") return facts;
  const { everyoneIfNoAcl, superUsers } = (await asMskHasIt(work)) ?? facts;
  return {
    everyoneIfNoAcl: facts.everyoneIfNoAcl.known ? facts.everyoneIfNoAcl : everyoneIfNoAcl,
    superUsers: facts.superUsers.known ? facts.superUsers : superUsers,
  };
}

/** What this user may not read is not known; anything else that fails, fails. */
async function orUnknown<T>(read: () => Promise<T>): Promise<Known<T>> {
  try {
    return known(await read());
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code === "E_KAFKA_AUTH" || code === "E_AWS_ACCESS") return unknown(message);
    throw thrown;
  }
}
