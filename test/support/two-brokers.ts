import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installKafka, jvmArguments, propertiesText, runJava } from "#lab/jvm.ts";
import { freePort, type Service, startService } from "#lab/process.ts";
import { unique } from "./unique.ts";

/** A cluster of two brokers, the first of them its controller: the second may be killed, and its leaders move. */
export type TwoBrokers = {
  readonly bootstrap: readonly string[];
  /** Node 2. */
  readonly second: Pick<Service, "kill">;
  close(): Promise<void>;
};

type Ports = { readonly controller: number; readonly clients: readonly [first: number, second: number] };

export async function startTwoBrokers(): Promise<TwoBrokers> {
  const library = await installKafka("3.9", () => undefined);
  const folder = await mkdtemp(join(tmpdir(), "ferry-two-"));
  const ports: Ports = { controller: await freePort(), clients: [await freePort(), await freePort()] };
  const clusterId = unique("two-brokers").padEnd(22, "A").slice(0, 22);

  async function start(node: 1 | 2): Promise<Service> {
    const own = join(folder, `${node}`);
    const properties = `${own}.properties`;
    await writeFile(properties, propertiesText(settings(node, own, ports)));
    await runJava(library, ["kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties]);
    return await startService({
      name: `Kafka, broker ${node} of 2`,
      command: "java",
      args: [...jvmArguments(library), "kafka.Kafka", properties],
      cwd: folder,
      logFile: `${own}.log`,
      ready: (output) => output.includes("Kafka Server started"),
      readyDeadlineMs: 120_000,
    });
  }

  const [first, second] = await Promise.all([start(1), start(2)]);
  return {
    bootstrap: ports.clients.map((port) => `127.0.0.1:${port}`),
    second,
    async close() {
      await second.stop(1_000);
      await first.stop(1_000);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function settings(node: 1 | 2, folder: string, { controller, clients }: Ports) {
  const isController = node === 1;
  const client = `PLAINTEXT://127.0.0.1:${clients[node - 1]}`;
  return {
    "process.roles": isController ? "broker,controller" : "broker",
    "node.id": node,
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    listeners: isController ? `${client},CONTROLLER://127.0.0.1:${controller}` : client,
    "advertised.listeners": client,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": join(folder, "data"),
    "auto.create.topics.enable": false,
    "default.replication.factor": 2,
    "offsets.topic.replication.factor": 2,
    "offsets.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    // A killed broker's leaders move when its session has run out; a slow one on a busy machine keeps them.
    "broker.session.timeout.ms": 6_000,
    "broker.heartbeat.interval.ms": 1_000,
    "log.cleaner.dedupe.buffer.size": 2_097_152,
  };
}
