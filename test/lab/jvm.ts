import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cachedFolder } from "./folders.ts";
import { runMaven } from "./maven.ts";
import type { Log } from "./process.ts";

const run = promisify(execFile);

export type KafkaVersion = "3.9" | "4.1";

export interface KafkaLibrary {
  /** The full version, "3.9.2". */
  readonly version: string;
  /** The jars, as one class path entry. */
  readonly classPath: string;
  readonly logging: string;
}

/** What `java` needs before the main class. */
export function jvmArguments({ classPath, logging }: KafkaLibrary): string[] {
  const small = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
  return [...small, logging, "-cp", classPath];
}

/** Gets the jars of a Kafka version into the cache, once. Throws with Maven's last lines. */
export async function installKafka(version: KafkaVersion, log: Log, cache?: string): Promise<KafkaLibrary> {
  const pomFile = fileURLToPath(new URL(`kafka/pom-${version}.xml`, import.meta.url));
  const pom = await readFile(pomFile, "utf8");
  const full = /<kafka\.version>([\d.]+)</u.exec(pom)?.[1];
  if (full === undefined) throw new Error(`${pomFile} names no kafka.version`);
  const digest = createHash("sha256").update(pom).digest("hex").slice(0, 8);
  const folder = await cachedFolder({
    name: `kafka-${full}-${digest}`,
    lock: "maven",
    ...(cache === undefined ? {} : { cache }),
    fill: async (into) =>
      await runMaven({
        args: [
          "-f",
          pomFile,
          "dependency:copy-dependencies",
          "-DincludeScope=runtime",
          `-DoutputDirectory=${into}`,
        ],
        what: `Kafka ${full}`,
        log,
      }),
  });
  return { version: full, classPath: join(folder, "*"), logging: loggingOption(version) };
}

/** Kafka 3 logs with log4j 1 (reload4j), Kafka 4 with log4j 2. */
function loggingOption(version: KafkaVersion): string {
  const [option, file] =
    version === "3.9"
      ? ["-Dlog4j.configuration=", "kafka/log4j.properties"]
      : ["-Dlog4j2.configurationFile=", "kafka/log4j2.properties"];
  return `${option}${new URL(file, import.meta.url).href}`;
}

/** Runs a Java tool to its end. Throws with what it printed. */
export async function runJava(library: KafkaLibrary, args: readonly string[]): Promise<void> {
  try {
    await run("java", [...jvmArguments(library), ...args], { timeout: 120_000 });
  } catch (cause) {
    const printed = cause instanceof Error && "stdout" in cause ? `:\n${String(cause.stdout).trim()}` : "";
    throw new Error(`${args[0]} failed${printed}`, { cause });
  }
}

/** The text of a Java properties file. */
export function propertiesText(entries: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}
