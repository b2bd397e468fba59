import type { KafkaCluster } from "#domain/ports.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { consumers, idleGroup, producers, topics, waves } from "#lab/apps/world.ts";
import { createFakeKafka } from "./fake-kafka.ts";
import { createHandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";

/** As Kafka makes ids of clusters: a UUID in 22 letters. */
const clusterId = "mT4Rr6wPQ0aZcXe1yAk8sV";
const historyMs = 3 * 86_400_000;

/** The lab's sample world on a fake: nine topics with their history, applications that read and write while measured. */
export function labSource() {
  const clock = createHandClock();
  const fake = createFakeKafka({ role: "source", now: () => clock.now() });
  const kafka = { ...fake, cluster: named(fake.cluster) };
  const fill = (name: string, records: number, { producerId = -1, since = clock.now() } = {}) => {
    const partitions = partitionsOf(name);
    const step = (clock.now() - since) / Math.max(1, records);
    for (let at = 0; at < records; at += 1) {
      const value = `${name} ${String(at).padStart(6, "0")} `.padEnd(120, "x");
      const timestamp = Math.round(since + at * step);
      kafka.append(name, at % partitions, { key: `key-${at % 97}`, value, timestamp }, { producerId });
    }
  };
  /** Commits of what these groups have read: all but so many records of each partition. */
  const read = async (groups: ReadonlyArray<{ name: string; topics: readonly string[] }>, behind: number) => {
    for (const { name, topics: of } of groups) {
      const ends = await kafka.cluster.offsets(of, "end");
      const rows = of.map((topic): [string, number[]] => [
        topic,
        (ends.get(topic) ?? []).map((end = 0) => Math.max(0, end - behind)),
      ]);
      kafka.commitAs(name, new Map(rows));
    }
  };
  for (const { name, partitions, compacted, history } of topics) {
    kafka.addTopic(name, { partitions });
    if (compacted) kafka.setConfig(name, "cleanup.policy", "compact");
    fill(name, history, { since: clock.now() - historyMs });
  }
  for (const [index, { name, topics: of }] of consumers.entries()) {
    const assignment = of.flatMap((topic) =>
      Array.from({ length: partitionsOf(topic) }, (_, partition) => ({ topic, partition })),
    );
    kafka.addMember(name, { clientId: name, host: `/10.20.4.${11 + index}`, assignment });
  }
  return {
    clock,
    kafka,
    store: createMemoryStore(clock),
    /** Before anything is measured: readers that keep up, and one that stopped. */
    async settle(): Promise<void> {
      await read(consumers, 2);
      await read([idleGroup], 120);
    },
    /** What the applications write and read in so many seconds. */
    async work(seconds: number): Promise<void> {
      for (const [index, { rates }] of producers.entries()) {
        const producerId = 4001 + index;
        for (const [name, rate] of Object.entries(rates)) fill(name, rate * seconds, { producerId });
      }
      await read(consumers, 2);
    },
  };
}

/** Names that a cluster of a team has; those of the fake are a test's. */
function named(cluster: KafkaCluster): KafkaCluster {
  return {
    ...cluster,
    async describe() {
      const described = await cluster.describe();
      const brokers = described.brokers.map((broker) => ({
        ...broker,
        host: `kafka-${broker.id}.internal.example.com`,
        rack: `use1-az${broker.id}`,
      }));
      return { ...described, clusterId, brokers };
    },
  };
}

function partitionsOf(name: string): number {
  return topics.find((topic) => topic.name === name)?.partitions ?? 0;
}

/** ferry.yaml as the lab has it, without what only a running lab knows. */
export const labMigration = {
  name: "orders",
  settings: MigrationSettings.parse({
    channel: "C0MIGRATION",
    approvers: { users: ["U0BEN", "U0CLEO", "U0DAN"] },
    source: { bootstrap: ["kafka-1:9092"] },
    target: {
      cluster: "migrated-kafka",
      region: "us-east-1",
      auth: "iam",
      subnets: ["subnet-a", "subnet-b", "subnet-c"],
      securityGroups: ["sg-msk"],
    },
    replication: { engine: "connect", connect: { url: "http://connect:8083" } },
    waves: waves.map(({ name, topics: of, groups }) => ({ name, topics: [...of], groups: [...groups] })),
  }),
};
