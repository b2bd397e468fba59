import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { installKafka, jvmArguments, propertiesText } from "./jvm.ts";
import { seconds } from "./maven.ts";
import { freePort, type Log, type Service, startService } from "./process.ts";

export interface ConnectOptions {
  /** Address of the cluster Connect keeps its own topics on, and writes to by default. */
  readonly bootstrap: string;
  readonly runFolder: string;
  readonly exactlyOnce: boolean;
  readonly log: Log;
  /** Workers of one name form one Connect cluster; its topics carry the name too. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

export interface Connect extends Service {
  readonly url: string;
  readonly version: string;
  readonly offsetTopic: string;
  readonly logFile: string;
}

const WorkerInfo = z.object({ version: z.string() });
const readyDeadlineMs = 120_000;
const bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";

/** Starts a distributed Connect worker with MirrorMaker 2 on its class path. */
export async function startConnect(options: ConnectOptions): Promise<Connect> {
  const { bootstrap, runFolder, exactlyOnce, log, name = "connect", signal } = options;
  const library = await installKafka("3.9", log);
  const started = Date.now();
  const folder = join(runFolder, name);
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const properties = join(folder, "worker.properties");
  const offsetTopic = `${name}-offsets`;
  await writeFile(properties, propertiesText(workerProperties({ bootstrap, name, port, exactlyOnce })));
  const logFile = join(runFolder, `${name}.log`);
  const service = await startService({
    name: `Connect ${name}`,
    command: "java",
    args: [...jvmArguments(library), "org.apache.kafka.connect.cli.ConnectDistributed", properties],
    cwd: folder,
    logFile,
    ready: async () => await answers(url),
    readyDeadlineMs,
    ...(signal ? { signal } : {}),
  });
  const { version } = WorkerInfo.parse(await (await fetch(url)).json());
  log(`Connect ${version} ready in ${seconds(started)}`);
  return { ...service, url, version, offsetTopic, logFile };
}

/** The list of connectors is answered only by a worker that has joined its group and read its topics. */
async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/connectors`, { signal: AbortSignal.timeout(5000) });
  await response.arrayBuffer();
  return response.ok;
}

interface Worker {
  readonly bootstrap: string;
  readonly name: string;
  readonly port: number;
  readonly exactlyOnce: boolean;
}

function workerProperties({
  bootstrap,
  name,
  port,
  exactlyOnce,
}: Worker): Record<string, string | number | boolean> {
  return {
    "bootstrap.servers": bootstrap,
    "group.id": name,
    listeners: `HTTP://127.0.0.1:${port}`,
    "rest.advertised.host.name": "127.0.0.1",
    "key.converter": bytes,
    "value.converter": bytes,
    "header.converter": bytes,
    "offset.storage.topic": `${name}-offsets`,
    "offset.storage.replication.factor": 1,
    "offset.storage.partitions": 3,
    "config.storage.topic": `${name}-configs`,
    "config.storage.replication.factor": 1,
    "status.storage.topic": `${name}-status`,
    "status.storage.replication.factor": 1,
    "status.storage.partitions": 1,
    "exactly.once.source.support": exactlyOnce ? "enabled" : "disabled",
    "connector.client.config.override.policy": "All",
    "topic.creation.enable": false,
    // A killed worker's tasks come back at once, and offsets are on disk within a second.
    "scheduled.rebalance.max.delay.ms": 0,
    "offset.flush.interval.ms": 1000,
    "plugin.discovery": "service_load",
  };
}
