import { once } from "node:events";
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import type { OffsetTable, Sweep } from "#domain/topology.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { round, spreadOf } from "./figures.ts";
import { fixtureOf } from "./lag-fixture.ts";
import { countTraffic } from "./lag-traffic.ts";

/**
 * The sweeps of `npm run bench -- lag`, in a process of their own so that its memory is theirs. It also answers HTTP: how
 * long that takes meanwhile is what a slash command would wait. Prints its port, then its figures as JSON.
 */

const [bootstrap = "", topics = "", groups = "", sweeps = "", pauseMs = "0"] = process.argv.slice(2);
const warmUp = 5;

const server = createServer((_, response) => void response.end("heard"));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`);

const fixture = fixtureOf({ topics: Number(topics), groups: Number(groups) });
const wanted = { topics: fixture.topics, groups: [...fixture.groups.keys()] };
const traffic = countTraffic();
const cluster = createKafkaCluster({
  role: "source",
  access: { bootstrap: bootstrap.split(","), protocol: "PLAINTEXT" },
  log: createQuietLog(),
  clock: realClock,
});
await cluster.describe();
const before = rss();
const cold = await timed();
for (let sweep = 1; sweep < warmUp; sweep += 1) await timed();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const began = { traffic: traffic(), cpu: process.cpuUsage(), rss: rss() };
const took: number[] = [];
for (let sweep = 0; sweep < Number(sweeps); sweep += 1) {
  took.push(await timed());
  if (Number(pauseMs) > 0) await new Promise((resolve) => void setTimeout(resolve, Number(pauseMs)));
}
const cpu = process.cpuUsage(began.cpu);
const end = traffic();
const each = (from: number, until: number) => Math.round((until - from) / took.length);
const { p50, p95, max } = spreadOf(took);
const figures = {
  sweeps: took.length,
  coldMs: round(cold),
  ms: { median: p50, p95, max },
  cpuMs: each(0, (cpu.user + cpu.system) / 1000),
  requests: each(began.traffic.answers, end.answers),
  bytes: { sent: each(began.traffic.sent, end.sent), received: each(began.traffic.received, end.received) },
  memoryMb: {
    before: round(before),
    warm: round(began.rss),
    after: round(rss()),
    peak: round(process.resourceUsage().maxRSS / 1000),
    growth: round(rss() - before),
  },
  loopDelayMs: { p99: round(delay.percentile(99) / 1e6), max: round(delay.max / 1e6) },
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
await cluster.close();
// It answers on until whoever started it ends it.

async function timed(): Promise<number> {
  const start = performance.now();
  const sweep = await cluster.sweep(wanted);
  const ms = performance.now() - start;
  check(sweep);
  return ms;
}

/** A sweep that misses something would be quick. */
function check({ starts, ends, committed, groups: states, missing }: Sweep): void {
  const partitions = fixture.topics.length * fixture.partitionsPerTopic;
  const rows = [...committed.values()].reduce((sum, table) => sum + cells(table), 0);
  const found = [cells(starts), cells(ends), rows, states.size, missing.length];
  const right = [partitions, partitions, fixture.rows, wanted.groups.length, 0];
  if (found.join() !== right.join()) {
    throw new Error(`a sweep found ${found.join(", ")} in place of ${right.join(", ")}`);
  }
}

function cells(table: OffsetTable): number {
  return [...table.values()].reduce(
    (sum, row) => sum + row.filter((offset) => offset !== undefined).length,
    0,
  );
}

/** MB. */
function rss(): number {
  return process.memoryUsage.rss() / 1e6;
}
