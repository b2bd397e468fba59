import { FerryError } from "#domain/errors.ts";
import type { ReplicationEngine } from "#domain/ports.ts";
import type { ReplicatorSettings } from "#domain/replicator-settings.ts";
import type { Migration } from "#domain/settings.ts";
import { createMsk } from "./msk.ts";
import { createReplicatorApi } from "./msk-replicator.ts";
import { createReplicatorMetrics } from "./msk-replicator-metrics.ts";
import { createReplicatorEngine, type ReplicatorOptions } from "./replicator/engine.ts";

type Need = Pick<ReplicatorOptions, "source" | "target" | "store" | "clock" | "log"> & {
  readonly migration: Migration;
};

/** The engine of a migration's settings. The target is looked up in MSK by its name whenever its ARN is needed. */
export function openReplicator(need: Need, section: ReplicatorSettings): ReplicationEngine {
  const { source, target } = need.migration.settings;
  const { region, subnets, securityGroups } = target;
  const msk = createMsk({ region, log: need.log });
  return createReplicatorEngine({
    ...need,
    migration: need.migration.name,
    api: createReplicatorApi({ region, log: need.log }),
    metrics: createReplicatorMetrics({ region, log: need.log, clock: need.clock }),
    settings: section,
    security: source.security,
    subnets,
    securityGroups,
    async cluster() {
      const found = await msk.findCluster(target.cluster);
      if (found !== undefined) return found;
      throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${target.cluster} in ${region}.`);
    },
  });
}
