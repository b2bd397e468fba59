import { createConnectEngine } from "#adapters/connect/engine.ts";
import type { ReplicationEngine } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import type { ProvidedClusters } from "./lab-for-tests.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";

type RealEngine = {
  /** Default: as anybody over PLAINTEXT. */
  readonly source?: ClusterAccess;
  readonly target?: ClusterAccess;
  readonly exactlyOnce?: boolean;
  readonly patienceMs?: number;
  readonly clientId?: string;
};

/** MirrorMaker 2 on the lab's Connect workers, between the lab's clusters. */
export function realEngine(clusters: ProvidedClusters, how: RealEngine = {}): ReplicationEngine {
  const { source, target, connect } = clusters;
  return createConnectEngine({
    url: connect.url,
    source: how.source ?? plainAccess(source.bootstrap),
    target: how.target ?? plainAccess(target.bootstrap),
    exactlyOnce: how.exactlyOnce ?? true,
    clusterIds: async () => ({ source: source.clusterId, target: target.clusterId }),
    patienceMs: how.patienceMs ?? 60_000,
    ...(how.clientId === undefined ? {} : { clientId: how.clientId }),
    log: createQuietLog(),
    clock: realClock,
  });
}

export function plainAccess(bootstrap: string): ClusterAccess {
  return { bootstrap: [bootstrap], protocol: "PLAINTEXT" };
}
