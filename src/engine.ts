import { createConnectEngine } from "#adapters/connect/engine.ts";
import { appendRecords, type Draft } from "#adapters/kafka/append.ts";
import { openMirrorMaker } from "#adapters/mirrormaker/open.ts";
import { openReplicator } from "#adapters/msk-replicator-engine.ts";
import type { Config } from "#config";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import { aliases, mirrorClientId } from "#domain/mirror/flow.ts";
import type { Chat, Clock, KafkaCluster, Log, ReplicationEngine, Store } from "#domain/ports.ts";
import type { EngineName, Migration } from "#domain/settings.ts";

/** Opens what copies a migration's records: the engine of its settings, or the one before while it is being changed. */

export type EngineNeed = {
  readonly migration: Migration;
  readonly config: Config;
  readonly store: Store;
  readonly chat: Pick<Chat, "find" | "post" | "update">;
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly clock: Clock;
  readonly log: Log;
  /** What Java inherits, for mirrors that run as processes. */
  readonly environment: Readonly<Record<string, string | undefined>>;
};

export type OpenEngine = ReplicationEngine & { close(): Promise<void> };

/** `E_SETTINGS` when the engine has no section. */
export function openEngine(name: EngineName, need: EngineNeed): OpenEngine {
  switch (name) {
    case "connect":
      return openConnect(need);
    case "mirrormaker":
      return openOwnProcesses(need);
    case "replicator": {
      const section = need.migration.settings.replication.replicator;
      if (section === undefined) throw noSection("replicator");
      return { ...openReplicator(need, section), close: async () => undefined };
    }
  }
}

function openConnect({ migration, config, source, target, log, clock }: EngineNeed): OpenEngine {
  const { connect, exactlyOnce, offsetSyncs } = migration.settings.replication;
  if (connect === undefined) throw noSection("connect");
  const { url, username, passwordEnv, caFile } = connect;
  const auth =
    username !== undefined && passwordEnv !== undefined
      ? { username, password: config.secret(passwordEnv) }
      : undefined;
  const engine = createConnectEngine({
    url,
    ...(auth && { auth }),
    ...(caFile !== undefined && { ca: () => config.certificate("replication.connect.caFile", caFile) }),
    ...(offsetSyncs !== undefined && { offsetSyncs }),
    detectOffsetSyncs: () => offsetSyncsSide(source, log),
    clientId: mirrorClientId(migration.name),
    source: source.access,
    target: target.access,
    exactlyOnce,
    clusterIds: async () => ({
      source: (await source.describe()).clusterId,
      target: (await target.describe()).clusterId,
    }),
    log,
    clock,
  });
  return { ...engine, close: async () => undefined };
}

/**
 * The mirror writes to the source what MirrorMaker needs for its own translation, unless it may not: then to the target.
 * Found out by creating that topic as MirrorMaker would; the mirror logs in as the bot does.
 */
async function offsetSyncsSide(source: KafkaCluster, log: Log): Promise<"source" | "target"> {
  const configs = { "cleanup.policy": "compact" };
  try {
    await source.createTopics([{ name: offsetSyncsTopic, partitions: 1, replicationFactor: -1, configs }]);
    return "source";
  } catch (thrown) {
    const { code, retryable, message } = asFerryError(thrown);
    if (code === "E_KAFKA_AUTH") {
      log.info(
        { topic: offsetSyncsTopic, why: message },
        "the source is read-only: offset syncs go to the target",
      );
      return "target";
    }
    if (retryable) throw thrown;
    return "source";
  }
}

const offsetSyncsTopic = `mm2-offset-syncs.${aliases.target}.internal`;

function openOwnProcesses(need: EngineNeed): OpenEngine {
  const { name, settings } = need.migration;
  const { mirrormaker, exactlyOnce, offsetSyncs, flush } = settings.replication;
  if (mirrormaker === undefined) throw noSection("mirrormaker");
  const { patience, ...section } = mirrormaker;
  return openMirrorMaker({
    ...need,
    ...section,
    source: withAppend(need.source, need.clock),
    target: withAppend(need.target, need.clock),
    migration: name,
    exactlyOnce,
    offsetSyncs: async () => offsetSyncs ?? (await offsetSyncsSide(need.source, need.log)),
    flushMs: flush,
    tell: (flow, order, what) => tellPerson(flow, order, what, need),
    patienceMs: patience,
  });
}

/** In the channel: whoever ordered it, a command or a run, waits until a person has done it. */
async function tellPerson(
  flow: string,
  order: number,
  what: string | undefined,
  { migration, chat, log }: EngineNeed,
): Promise<void> {
  const { channel } = migration.settings;
  const subject = `${migration.name} · ${flow}`;
  const [doing = "", ...command] = (what ?? "").split(": ");
  const waiting: Message = {
    subject,
    tone: "waiting",
    parts: [
      {
        kind: "text",
        text: `${doing[0]?.toUpperCase() ?? ""}${doing.slice(1)}, on a machine that reaches both clusters:`,
      },
      { kind: "code", text: command.join(": ") },
    ],
  };
  const over: Message = { subject, tone: "done", parts: [{ kind: "text", text: "A person has done it." }] };
  const key = `mirror-waits:${flow}:${order}`;
  try {
    const posted = await chat.find(channel, key);
    if (posted !== undefined) await chat.update(posted, what === undefined ? over : waiting);
    else if (what !== undefined) await chat.post(channel, waiting, { key });
  } catch (thrown) {
    log.warn({ flow, error: asFerryError(thrown).message }, "what a person has to do could not be said");
  }
}

/** Mirrors that run as processes keep their state in topics, which are seeded by writing to them. */
export function withAppend(cluster: KafkaCluster, clock: Clock) {
  const append = (topic: string, drafts: readonly Draft[]) => appendRecords(cluster, clock, topic, drafts);
  return { ...cluster, append };
}

function noSection(name: EngineName): FerryError {
  return new FerryError("E_SETTINGS", `replication.${name}: not set; this migration's mirrors need it.`);
}
