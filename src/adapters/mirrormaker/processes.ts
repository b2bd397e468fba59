import { spawn } from "node:child_process";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FerryError } from "#domain/errors.ts";
import { isRunning, markOf, pidsOf } from "./process-table.ts";

/** Java processes on this machine. */

export type Launch = {
  readonly flow: string;
  /** Text of `mm2.properties`. */
  readonly properties: string;
  /** Alias of the cluster it writes to. */
  readonly to: string;
};

export type Processes = {
  /** Version of the Kafka that is run, "3.9.2". `E_CONNECT_PLUGIN` when there is none. */
  version(): Promise<string>;
  hasIam(): Promise<boolean>;
  /** Writes the file and starts it, apart from this process, which it outlives. Returns the pid. */
  launch(launch: Launch): Promise<number>;
  /** True while this pid runs this flow, whoever started it; `undefined`: it is in use, and nothing tells what for. */
  alive(pid: number, flow: string): Promise<boolean | undefined>;
  /** Pids that run this flow here from this folder; `undefined`: this machine does not tell. */
  find(flow: string): Promise<readonly number[] | undefined>;
  /** Only of a pid that was seen to run a flow, or was just started here. */
  signal(pid: number, signal: "SIGTERM" | "SIGKILL"): void;
  /** Its last error with the stack, or its last lines. */
  lastWords(flow: string): Promise<string>;
  /** Removes its files: they hold passwords. */
  tidy(flow: string): Promise<void>;
};

export type Installation = {
  readonly home: string;
  readonly folder: string;
  readonly java: string;
  readonly heap: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** A loaded disk was seen to call a folder not empty of which nothing was listed. */
const removal = { recursive: true, force: true, maxRetries: 5 } as const;
const mainClass = "org.apache.kafka.connect.mirror.MirrorMaker";

export function createProcesses(installation: Installation): Processes {
  const { home, folder, java, heap, environment } = installation;

  async function jars(): Promise<readonly string[]> {
    return await readdir(join(home, "libs")).catch((cause: unknown) => {
      throw new FerryError("E_CONNECT_PLUGIN", `${join(home, "libs")} cannot be read: no Kafka is there.`, {
        cause,
      });
    });
  }

  async function version(): Promise<string> {
    const found = (await jars()).map((name) => /^connect-mirror-(\d+\.\d+\.\d+\S*)\.jar$/.exec(name)?.[1]);
    const [first] = found.filter((each) => each !== undefined);
    if (first !== undefined) return first;
    throw new FerryError("E_CONNECT_PLUGIN", `${join(home, "libs")} holds no connect-mirror of Kafka.`);
  }

  async function launch({ flow, properties, to }: Launch): Promise<number> {
    const place = await writeFiles(folder, flow, properties);
    const modern = !(await version()).startsWith("3.");
    const logging = modern ? "-Dlog4j2.configurationFile=" : "-Dlog4j.configuration=";
    const args = [
      `-Xmx${heap}`,
      // One thread may die without the others noticing: better none runs on.
      "-XX:+ExitOnOutOfMemoryError",
      `${logging}file:${modern ? place.log4j2 : place.log4j}`,
      markOf(flow),
      "-cp",
      join(home, "libs", "*"),
      mainClass,
      place.properties,
      "--clusters",
      to,
    ];
    const log = await open(place.log, "a", 0o600);
    try {
      return await begin(java, args, place.folder, log.fd, environment);
    } finally {
      await log.close();
    }
  }

  return {
    version,
    hasIam: async () => (await jars()).some((name) => name.startsWith("aws-msk-iam-auth")),
    launch,
    alive: isRunning,
    find: (flow) => pidsOf(flow, placeOf(folder, flow).properties),
    signal(pid, signal) {
      try {
        process.kill(pid, signal);
      } catch {
        // Gone already.
      }
    },
    lastWords: async (flow) => lastWords(await readTail(placeOf(folder, flow).log)),
    tidy: async (flow) => await rm(placeOf(folder, flow).folder, removal),
  };
}

/** The file alone, for a person to run. Returns its path. */
export async function writeProperties(folder: string, flow: string, text: string): Promise<string> {
  return (await writeFiles(folder, flow, text)).properties;
}

function placeOf(folder: string, flow: string) {
  const own = join(folder, flow);
  return {
    folder: own,
    properties: join(own, "mm2.properties"),
    log: join(own, "mirror.log"),
    log4j: join(own, "log4j.properties"),
    log4j2: join(own, "log4j2.properties"),
  } as const;
}

async function writeFiles(folder: string, flow: string, properties: string) {
  const place = placeOf(folder, flow);
  await mkdir(place.folder, { recursive: true, mode: 0o700 });
  // A new file, renamed: an old one's mode would stay, and half a file would be read.
  const unfinished = `${place.properties}.new`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, properties, { mode: 0o600 });
  await rename(unfinished, place.properties);
  await rename(place.log, `${place.log}.1`).catch(() => undefined);
  await writeFile(place.log4j, log4j);
  await writeFile(place.log4j2, log4j2);
  return place;
}

function begin(
  java: string,
  args: readonly string[],
  cwd: string,
  log: number,
  env: Installation["environment"],
): Promise<number> {
  const child = spawn(java, args, { cwd, env, detached: true, stdio: ["ignore", log, log] });
  // Its end is seen by looking at the pid, as that of one which an earlier bot started.
  child.unref();
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new FerryError("E_CONNECT", `${java} cannot be started: ${cause.message}.`, { cause })),
    );
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
}

const tailBytes = 65_536;
const wordLines = 40;

async function readTail(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.slice(-tailBytes);
}

/** From the last ERROR on; a log without one ends with what was last said. */
export function lastWords(log: string): string {
  const lines = log.trimEnd().split("\n");
  const at = lines.findLastIndex((line) =>
    /\bERROR\b|^Exception in thread|^Error: |^Error occurred/.test(line),
  );
  return (at === -1 ? lines.slice(-5) : lines.slice(at, at + wordLines)).join("\n");
}

const log4j = `log4j.rootLogger=WARN, console
log4j.logger.org.apache.kafka.connect.mirror=INFO
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p [%c{1}] %m%n
`;

const log4j2 = `status=error
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
logger.mirror.name=org.apache.kafka.connect.mirror
logger.mirror.level=INFO
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p [%c{1}] %m%n
`;
