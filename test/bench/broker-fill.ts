import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { eventually } from "#lab/process.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import type { LagFixture } from "./lag-fixture.ts";
import type { BenchTools } from "./main.ts";

/** A real broker with many partitions and groups. */

type Tools = Pick<BenchTools, "say" | "signal">;

/** A broker takes minutes until it knows all partitions that it has said to have created. */
export async function fill(bootstrap: string, fixture: LagFixture, { say, signal }: Tools): Promise<void> {
  const cluster = createKafkaCluster({
    role: "source",
    access: { bootstrap: [bootstrap], protocol: "PLAINTEXT" },
    log: createQuietLog(),
    clock: realClock,
  });
  const partitions = fixture.partitionsPerTopic;
  try {
    for (let at = 0; at < fixture.topics.length; at += 25) {
      const names = fixture.topics.slice(at, at + 25);
      await patiently(signal, `topics ${at} to ${at + 25}`, () =>
        cluster.createTopics(names.map((name) => ({ name, partitions, replicationFactor: 1, configs: {} }))),
      );
    }
    say(`a real broker holds ${fixture.topics.length * partitions} partitions`);
    await commitAll(cluster, fixture, signal);
    say(`${fixture.groups.size} groups have committed ${fixture.rows} offsets`);
  } finally {
    await cluster.close();
  }
}

async function commitAll(cluster: KafkaCluster, fixture: LagFixture, signal: AbortSignal): Promise<void> {
  const groups = [...fixture.groups];
  for (let at = 0; at < groups.length; at += 50) {
    await patiently(signal, `groups ${at} to ${at + 50}`, () =>
      cluster.commit(new Map(groups.slice(at, at + 50))),
    );
  }
}

async function patiently(signal: AbortSignal, what: string, act: () => Promise<unknown>): Promise<void> {
  const attempt = async () => {
    await act();
    return true;
  };
  await eventually(attempt, { what, deadlineMs: 300_000, everyMs: 1000, signal });
}
