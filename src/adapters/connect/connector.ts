import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { firstTrace } from "#domain/mirror/flow.ts";
import { atHome, type ConnectorConfig, offsetsTopicKey } from "#domain/mirror/mirror-config.ts";
import type { Clock, FlowState, FlowStatus, Log } from "#domain/ports.ts";
import { Nothing, type Rest } from "./rest.ts";
import { absent, Config, ConnectorStatus, flowStatus } from "./status.ts";

/** One connector's life: each order waits until Connect shows that it was carried out. */

export type Desk = {
  readonly rest: Rest;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a connector may take to reach a state. */
  readonly patienceMs: number;
};

const pollMs = 100;
/** Old task states outlive a restart request by so much. */
export const staleFailureMs = 5_000;

export async function status({ rest }: Desk, name: string): Promise<FlowStatus> {
  const [config, state] = await Promise.all([
    rest.call("GET", `${path(name)}/config`, Config),
    rest.call("GET", `${path(name)}/status`, ConnectorStatus),
  ]);
  if (config === undefined) return absent(name);
  // Created, and no worker has reported yet.
  if (state === undefined) return { ...flowStatus(config, blank(name)), state: "starting" };
  return flowStatus(config, state);
}

/** A failed task ends the wait for "running", once `graceMs` have passed. */
export async function reach(desk: Desk, name: string, wanted: FlowState, graceMs = 0): Promise<void> {
  const began = desk.clock.now();
  for (;;) {
    const now = await status(desk, name);
    if (now.state === wanted) return;
    const waited = desk.clock.now() - began;
    if (now.state === "failed" && wanted === "running" && waited >= graceMs) throw taskFailed(now);
    if (waited > desk.patienceMs) {
      const state = inWords(now);
      throw new FerryError("E_CONNECT", `${name} is ${state} and not ${wanted} after ${seconds(waited)}.`);
    }
    await desk.clock.sleep(pollMs);
  }
}

export async function start(desk: Desk, name: string, graceMs = 0): Promise<void> {
  await order(desk, name, "PUT", "resume");
  await reach(desk, name, "running", graceMs);
}

/**
 * A stopped connector is left alone. Stopping it once more would break it where an earlier one of its name has lived and
 * it has not run yet: with exactly-once, Connect 3.9.2 then answers every change of offsets with a NullPointerException
 * (`taskConfigGeneration`).
 */
export async function stop(desk: Desk, name: string): Promise<void> {
  if ((await status(desk, name)).state === "stopped") return;
  await order(desk, name, "PUT", "stop");
  await reach(desk, name, "stopped");
}

export async function pause(desk: Desk, name: string): Promise<void> {
  await order(desk, name, "PUT", "pause");
  await reach(desk, name, "paused");
}

export async function restartFailed(desk: Desk, name: string): Promise<void> {
  await order(desk, name, "POST", "restart?includeTasks=true&onlyFailed=true");
  await reach(desk, name, "running", staleFailureMs);
}

/** Offsets go first: Connect keeps them for ever, and a connector of the same name would go on from there. */
export async function remove(desk: Desk, name: string): Promise<void> {
  const config = await configOf(desk, name);
  if (config === undefined) return;
  await stop(desk, name);
  desk.log.info({ flow: name }, "removing connector");
  if (config[offsetsTopicKey] !== undefined) {
    await desk.rest.call("PUT", `${path(name)}/config`, Nothing, atHome(config));
  }
  await desk.rest.call("DELETE", `${path(name)}/offsets`, Nothing);
  await desk.rest.call("DELETE", path(name), Nothing);
  await reach(desk, name, "absent");
}

const Tasks = z.array(z.object({ config: z.object({ "task.assigned.partitions": z.string().optional() }) }));

/** Waits until the tasks have taken up all of these topics; a running mirror may silently have left some out. */
export async function reachTopics(desk: Desk, name: string, topics: readonly string[]): Promise<void> {
  const began = desk.clock.now();
  for (;;) {
    const tasks = (await desk.rest.call("GET", `${path(name)}/tasks`, Tasks)) ?? [];
    const taken = new Set(tasks.flatMap(({ config }) => assigned(config["task.assigned.partitions"])));
    const missing = topics.filter((topic) => !taken.has(topic));
    if (missing.length === 0) return;
    const waited = desk.clock.now() - began;
    if (waited > desk.patienceMs) {
      const left = missing.slice(0, 5).join(", ");
      throw new FerryError("E_CONNECT", `${name} runs without ${missing.length} of its topics: ${left}.`);
    }
    await desk.clock.sleep(pollMs);
  }
}

/** Topics of "orders-0,orders-1,device-events-3". */
function assigned(list: string | undefined): readonly string[] {
  return (list ?? "").split(",").map((entry) => entry.slice(0, Math.max(0, entry.lastIndexOf("-"))));
}

export async function configOf({ rest }: Desk, name: string): Promise<ConnectorConfig | undefined> {
  return rest.call("GET", `${path(name)}/config`, Config);
}

export function path(name: string): string {
  return `/connectors/${encodeURIComponent(name)}`;
}

export function unknownFlow(name: string): FerryError {
  return new FerryError("E_CONNECT", `Connect knows no connector ${name}.`);
}

export function inWords({ state, tasks }: FlowStatus): string {
  if (tasks.length === 0) return `${state} without tasks`;
  return `${state} (tasks ${tasks.map((task) => task.state).join(", ")})`;
}

async function order(desk: Desk, name: string, method: "PUT" | "POST", verb: string): Promise<void> {
  if ((await configOf(desk, name)) === undefined) throw unknownFlow(name);
  desk.log.info({ flow: name, verb }, "ordering connector");
  await desk.rest.call(method, `${path(name)}/${verb}`, Nothing);
}

function blank(name: string): ConnectorStatus {
  return { name, connector: { state: "UNASSIGNED", worker_id: "" }, tasks: [] };
}

function taskFailed(status: FlowStatus): FerryError {
  const failed = status.tasks.filter(({ state }) => state === "FAILED");
  const which = failed.map(({ id }) => (id === -1 ? "the connector" : `task ${id}`)).join(", ");
  return new FerryError("E_TASK_FAILED", `${status.name}: ${which} failed: ${firstTrace(status)}`);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
