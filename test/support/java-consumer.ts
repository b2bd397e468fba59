import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installKafka, jvmArguments } from "#lab/jvm.ts";
import { startProcess } from "#lab/process.ts";

/** How a consumer joins its group. `consumer`: the protocol of KIP-848. */
export type Membership = { readonly type: "classic" | "consumer"; readonly instanceId: string };

/** Kafka's console consumer, which can do what KafkaJS cannot: static members and the protocol of KIP-848. */
export async function startJavaConsumer({
  bootstrap,
  group,
  topic,
  membership,
  output,
}: {
  readonly bootstrap: string;
  readonly group: string;
  readonly topic: string;
  readonly membership: Membership;
  /** The file that the values it reads go to, a line each, among its own words. */
  readonly output?: string;
}): Promise<() => Promise<void>> {
  const library = await installKafka("4.1", () => {});
  const folder = await mkdtemp(join(tmpdir(), "ferry-consumer-"));
  const properties = {
    "group.id": group,
    "group.protocol": membership.type,
    "group.instance.id": membership.instanceId,
    "client.id": "contract-app",
  };
  const consumer = await startProcess({
    name: `consumer of ${group}`,
    command: "java",
    args: [
      ...jvmArguments(library),
      "org.apache.kafka.tools.consumer.ConsoleConsumer",
      "--bootstrap-server",
      bootstrap,
      "--topic",
      topic,
      ...Object.entries(properties).flatMap(([key, value]) => ["--consumer-property", `${key}=${value}`]),
    ],
    logFile: output ?? join(folder, "consumer.log"),
    ready: () => true,
    readyDeadlineMs: 60_000,
  });
  return async () => {
    await consumer.stop();
    await rm(folder, { recursive: true });
  };
}
