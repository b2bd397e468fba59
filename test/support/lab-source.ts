import { MigrationSettings } from "#domain/settings.ts";
import { consumers, idleGroup, producers, topics, waves } from "#lab/apps/world.ts";
import { createFakeKafka } from "./fake-kafka.ts";
import { createHandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";

/** The lab's sample world on a fake: nine topics with their history, applications that read and write while measured. */
export function labSource() {
  const clock = createHandClock();
  const kafka = createFakeKafka({ role: "source", now: () => clock.now() });
  const fill = (name: string, partitions: number, records: number) => {
    for (let at = 0; at < records; at += 1) {
      const value = `${name} ${String(at).padStart(6, "0")} `.padEnd(120, "x");
      kafka.append(name, at % partitions, { key: `key-${at % 97}`, value });
    }
  };
  for (const { name, partitions, compacted, history } of topics) {
    kafka.addTopic(name, { partitions });
    if (compacted) kafka.setConfig(name, "cleanup.policy", "compact");
    fill(name, partitions, history);
  }
  for (const { name, topics: read } of [...consumers, idleGroup]) {
    const offsets = read.map((topic): [string, number[]] => [
      topic,
      Array.from({ length: partitionsOf(topic) }, () => 10),
    ]);
    kafka.commitAs(name, new Map(offsets));
    if (name !== idleGroup.name)
      kafka.addMember(name, { clientId: name, host: "/10.0.0.7", subscription: [...read] });
  }
  return {
    clock,
    kafka,
    store: createMemoryStore(clock),
    /** What the producing applications write in so many seconds. */
    produce(seconds: number): void {
      for (const { rates } of producers)
        for (const [name, rate] of Object.entries(rates)) fill(name, partitionsOf(name), rate * seconds);
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
