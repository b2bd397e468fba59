import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installKafka, jvmArguments, type KafkaVersion } from "#lab/jvm.ts";
import { startProcess } from "#lab/process.ts";

/** How a consumer joins its group. `consumer`: the protocol of KIP-848. */
export type Membership = { readonly type: "classic" | "consumer"; readonly instanceId: string };

/**
 * Kafka's own consumer, which can do what KafkaJS cannot: static members and the protocol of KIP-848. The lab's class
 * path has no console consumer, so `java` compiles a small one as it starts.
 */
export async function startJavaConsumer({
  version,
  bootstrap,
  group,
  topic,
  membership,
}: {
  readonly version: KafkaVersion;
  readonly bootstrap: string;
  readonly group: string;
  readonly topic: string;
  readonly membership: Membership;
}): Promise<() => Promise<void>> {
  const library = await installKafka(version, () => {});
  const folder = await mkdtemp(join(tmpdir(), "ferry-consumer-"));
  const properties = {
    "bootstrap.servers": bootstrap,
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
      fileURLToPath(new URL("StaticMember.java", import.meta.url)),
      topic,
      ...Object.entries(properties).map(([key, value]) => `${key}=${value}`),
    ],
    logFile: join(folder, "consumer.log"),
    ready: () => true,
    readyDeadlineMs: 60_000,
  });
  return async () => {
    await consumer.stop();
    await rm(folder, { recursive: true });
  };
}
