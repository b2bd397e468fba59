import { Assessment, assessmentKey } from "#domain/assessment.ts";
import type { Message } from "#domain/message.ts";
import type { KafkaCluster, Store, World } from "#domain/ports.ts";
import { assess } from "#jobs/assess.ts";
import type { Work } from "#jobs/work.ts";
import { createFakeKafka } from "./fake-kafka.ts";
import { createHandClock, type HandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createSmallWork } from "./small-work.ts";

export const job = { name: "assess", migration: "orders", by: "UANA" } as const;
/** The window that ferry.yaml gives where it names none. */
export const windowMs = 30_000;

/** A source with two topics, 100 and 20 records of 4 bytes, and one group that has read some. */
export function sampleSource() {
  const clock = createHandClock();
  const kafka = createFakeKafka({ role: "source", brokers: 3, now: () => clock.now() });
  kafka.addTopic("orders", { partitions: 2, replicas: 3 });
  kafka.addTopic("refunds", { replicas: 3 });
  write(100, "orders", 0);
  write(20, "refunds", 0);
  kafka.commitAs("billing", new Map([["orders", [40, undefined]]]));
  kafka.addMember("billing", { clientId: "b", host: "/10.0.0.2" });
  kafka.addMember("billing", { clientId: "a", host: "/10.0.0.1" });

  function write(records: number, topic: string, partition: number): void {
    for (let each = 0; each < records; each += 1) kafka.append(topic, partition, { key: "k", value: "abc" });
  }

  return { clock, kafka, write, store: createMemoryStore(clock) };
}

export type SampleSource = ReturnType<typeof sampleSource>;

export type AssessParts = {
  readonly clock: HandClock;
  readonly store: Store;
  readonly kafka: { readonly cluster: KafkaCluster };
};

/** What a process that was just started works with; card and files are its own, memory is not. */
export function openAssess(parts: AssessParts, changes: Partial<KafkaCluster> = {}) {
  const small = createSmallWork(parts);
  const files = new Map<string, string>();
  const source = { ...parts.kafka.cluster, ...changes };
  const world: World = Object.create(small.world, { source: { value: source } });
  const work: Work = {
    ...small,
    world,
    card: {
      ...small.card,
      file: async ({ name, content }) => {
        files.set(name, content.toString());
        return name;
      },
    },
  };
  return { work, files, shown: small.card.shown };
}

/** Runs it as the queue does, turning the clock for as long as it asks. */
async function run({ clock }: AssessParts, work: Work): Promise<void> {
  for (let outcome = await assess(job, work); outcome.kind === "again"; outcome = await assess(job, work)) {
    await clock.advance(outcome.ms);
  }
}

/** Runs it to its end; what it stored, attached and said at last. */
export async function assessed(
  parts: AssessParts,
  changes: Partial<KafkaCluster> = {},
): Promise<{ found: Assessment; files: Map<string, string>; last: Message | undefined }> {
  const { work, files, shown } = openAssess(parts, changes);
  await run(parts, work);
  const found = Assessment.parse((await parts.store.read(assessmentKey("orders")))?.value);
  return { found, files, last: shown.at(-1) };
}

export function topicOf({ topics }: Assessment, name: string) {
  const found = topics.find((topic) => topic.name === name);
  if (found === undefined) throw new Error(`no topic ${name}`);
  return found;
}
