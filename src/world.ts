import { createExecDriver } from "#adapters/clients/exec.ts";
import { createKubernetesDriver } from "#adapters/clients/kubernetes.ts";
import { createManualDriver } from "#adapters/clients/manual.ts";
import { createWebhookDriver } from "#adapters/clients/webhook.ts";
import { createConnectInventory } from "#adapters/connect/inventory.ts";
import { createNetwork } from "#adapters/ec2.ts";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { createMsk } from "#adapters/msk.ts";
import { createProber } from "#adapters/probe.ts";
import type { Config } from "#config";
import { FerryError } from "#domain/errors.ts";
import type { Msk } from "#domain/msk.ts";
import type { Chat, Clock, KafkaCluster, Log, Store, World } from "#domain/ports.ts";
import type { Client, EngineName, Migration } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { type OpenEngine, openEngine } from "./engine.ts";

type Need = {
  readonly config: Config;
  readonly chat: Chat;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** What switch commands inherit: PATH and the like, never the bot's own secrets. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  /** What mirrors inherit that run as processes: AWS's variables, too, for logging in with IAM. */
  readonly mirrors: Readonly<Record<string, string | undefined>>;
};

/** A migration's outside world. The target is looked up in MSK when it is first needed and kept while it is the same. */
export type OpenWorld = World & { close(): Promise<void> };

/** Worlds by migration, each opened when it is first needed. One that cannot be opened is tried again the next time. */
export function createWorlds(open: (migration: Migration) => Promise<OpenWorld>) {
  const worlds = new Map<string, Promise<OpenWorld>>();

  function world(migration: Migration): Promise<OpenWorld> {
    const known = worlds.get(migration.name);
    if (known !== undefined) return known;
    const opened = open(migration);
    worlds.set(migration.name, opened);
    opened.catch(() => worlds.delete(migration.name));
    return opened;
  }

  async function close(): Promise<void> {
    const opened = await Promise.allSettled(worlds.values());
    await Promise.all(opened.flatMap((each) => (each.status === "fulfilled" ? [each.value.close()] : [])));
  }

  return { world, close };
}

export async function openWorld(migration: Migration, need: Need): Promise<OpenWorld> {
  const { settings } = migration;
  const { config, clock } = need;
  const log = need.log.child({ migration: migration.name });
  const sourceAccess = await config.access(settings.source.bootstrap, settings.source.security);
  const source = createKafkaCluster({ role: "source", access: sourceAccess, log, clock });
  const msk = createMsk({ region: settings.target.region, log });
  const target = rememberTarget(migration, need, msk, log);
  const engines = new Map<EngineName, { readonly of: KafkaCluster; readonly engine: OpenEngine }>();

  const applications: Applications = async (place) =>
    withoutSecrets(
      place === "source" ? await sourceForApplications(migration, config) : (await target.open()).access,
    );

  return {
    source,
    msk,
    network: createNetwork({ region: settings.target.region, log }),
    ...sourceNetwork(migration, log),
    ...sourceConnects(migration, need, log),
    prober: createProber(),
    target: target.open,
    async engine(name = settings.replication.engine) {
      const of = await target.open();
      const open = engines.get(name);
      if (open?.of === of) return open.engine;
      const engine = openEngine(name, {
        migration,
        config,
        store: need.store,
        chat: need.chat,
        source,
        target: of,
        log,
        clock,
        environment: need.mirrors,
      });
      engines.set(name, { of, engine });
      await open?.engine.close();
      return engine;
    },
    client: (client) => openDriver(client, migration, need, log, applications),
    applications,
    async close() {
      await Promise.allSettled([...engines.values()].map(({ engine }) => engine.close()));
      await Promise.allSettled([source.close(), target.close()]);
    },
  };
}

/** Only where ferry.yaml says that the source's VPC is somewhere else. */
function sourceNetwork({ settings }: Migration, log: Log): Pick<World, "sourceNetwork"> {
  const { accepter } = settings.source.network;
  if (accepter === undefined) return {};
  const { region = settings.target.region, profile } = accepter;
  return { sourceNetwork: createNetwork({ region, profile, log }) };
}

