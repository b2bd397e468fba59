import type { InventoryReads } from "#domain/inventory.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { createBrokerConfigs } from "./broker-configs.ts";
import type { Coordinators } from "./coordinators.ts";
import { createDisks } from "./disks.ts";
import type { Role } from "./errors.ts";
import { createFeatures } from "./features.ts";
import { createLastCommits } from "./last-commits.ts";
import type { Metadata } from "./metadata.ts";
import { createOldest } from "./oldest.ts";
import { createSamples } from "./samples.ts";
import { createScram } from "./scram.ts";
import { createShareGroups } from "./share-groups.ts";

/** What only an assessment asks of a cluster; quotas are with the others. */
export function createInventory({
  role,
  metadata,
  coordinators,
  offsets,
  clock,
}: {
  readonly role: Role;
  readonly metadata: Metadata;
  readonly coordinators: Coordinators;
  readonly offsets: Pick<KafkaCluster, "offsets">;
  readonly clock: Clock;
}): Omit<InventoryReads, "quotas"> {
  return {
    ...createFeatures(role, metadata),
    ...createBrokerConfigs(role, metadata, clock),
    ...createOldest(role, metadata, clock),
    ...createSamples(role, metadata, clock),
    ...createShareGroups(role, metadata, coordinators),
    ...createLastCommits(role, metadata, offsets, clock),
    ...createScram(role, metadata),
    ...createDisks(role, metadata, clock),
  };
}
