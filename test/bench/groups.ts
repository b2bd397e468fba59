import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { kafkaFor } from "#lab/apps/connection.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { AckedRecord, ackedPath, ConsumedRecord, consumedPath, readLines } from "#lab/apps/journal.ts";
import { eventually } from "#lab/process.ts";
import { type Hand, openHand } from "../chaos/hand.ts";
import { numberedRecord } from "../chaos/host/record.ts";
import type { ChaosLab } from "../chaos/lab.ts";
import { migrationSettings } from "../chaos/settings.ts";
import { type Admins, openAdmins } from "../chaos/world.ts";
import type { BenchTools } from "./main.ts";

/** A migration of many groups on a few topics that hold so many records each. */

export type Size = { readonly groups: number; readonly records: number };

export type Crowd = AsyncDisposable & {
  readonly migration: string;
  readonly hand: Hand;
  readonly partitions: number;
  /** What each group logged, by group. */
  readonly consumed: () => ReadonlyMap<string, readonly ConsumedRecord[]>;
  readonly acked: () => readonly AckedRecord[];
};

const mostTopics = 4;
const partitionsPerTopic = 3;
/** Per topic; a record every half second is also how exactly a pause can be told. */
const recordsPerSecond = 2;
const startedAtOnce = 20;
const sentAtOnce = 5000;

type Names = {
  readonly migration: string;
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly producer: string;
  readonly folder: string;
};

export async function openCrowd(
  lab: ChaosLab,
  size: Size,
  { say, signal }: Pick<BenchTools, "say" | "signal">,
): Promise<Crowd> {
  const migration = `b${randomBytes(3).toString("hex")}`;
  const topicCount = Math.min(mostTopics, size.groups);
  const names: Names = {
    migration,
    topics: Array.from({ length: topicCount }, (_, at) => `${migration}-topic-${at}`),
    groups: Array.from({ length: size.groups }, (_, at) => `${migration}-group-${at}`),
    producer: `${migration}-writer`,
    folder: join(lab.folder, migration),
  };
  await mkdir(names.folder);
  await using stack = new AsyncDisposableStack();
  const admins = stack.use(await openAdmins(lab));
  stack.defer(() => leave(lab, names, admins));
  await fill(lab, names, admins, size.records);
  say("  topics are filled");
  await startApplications(lab, names);
  await lab.freshBot({ [migration]: settingsOf(lab, names) });
  say("  applications run");
  const hand = openHand({ url: lab.workspace.url, redis: lab.redis, migration, signal });
  for (const text of ["assess", "plan", "provision", "replicate start"]) {
    await hand.run(text);
    say(`  /ferry ${text}`);
  }
  await untilCopied(names, admins, signal);
  say("  everything is copied");
  const crowd = {
    migration,
    hand,
    partitions: topicCount * partitionsPerTopic,
    consumed: () =>
      new Map(
        names.groups.map((name) => [name, readLines(consumedPath(names.folder, name), ConsumedRecord)]),
      ),
    acked: () => readLines(ackedPath(names.folder, names.producer), AckedRecord),
  };
  await eventually(() => [...crowd.consumed().values()].every((records) => records.length > 0), {
    what: "every group to read",
    deadlineMs: 120_000,
    everyMs: 500,
    signal,
  });
  const parts = stack.move();
  return { ...crowd, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function fill(lab: ChaosLab, { topics }: Names, { source }: Admins, records: number): Promise<void> {
  await source.createTopics({
    waitForLeaders: true,
    topics: topics.map((topic) => ({ topic, numPartitions: partitionsPerTopic, replicationFactor: 1 })),
  });
  const producer = kafkaFor(connectionTo(lab.clusters.source.bootstrap), "bench-seed").producer({
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  try {
    for (const topic of topics) {
      for (let seq = 1; seq <= records; seq += sentAtOnce) {
        const length = Math.min(sentAtOnce, records - seq + 1);
        const messages = Array.from(
          { length },
          (_, at) => numberedRecord("seed", topic, partitionsPerTopic, seq + at).message,
        );
        await producer.send({ topic, messages, acks: -1 });
      }
    }
  } finally {
    await producer.disconnect();
  }
}

async function startApplications({ host, clusters }: ChaosLab, names: Names): Promise<void> {
  const { topics, groups, producer, folder } = names;
  const { bootstrap } = clusters.source;
  for (const [at, name] of groups.entries()) {
    const topic = topics[at % topics.length] ?? "";
    await host.define({
      role: "consumer",
      name,
      topics: [topic],
      folder,
      maxWaitMs: 1000,
      fromBeginning: false,
      warm: { cluster: "target", bootstrap: clusters.target.bootstrap },
    });
  }
  await host.define({
    role: "producer",
    name: producer,
    topics: Object.fromEntries(topics.map((topic) => [topic, partitionsPerTopic])),
    folder,
    rate: recordsPerSecond,
    roundMs: 1000 / recordsPerSecond,
  });
  for (let at = 0; at < groups.length; at += startedAtOnce) {
    await Promise.all(
      groups.slice(at, at + startedAtOnce).map((name) => host.start(name, "source", bootstrap)),
    );
  }
  await host.start(producer, "source", bootstrap);
}

function settingsOf(lab: ChaosLab, { migration, topics, groups, producer }: Names) {
  return migrationSettings({
    clusters: lab.clusters,
    driver: lab.host.driver,
    prefix: `${migration}-`,
    topics,
    groups,
    clients: [
      ...groups.map((name) => ({ name, role: "consumer" as const })),
      { name: producer, role: "producer", topics },
    ],
  });
}

/** The gate would wait for it too, but refuses what is too far behind. */
async function untilCopied(
  { topics }: Names,
  { source, target }: Admins,
  signal: AbortSignal,
): Promise<void> {
  const total = async (admin: Admins["source"]) => {
    const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
    return ends.flat().reduce((sum, { high }) => sum + Number(high), 0);
  };
  const wanted = await total(source);
  // Transactions of the mirror add records of their own, so the target's ends are the higher ones.
  await eventually(async () => (await total(target)) >= wanted, {
    what: "the mirror to have copied the history",
    deadlineMs: 300_000,
    everyMs: 500,
    signal,
  });
  await pause(2000, undefined, { signal });
}

async function leave(lab: ChaosLab, names: Names, admins: Admins): Promise<void> {
  const { host, clusters, bot } = lab;
  const { migration, groups, producer } = names;
  await bot()?.kill();
  await Promise.allSettled([producer, ...groups].map((name) => host.forget(name)));
  for (const kind of ["forward", "checkpoint", "reverse"]) {
    await fetch(`${clusters.connect.url}/connectors/ferry-${migration}-all-${kind}`, { method: "DELETE" });
  }
  for (const admin of [admins.source, admins.target]) {
    const ours = (await admin.listTopics()).filter((topic) => topic.includes(migration));
    if (ours.length > 0) await admin.deleteTopics({ topics: ours });
  }
}
