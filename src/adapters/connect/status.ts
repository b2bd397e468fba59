import { z } from "zod";
import { type ConnectorConfig, kindOf, literals } from "#domain/mirror/mirror-config.ts";
import type { FlowState, FlowStatus } from "#domain/ports.ts";

/** What Connect says about one connector, in the words of the port. */

export const ConnectorStatus = z.object({
  name: z.string(),
  connector: z.object({ state: z.string(), worker_id: z.string(), trace: z.string().optional() }),
  tasks: z.array(
    z.object({ id: z.number(), state: z.string(), worker_id: z.string(), trace: z.string().optional() }),
  ),
});
export type ConnectorStatus = z.infer<typeof ConnectorStatus>;

export const Config = z.record(z.string(), z.string());

export function absent(name: string): FlowStatus {
  return { name, state: "absent", kind: undefined, topics: [], tasks: [] };
}

/** A connector that itself failed is shown as task -1, so that its trace is not lost. */
export function flowStatus(config: ConnectorConfig, status: ConnectorStatus): FlowStatus {
  const kind = kindOf(config);
  const connectorItself = status.connector.state === "FAILED" ? [{ id: -1, ...status.connector }] : [];
  return {
    name: status.name,
    state: flowState(status, kind === "checkpoint"),
    kind,
    topics: literals(config["topics"]),
    tasks: [...connectorItself, ...status.tasks].map(({ id, state, worker_id, trace }) => ({
      id,
      state,
      worker: worker_id,
      ...(trace === undefined ? {} : { trace }),
    })),
  };
}

/** "starting" is every state on the way to another one. A checkpoint connector may rightly have no task. */
function flowState({ connector, tasks }: ConnectorStatus, mayIdle: boolean): FlowState {
  if (connector.state === "FAILED" || tasks.some(({ state }) => state === "FAILED")) return "failed";
  if (connector.state === "STOPPED") return tasks.length === 0 ? "stopped" : "starting";
  if (connector.state === "PAUSED")
    return tasks.every(({ state }) => state === "PAUSED") ? "paused" : "starting";
  const settled = tasks.length > 0 || mayIdle;
  const running = connector.state === "RUNNING" && settled && tasks.every(({ state }) => state === "RUNNING");
  return running ? "running" : "starting";
}
