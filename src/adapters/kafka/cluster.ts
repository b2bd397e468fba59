import type { Clock, KafkaCluster, Log } from "#domain/ports.ts";
import type { ClusterAccess, ClusterDescription } from "#domain/topology.ts";
import { createAcls } from "./acls.ts";
import { createCommits } from "./commits.ts";
import { createConfigs } from "./configs.ts";
import { createConnections } from "./connection.ts";
import { createCoordinators } from "./coordinators.ts";
import type { Role } from "./errors.ts";
import { createGroups } from "./groups.ts";
import { createInventory } from "./inventory.ts";
import { createLogSizes } from "./log-sizes.ts";
import { createMetadata } from "./metadata.ts";
import { createOffsets } from "./offsets.ts";
import { createProducers } from "./producers.ts";
import { createQuotas } from "./quotas.ts";
import { createRecords } from "./records.ts";
import { releaseOf } from "./release.ts";
import { createRights } from "./rights.ts";
import { createSweep } from "./sweep.ts";
import { createTopicsAdmin } from "./topics.ts";
import { createTransactions } from "./transactions.ts";
import { createWriters } from "./writers.ts";

/**
 * One Kafka cluster, 0.11 to 4.x. Connects at the first call. `read` is read-committed unless told otherwise.
 * A cluster that does not answer fails with `E_SOURCE_UNREACHABLE` or `E_TARGET_UNREACHABLE` after about ten
 * seconds; `E_KAFKA_AUTH`, `E_UNKNOWN_TOPIC`, `E_GROUP_ALIVE`, `E_INCOMPLETE` and `E_KAFKA` as their names say.
 */
export function createKafkaCluster({
  role,
  access,
  log,
  clock,
  clientId = "msk-ferry",
}: {
  readonly role: Role;
  readonly access: ClusterAccess;
  readonly log: Log;
  readonly clock: Clock;
  readonly clientId?: string;
}): KafkaCluster {
  const connections = createConnections({ role, access, log, clock, clientId });
  const metadata = createMetadata(role, connections, clock);
  const coordinators = createCoordinators(role, metadata, clock);
  const groups = createGroups(role, metadata, coordinators, clock);
  const offsets = createOffsets(role, metadata, clock);
  const commits = createCommits(role, metadata, coordinators, groups);

  async function describe(): Promise<ClusterDescription> {
    const { clusterId, controller, brokers } = await metadata.view();
    const { versions } = await metadata.any();
    return {
      clusterId: clusterId ?? "",
      controller,
      brokers: [...brokers.values()].sort((a, b) => a.id - b.id),
      version: releaseOf(versions),
    };
  }

  return {
    role,
    access,
    describe,
    listTopics: metadata.all,
    ...createConfigs(role, metadata, clock),
    ...createLogSizes(role, metadata, clock),
    ...createTopicsAdmin(role, metadata, clock),
    offsets: offsets.offsets,
    offsetAt: offsets.offsetAt,
    listGroups: groups.listGroups,
    describeGroups: (ids) => groups.describeGroups(ids),
    committed: (ids) => commits.committed(ids),
    commit: commits.commit,
    ...createSweep({ metadata, offsets, commits, groups }),
    ...createRecords(role, metadata, clock),
    ...createWriters(role, metadata, clock),
    ...createProducers(role, metadata, clock),
    ...createTransactions(role, metadata, clock),
    ...createAcls(role, metadata, clock),
    ...createQuotas(role, metadata, clock),
    ...createInventory({ role, metadata, coordinators, offsets, clock }),
    ...createRights(role, metadata),
    close: connections.close,
  };
}
