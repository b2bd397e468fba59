import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { createCheckpoints } from "#domain/mirror/checkpoints.ts";
import { checkShape, firstDifference, Offsets, toPatch, toTable } from "#domain/mirror/copied-offsets.ts";
import { aliases } from "#domain/mirror/flow.ts";
import {
  type ConnectorConfig,
  connectorConfig,
  offsetsTopicKey,
  type Site,
} from "#domain/mirror/mirror-config.ts";
import type { Clock, Flow, FlowStatus, Log, ReplicationEngine } from "#domain/ports.ts";
import type { ClusterAccess, OffsetTable } from "#domain/topology.ts";
import {
  configOf,
  type Desk,
  inWords,
  path,
  pause,
  reach,
  reachTopics,
  remove,
  restartFailed,
  staleFailureMs,
  start,
  status,
  stop,
  unknownFlow,
} from "./connector.ts";
import { createRest, Nothing } from "./rest.ts";
import { Config, ConnectorStatus, flowStatus } from "./status.ts";
import { createTrustingFetch } from "./trusting-fetch.ts";
import { allowsExactlyOnce, checkWorker, readWorker } from "./worker.ts";

export type ConnectOptions = {
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** PEM of the authority that signed the REST API's certificate; the public ones when absent. */
  readonly ca?: () => Promise<string>;
  readonly source: ClusterAccess;
  readonly target: ClusterAccess;
  /** False: plain at-least-once copying is wanted even where the workers could do better. */
  readonly exactlyOnce: boolean;
  /**
   * Ids of both clusters, to tell on which of them the Connect workers live. Without it every connector names the
   * cluster it writes to, which is as safe and leaves one more topic there.
   */
  readonly clusterIds?: () => Promise<{ readonly source: string; readonly target: string }>;
  /** Where forward flows keep their offset syncs: "target" where the mirror may not write to the source. */
  readonly offsetSyncs?: Side;
  /** Asked once, for flows that are new, where that is not settled. Without either it is the source, MirrorMaker's default. */
  readonly detectOffsetSyncs?: () => Promise<Side>;
  /** What brokers know the producers of forward flows by: what a client quota holds to. */
  readonly clientId?: string;
  /** Of MirrorMaker's own topics; default -1, the cluster's own. */
  readonly replicationFactor?: number;
  /** How long a connector may take to reach a state. Default 2 min: a large Connect cluster rebalances first. */
  readonly patienceMs?: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
};

type Side = "source" | "target";

const Listing = z.record(
  z.string(),
  z.object({ info: z.object({ config: Config }), status: ConnectorStatus }),
);

/** MirrorMaker 2 as connectors on a Kafka Connect cluster, through its REST API. Facts: Kafka 3.9.2. */
export function createConnectEngine(options: ConnectOptions): ReplicationEngine {
  const desk: Desk = {
    rest: createRest({
      ...options,
      ...(options.ca && { fetch: createTrustingFetch(options.ca) }),
      secrets: secretsOf(options),
    }),
    clock: options.clock,
    log: options.log,
    patienceMs: options.patienceMs ?? 120_000,
  };
  const checkpoints = createCheckpoints();
  const detect = once(options.detectOffsetSyncs ?? (async () => "source" as const));
  return {
    check: () => checkWorker(desk.rest, [options.source, options.target], options.exactlyOnce),
    list: (prefix) => list(desk, prefix),
    status: (name) => status(desk, name),
    define: async (flow, state) => define(desk, flow, await readSite(desk, options, flow, detect), state),
    start: (name) => start(desk, name),
    pause: (name) => pause(desk, name),
    stop: (name) => stop(desk, name),
    restartFailed: (name) => restartFailed(desk, name),
    copied: (name) => copied(desk, name),
    seed: (name, wanted) => seed(desk, name, wanted),
    ownSync: async (name, target) => checkpoints(await configOf(desk, name), target),
    remove: (name) => remove(desk, name),
  };
}

