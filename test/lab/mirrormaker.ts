import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { installKafka } from "./jvm.ts";
import type { Log } from "./process.ts";

/** A folder that looks like an installed Kafka 3.9 to whoever wants its `libs`. Returns its path. */
export async function kafkaHome(runFolder: string, log: Log): Promise<string> {
  const { classPath } = await installKafka("3.9", log);
  const home = join(runFolder, "kafka-home");
  await mkdir(home, { recursive: true });
  await symlink(dirname(classPath), join(home, "libs"));
  return home;
}

/** Starts a JVM in half the time, for what lives a few seconds. */
export function quickJava(): Readonly<Record<string, string | undefined>> {
  const { PATH } = process.env;
  return { PATH, JAVA_TOOL_OPTIONS: "-Xms64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData" };
}
