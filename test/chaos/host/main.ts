import { createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { Cluster } from "#lab/apps/journal.ts";
import { type App, AppOrder } from "./app.ts";
import { createConsumer } from "./consumer.ts";
import { createProducer } from "./producer.ts";

/**
 * One process that hosts many applications, each of which is stopped and started by orders of one line over TCP:
 * `define JSON`, `timings`, `forget NAME`, `stop NAME`, `status NAME`, `start NAME CLUSTER BOOTSTRAP`. Answers `ok TEXT` or
 * `no REASON`. `--pad MS`: a stop and a start each take at least so long, as a rollout would.
 */

const [port, pad] = z.tuple([z.coerce.number(), z.coerce.number()]).parse(process.argv.slice(2, 4));
const apps = new Map<string, App>();
/** How long orders that changed something took since somebody asked, ms. */
const took: Record<"stop" | "start", number[]> = { stop: [], start: [] };

async function carryOut(line: string): Promise<string> {
  const [verb = "", name = "", ...rest] = line.split(" ");
  if (verb === "define") return define(line.slice(verb.length + 1));
  if (verb === "timings") return JSON.stringify({ stop: took.stop.splice(0), start: took.start.splice(0) });
  const app = apps.get(name);
  if (app === undefined) throw new Error(`no application is called ${name}`);
  switch (verb) {
    case "status":
      return app.place();
    case "stop":
      await padded("stop", app.place() !== "stopped", app.stop());
      return "stopped";
    case "start": {
      const [cluster, bootstrap] = z.tuple([Cluster, z.string()]).parse(rest.slice(0, 2));
      await padded("start", app.place() !== cluster, app.start(cluster, bootstrap));
      return cluster;
    }
    case "forget":
      await app.stop();
      apps.delete(name);
      return "forgotten";
    default:
      throw new Error(`no order is called ${verb}`);
  }
}

function define(json: string): string {
  const order = AppOrder.parse(JSON.parse(json));
  apps.set(order.name, order.role === "consumer" ? createConsumer(order) : createProducer(order));
  return order.name;
}

async function padded(verb: "stop" | "start", changes: boolean, work: Promise<void>): Promise<void> {
  const began = Date.now();
  await Promise.all([work, changes ? pause(pad) : undefined]);
  if (changes) took[verb].push(Date.now() - began);
}

function serve(socket: Socket): void {
  let text = "";
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const end = text.indexOf("\n");
    if (end === -1) return;
    carryOut(text.slice(0, end)).then(
      (answer) => socket.end(`ok ${answer}\n`),
      (error: unknown) =>
        socket.end(`no ${(error instanceof Error ? error.message : "failed").replaceAll("\n", " ")}\n`),
    );
  });
}

const server = createServer(serve);
server.listen(port, "127.0.0.1", () => process.stdout.write("the host is ready\n"));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
// KafkaJS leaves promises of dead connections behind; the applications have their own answer to a lost broker.
process.on("unhandledRejection", (reason) => process.stdout.write(`unhandled: ${String(reason)}\n`));
