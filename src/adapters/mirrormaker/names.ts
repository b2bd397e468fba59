import { aliases } from "#domain/mirror/flow.ts";
import type { Flow, FlowKind } from "#domain/ports.ts";

/** What a mirror's process calls itself and its topics. */

/**
 * Topics in which the process of a flow keeps its state, on the cluster it writes to. Each flow has its own: processes
 * that shared them would be workers of one Connect cluster and would take over each other's connectors.
 */
export function workerTopics(flow: string) {
  return {
    offsets: `mm2-offsets.${flow}.internal`,
    configs: `mm2-configs.${flow}.internal`,
    statuses: `mm2-status.${flow}.internal`,
  } as const;
}

export const connectors = [
  "MirrorSourceConnector",
  "MirrorCheckpointConnector",
  "MirrorHeartbeatConnector",
] as const;

/** Dedicated MirrorMaker names its connectors after their classes. */
export function connectorOf(kind: FlowKind): string {
  return kind === "checkpoint" ? "MirrorCheckpointConnector" : "MirrorSourceConnector";
}

/** Aliases of the cluster that a flow reads and of the one it writes to. */
export function ends({ kind }: Pick<Flow, "kind">): { readonly from: string; readonly to: string } {
  return kind === "reverse"
    ? { from: aliases.target, to: aliases.source }
    : { from: aliases.source, to: aliases.target };
}
