import { createConnectEngine } from "#adapters/connect/engine.ts";
import type { Config } from "#config";
import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster, Log, ReplicationEngine, Store } from "#domain/ports.ts";
import type { EngineName, Migration } from "#domain/settings.ts";

/** Opens what copies a migration's records: the engine of its settings, or the one before while it is being changed. */

export type EngineNeed = {
  readonly migration: Migration;
  readonly config: Config;
  readonly store: Store;
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly clock: Clock;
  readonly log: Log;
};

export type OpenEngine = ReplicationEngine & { close(): Promise<void> };

/** `E_SETTINGS` when the engine has no section. */
export function openEngine(name: EngineName, need: EngineNeed): OpenEngine {
  switch (name) {
    case "connect":
      return openConnect(need);
    case "mirrormaker":
      throw new FerryError("E_SETTINGS", "replication.engine: mirrormaker is not there yet.");
  }
}

function openConnect({ migration, config, source, target, log, clock }: EngineNeed): OpenEngine {
  const { connect, exactlyOnce } = migration.settings.replication;
  if (connect === undefined) throw noSection("connect");
  const { url, username, passwordEnv } = connect;
  const auth =
    username !== undefined && passwordEnv !== undefined
      ? { username, password: config.secret(passwordEnv) }
      : undefined;
  const engine = createConnectEngine({
    url,
    ...(auth && { auth }),
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

function noSection(name: EngineName): FerryError {
  return new FerryError("E_SETTINGS", `replication.${name}: not set; this migration's mirrors need it.`);
}
