import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { mirrorClientId } from "#domain/mirror/flow.ts";
import type { Clock, EngineCheck, KafkaCluster, Log, ReplicationEngine, Store } from "#domain/ports.ts";
import { isOlder } from "#domain/release.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { createMirrorMakerEngine, type MirrorMakerOptions, sideOf } from "./engine.ts";
import { createHandedOver } from "./handed-over.ts";
import { createKeeper } from "./keeper.ts";
import { createProcesses, type Processes, writeProperties } from "./processes.ts";
import { type MirrorSite, mirrorProperties } from "./properties.ts";
import { createRecords, type Ordered } from "./records.ts";
import { createStateReader, type Side } from "./state-topics.ts";

export type OpenOptions = {
  readonly migration: string;
  readonly run: "supervised" | "handed-over";
  /** The folder of a Kafka; without it a person knows where one is. */
  readonly home?: string | undefined;
  readonly folder: string;
  readonly java: string;
  readonly heap: string;
  /** What Java inherits: PATH and AWS's own variables, never the bot's secrets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly exactlyOnce: boolean;
  /** Where forward flows keep their offset syncs: "target" where the mirror may not write to the source. */
  readonly offsetSyncs: () => Promise<"source" | "target">;
  readonly flushMs: number;
  /** How long a person may take, ms; a process of the bot's own gets two minutes. */
  readonly patienceMs: number;
  /** This machine; its own name when absent. */
  readonly host?: string;
  /** Writes the file that is handed over and returns its path; below `folder` when absent. */
  readonly writeFile?: (flow: string, text: string) => Promise<string>;
  readonly tell?: MirrorMakerOptions["tell"];
  readonly store: Store;
  readonly source: MirrorCluster;
  readonly target: MirrorCluster;
  readonly clock: Clock;
  readonly log: Log;
};

/** With a way to write to the mirror's own topics. */
export type MirrorCluster = Side & Pick<KafkaCluster, "access">;

/** Of the bot's own processes: a busy machine takes half a minute to start a JVM. */
const ownPatienceMs = 120_000;

/** Dedicated MirrorMaker 2. `close` ends looking after the processes, which run on until they are stopped. */
export function openMirrorMaker(
  options: OpenOptions,
  processes: Processes = createProcesses({
    ...options,
    home: options.home ?? "",
    folder: resolve(options.folder),
  }),
): ReplicationEngine & { close(): Promise<void> } {
  const { run, home, store, source, target, clock, log } = options;
  const folder = resolve(options.folder);
  const records = createRecords(store, options.migration);
  const site: MirrorSite = {
    source: source.access,
    target: target.access,
    exactlyOnce: options.exactlyOnce,
    offsetSyncs: "source",
    replicationFactor: -1,
    flushMs: options.flushMs,
    clientId: mirrorClientId(options.migration),
  };
  const side = ({ flow }: Ordered) => sideOf(flow, options);
  let syncs: "source" | "target" | undefined;
  const properties = async ({ flow }: Ordered) => {
    syncs ??= await options.offsetSyncs();
    return mirrorProperties(flow, { ...site, offsetSyncs: syncs });
  };
  const shared = {
    tell: options.tell,
    records,
    reader: createStateReader(),
    source,
    target,
    site,
    clock,
    log,
  };
  if (run === "handed-over") {
    const { writeFile = (flow, text) => writeProperties(folder, flow, text) } = options;
    const runner = createHandedOver({ records, writeFile, home, properties, side, clock });
    const check = async () => ({
      version: "handed over",
      exactlyOnce: options.exactlyOnce,
      problems: doublings(options),
    });
    const engine = createMirrorMakerEngine({ ...shared, runner, check, patienceMs: options.patienceMs });
    return { ...engine, close: () => runner.close() };
  }
  const { host = hostname() } = options;
  const owner = `${host}:${randomUUID()}`;
  const runner = createKeeper({ store, records, processes, properties, side, host, owner, clock, log });
  const check = () => checkInstallation(processes, [source.access, target.access], options);
  const engine = createMirrorMakerEngine({ ...shared, runner, check, patienceMs: ownPatienceMs });
  return { ...engine, close: () => runner.close() };
}

async function checkInstallation(
  processes: Processes,
  access: readonly ClusterAccess[],
  options: Pick<OpenOptions, "exactlyOnce" | "flushMs">,
): Promise<EngineCheck> {
  const version = await processes.version();
  const problems = [...doublings(options)];
  if (isOlder(version, [3, 9, 2])) problems.push(`MirrorMaker is ${version}; 3.9.2 or newer is needed.`);
  const iam = access.some(({ sasl }) => sasl?.mechanism === "AWS_MSK_IAM");
  if (iam && !(await processes.hasIam())) {
    problems.push("There is no aws-msk-iam-auth among the jars of replication.mirrormaker.home.");
  }
  return { version, exactlyOnce: options.exactlyOnce, problems };
}

/** What a crash doubles where exactly-once is off. */
function doublings({
  exactlyOnce,
  flushMs,
}: Pick<OpenOptions, "exactlyOnce" | "flushMs">): readonly string[] {
  if (exactlyOnce) return [];
  return [
    `replication.exactlyOnce is false: a process that is killed copies again what it had copied since its last offset flush, up to ${flushMs / 1000} s (replication.flush). A stop or pause doubles nothing.`,
  ];
}