async function list(desk: Desk, prefix: string): Promise<readonly FlowStatus[]> {
  const listing = (await desk.rest.call("GET", "/connectors?expand=info&expand=status", Listing)) ?? {};
  return Object.entries(listing)
    .filter(([name]) => name.startsWith(prefix))
    .map(([, { info, status }]) => flowStatus(info.config, status))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** What cannot be found out is asked again the next time. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

async function readSite(
  desk: Desk,
  options: ConnectOptions,
  flow: Flow,
  detect: () => Promise<Side>,
): Promise<Site> {
  const { rest } = desk;
  const ids = await options.clusterIds?.();
  const { clusterId } = await readWorker(rest);
  const sides = ["target", "source"] as const;
  return {
    source: options.source,
    target: options.target,
    home: sides.find((side) => ids?.[side] === clusterId) ?? "elsewhere",
    // A worker that can do exactly-once runs all its source connectors so; what is left to choose is to insist.
    exactlyOnce: await allowsExactlyOnce(rest),
    offsetSyncs: options.offsetSyncs ?? (await offsetSyncsOf(desk, flow)) ?? (await detect()),
    replicationFactor: options.replicationFactor ?? -1,
    life: options.clock.now().toString(36),
    ...(options.clientId === undefined ? {} : { clientId: options.clientId }),
  };
}

/** Where an existing flow keeps them: elsewhere it would begin without any. */
async function offsetSyncsOf(desk: Desk, { name }: Flow): Promise<Side | undefined> {
  const location = (await configOf(desk, name))?.["offset-syncs.topic.location"];
  return location === "source" || location === "target" ? location : undefined;
}

async function define(desk: Desk, flow: Flow, site: Site, state: "stopped" | "running"): Promise<void> {
  const existing = await configOf(desk, flow.name);
  const config = { ...connectorConfig(flow, site), ...offsetsTopicOf(existing) };
  if (existing === undefined) await create(desk, flow, config, state);
  else await redefine(desk, flow, existing, config, state);
  if (state === "stopped" || flow.kind === "checkpoint") return;
  await reachTopics(desk, flow.name, flow.topics);
}

async function create(
  desk: Desk,
  flow: Flow,
  config: ConnectorConfig,
  state: "stopped" | "running",
): Promise<void> {
  desk.log.info(
    { flow: flow.name, state, topics: flow.topics.length, tasks: flow.tasks },
    "creating connector",
  );
  const body = { name: flow.name, config, initial_state: state.toUpperCase() };
  await desk.rest.call("POST", "/connectors", Nothing, body);
  await reach(desk, flow.name, state);
}

/** An unchanged definition is not sent: Connect would restart its tasks. */
async function redefine(
  desk: Desk,
  flow: Flow,
  existing: ConnectorConfig,
  config: ConnectorConfig,
  state: "stopped" | "running",
): Promise<void> {
  const now = await status(desk, flow.name);
  const changed = !sameConfig(existing, config);
  // Stopped first: a changed definition must not run for a moment.
  if (state === "stopped" && now.state !== "stopped") await stop(desk, flow.name);
  if (changed) {
    desk.log.info({ flow: flow.name, topics: flow.topics.length, tasks: flow.tasks }, "changing connector");
    await desk.rest.call("PUT", `${path(flow.name)}/config`, Nothing, config);
  }
  if (state === "stopped") return reach(desk, flow.name, "stopped");
  if (!changed && now.state === "running") return;
  return start(desk, flow.name, changed ? staleFailureMs : 0);
}

async function copied(desk: Desk, name: string): Promise<OffsetTable> {
  const config = await configOf(desk, name);
  const answer = await desk.rest.call("GET", `${path(name)}/offsets`, Offsets);
  if (config === undefined || answer === undefined) throw unknownFlow(name);
  return toTable(answer, aliasOf(config));
}

async function seed(desk: Desk, name: string, wanted: OffsetTable): Promise<void> {
  const config = await configOf(desk, name);
  if (config === undefined) throw unknownFlow(name);
  const now = await status(desk, name);
  checkShape(name, wanted, now.topics);
  if (now.state !== "stopped") {
    const state = inWords(now);
    throw new FerryError(
      "E_CONNECT",
      `${name} is ${state}; its offsets can be set only while it is stopped.`,
    );
  }
  const patch = toPatch(aliasOf(config), wanted, await copied(desk, name));
  if (patch.offsets.length === 0) return;
  checkResets(name, config, patch);
  desk.log.info({ flow: name, partitions: patch.offsets.length }, "seeding copied offsets");
  await desk.rest.call("PATCH", `${path(name)}/offsets`, Nothing, patch);
  // Connect answers 200 to a partition that does not exist, too.
  const difference = firstDifference(wanted, await copied(desk, name));
  if (difference === undefined) return;
  throw new FerryError("E_CONNECT", `${name}: offsets were set and read back differently: ${difference}.`);
}

/** See `atHome`: such an offset can be changed, but not taken away. */
function checkResets(name: string, config: ConnectorConfig, patch: Offsets): void {
  const resets = patch.offsets.filter(({ offset }) => offset === null).length;
  if (resets === 0 || config[offsetsTopicKey] === undefined) return;
  throw new FerryError(
    "E_CONNECT",
    `${name}: ${resets} offsets would have to be unset; remove and define it anew.`,
  );
}

function aliasOf(config: ConnectorConfig): string {
  return config["source.cluster.alias"] ?? aliases.source;
}

/** An existing connector keeps its offsets where they are. */
function offsetsTopicOf(existing: ConnectorConfig | undefined): ConnectorConfig {
  const topic = existing?.[offsetsTopicKey];
  return topic === undefined ? {} : { [offsetsTopicKey]: topic };
}

function sameConfig(a: ConnectorConfig, b: ConnectorConfig): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => a[key] === b[key]);
}

/** Also as they stand inside a JAAS configuration, where quotes and backslashes are escaped. */
function secretsOf({ source, target, auth, url }: ConnectOptions): readonly string[] {
  const plain = [source.sasl?.password, target.sasl?.password, auth?.password, new URL(url).password];
  const given = plain.filter((secret) => secret !== undefined);
  return [...given, ...given.map((secret) => secret.replaceAll("\\", "\\\\").replaceAll('"', '\\"'))];
}