/** Only looked at, by an assessment. */
function sourceConnects(
  { settings }: Migration,
  { config, clock }: Need,
  log: Log,
): Pick<World, "sourceConnects"> {
  return {
    sourceConnects: settings.source.connect.map(({ url, username, passwordEnv, caFile }, at) =>
      createConnectInventory({
        url,
        ...(username !== undefined && passwordEnv !== undefined
          ? { auth: { username, password: config.secret(passwordEnv) } }
          : {}),
        ...(caFile === undefined
          ? {}
          : { ca: () => config.certificate(`source.connect.${at}.caFile`, caFile) }),
        clock,
        log,
      }),
    ),
  };
}

type Applications = World["applications"];

function openDriver(client: Client, migration: Migration, need: Need, log: Log, applications: Applications) {
  const { switch: settings } = client;
  const { clock, chat, config, inherited } = need;
  switch (settings.driver) {
    case "exec":
      return createExecDriver(client, settings, inherited, log);
    case "webhook":
      return createWebhookDriver(client, settings, config.secret(settings.secretEnv), { clock, log });
    case "kubernetes":
      return createKubernetesDriver(client, settings, applications, { clock, log });
    case "manual":
      return createManualDriver(client, settings, chat, migration.settings.channel, clock);
  }
}

/** How long a looked-up target is used before MSK is asked again, in ms. */
const targetKeptMs = 300_000;
const usable = new Set(["ACTIVE", "UPDATING", "HEALING", "MAINTENANCE", "REBOOTING_BROKER"]);

/** The target cluster: found by name, reached by the bootstrap string of its way to authenticate. */
function rememberTarget(migration: Migration, need: Need, msk: Msk, log: Log) {
  let kept:
    | { readonly cluster: KafkaCluster; readonly bootstrap: string; readonly until: number }
    | undefined;

  async function open(): Promise<KafkaCluster> {
    if (kept !== undefined && need.clock.now() < kept.until) return kept.cluster;
    const access = await targetAccess(migration, need.config, msk);
    const bootstrap = access.bootstrap.join(",");
    const until = need.clock.now() + targetKeptMs;
    if (kept?.bootstrap === bootstrap) {
      kept = { ...kept, until };
      return kept.cluster;
    }
    const cluster = createKafkaCluster({ role: "target", access, log, clock: need.clock });
    kept = { cluster, bootstrap, until };
    return cluster;
  }

  return { open, close: async () => await kept?.cluster.close() };
}

async function targetAccess({ settings }: Migration, config: Config, msk: Msk): Promise<ClusterAccess> {
  const { target } = settings;
  const cluster = await msk.findCluster(target.cluster);
  if (cluster === undefined) {
    throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${target.cluster} in ${target.region}.`);
  }
  if (!usable.has(cluster.state)) {
    throw new FerryError(
      "E_TARGET_ABSENT",
      `The MSK cluster ${target.cluster} is ${cluster.state}, not ACTIVE.`,
    );
  }
  const bootstrap = await msk.bootstrap(cluster.arn, target.auth, target.transit);
  if (bootstrap === undefined) {
    throw new FerryError("E_TARGET_ABSENT", `${target.cluster} offers no brokers for ${target.auth}.`);
  }
  return { bootstrap, ...authentication(target, config) };
}

function authentication(
  target: Migration["settings"]["target"],
  config: Config,
): Pick<ClusterAccess, "protocol" | "sasl"> {
  switch (target.auth) {
    case "iam":
      return { protocol: "SASL_SSL", sasl: { mechanism: "AWS_MSK_IAM", region: target.region } };
    case "scram": {
      const { scram } = target;
      if (scram === undefined) {
        throw new FerryError(
          "E_SETTINGS",
          "target.scram: not set; auth scram needs username and passwordEnv.",
        );
      }
      const password = config.secret(scram.passwordEnv);
      return {
        protocol: "SASL_SSL",
        sasl: { mechanism: "SCRAM-SHA-512", username: scram.username, password },
      };
    }
    case "tls":
      return { protocol: "SSL" };
    case "unauthenticated":
      return { protocol: target.transit === "tls" ? "SSL" : "PLAINTEXT" };
  }
}

async function sourceForApplications({ settings }: Migration, config: Config): Promise<ClusterAccess> {
  const { bootstrap, security, applications } = settings.source;
  return await config.access(applications?.bootstrap ?? bootstrap, applications?.security ?? security);
}

function withoutSecrets(access: ClusterAccess): ClusterAccess {
  if (access.sasl === undefined) return access;
  const { password: _, ...sasl } = access.sasl;
  return { ...access, sasl };
}
