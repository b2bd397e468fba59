import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { processEnvironment } from "#config";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { fixtureOf } from "./lag-fixture.ts";

/**
 * Loaded into the bot's process by `--import`: sweeps that follow each other without a pause, on the event loop on which
 * commands are acknowledged. Prints a line for each.
 */

const { BENCH_SWEEP = "" } = processEnvironment();
const [bootstrap = "", topics = "", groups = ""] = BENCH_SWEEP.split(" ");

async function sweepOn(): Promise<never> {
  const fixture = fixtureOf({ topics: Number(topics), groups: Number(groups) });
  const wanted = { topics: fixture.topics, groups: [...fixture.groups.keys()] };
  const cluster = createKafkaCluster({
    role: "source",
    access: { bootstrap: bootstrap.split(","), protocol: "PLAINTEXT" },
    log: createQuietLog(),
    clock: realClock,
  });
  for (;;) {
    const began = performance.now();
    const { missing } = await cluster.sweep(wanted);
    if (missing.length > 0) throw new Error(`a sweep missed ${missing.length} pieces`);
    process.stdout.write(`${JSON.stringify({ sweptIn: performance.now() - began })}\n`);
  }
}

void sweepOn();
