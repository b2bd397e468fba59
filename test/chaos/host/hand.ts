import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Cluster } from "#lab/apps/journal.ts";
import { freePort, startService } from "#lab/process.ts";
import type { AppOrder } from "./app.ts";

const Timings = z.object({ stop: z.array(z.number()), start: z.array(z.number()) });
type Timings = z.infer<typeof Timings>;

/** The host of the applications, as the chaos runner and the benches hold it. */
export type Host = {
  readonly define: (order: z.input<typeof AppOrder>) => Promise<void>;
  readonly forget: (name: string) => Promise<void>;
  readonly start: (name: string, cluster: Cluster, bootstrap: string) => Promise<void>;
  readonly stop: (name: string) => Promise<void>;
  readonly place: (name: string) => Promise<string>;
  /** What each stop and start since the last call took, ms. */
  readonly timings: () => Promise<Timings>;
  /** The `switch:` entry of ferry.yaml: a shell that carries the order to the host, 5 ms. */
  readonly driver: {
    readonly driver: "exec";
    readonly command: string[];
    readonly timeout: string;
    readonly environment: Record<string, string>;
  };
  readonly stopAll: () => Promise<void>;
};

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const answerMs = 120_000;

/** A command of bash alone: 200 of them at once must not be 200 Node processes. */
const script = [
  'exec 3<>"/dev/tcp/127.0.0.1/$HOST_PORT" || exit 1',
  "printf '%s\\n' \"$FERRY_ACTION $FERRY_CLIENT ${FERRY_CLUSTER:--} ${FERRY_BOOTSTRAP:--}\" >&3",
  "read -r word text <&3",
  '[ "$word" = ok ] && printf \'%s\\n\' "$text" && exit 0',
  "printf '%s\\n' \"${text:-the host did not answer}\" >&2; exit 1",
].join("\n");

/** Starts the host. `padMs`: how long a stop and a start take at least. */
export async function startHost(options: {
  readonly folder: string;
  readonly padMs?: number;
  readonly signal?: AbortSignal;
}): Promise<Host> {
  const { folder, padMs = 0, signal } = options;
  const port = await freePort();
  const service = await startService({
    name: "the applications' host",
    command: process.execPath,
    args: ["--disable-warning=TimeoutNegativeWarning", main, String(port), String(padMs)],
    logFile: join(folder, "host.log"),
    ready: (output) => output.includes("the host is ready"),
    readyDeadlineMs: 60_000,
    ...(signal && { signal }),
  });
  const order = (line: string) => ask(port, line);
  return {
    define: async (app) => void (await order(`define ${JSON.stringify(app)}`)),
    forget: async (name) => void (await order(`forget ${name}`)),
    start: async (name, cluster, bootstrap) => void (await order(`start ${name} ${cluster} ${bootstrap}`)),
    stop: async (name) => void (await order(`stop ${name}`)),
    place: (name) => order(`status ${name}`),
    timings: async () => Timings.parse(JSON.parse(await order("timings"))),
    driver: {
      driver: "exec",
      command: ["bash", "-c", script],
      timeout: "2m",
      environment: { HOST_PORT: String(port) },
    },
    stopAll: () => service.stop(2000),
  };
}

function ask(port: number, line: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1", () => socket.write(`${line}\n`));
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  socket.setTimeout(answerMs, () => socket.destroy(new Error(`the host did not answer: ${line}`)));
  socket.on("error", reject);
  socket.on("close", () => {
    const answer = text.trim();
    if (answer.startsWith("ok ")) resolve(answer.slice(3));
    else reject(new Error(answer === "" ? `the host broke off: ${line}` : answer.slice(3)));
  });
  return promise;
}
