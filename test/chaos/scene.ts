import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { connectionTo } from "#lab/apps/fleet.ts";
import {
  AckedRecord,
  ackedPath,
  type Cluster,
  ConsumedRecord,
  consumedPath,
  readLines,
} from "#lab/apps/journal.ts";
import { readTopics } from "#lab/count/read-cluster.ts";
import { type GroupFacts, missingIds, tallyGroup, tallyTopic } from "#lab/count/tally.ts";
import { eventually } from "#lab/process.ts";
import { type Hand, openHand } from "./hand.ts";
import type { ChaosLab } from "./lab.ts";
import { migrationSettings, wave } from "./settings.ts";
import { type Admins, type Names, openAdmins } from "./world.ts";

/** A migration of its own, with applications that write and read: cases are played on it, one run after the other. */
export type Scene = AsyncDisposable & {
  readonly names: Names;
  readonly hand: Hand;
  readonly admins: Admins;
  /** Stops the producer, lets the group read to the end, counts, and lets the producer go on. */
  readonly count: () => Promise<Count>;
  /** Returns when records acknowledged from now on have been read. */
  readonly traffic: (deadlineMs: number) => Promise<void>;
};

export type Count = {
  readonly produced: number;
  readonly lost: number;
  readonly twice: number;
  /** Topics whose content differs between the clusters, beyond what the mirror has still to copy. */
  readonly differing: readonly string[];
};

const rate = 20;
const catchUpMs = 120_000;
const [plainPartitions, otherPartitions] = [2, 1];

export async function openScene(lab: ChaosLab, signal: AbortSignal): Promise<Scene> {
  const migration = `c${randomBytes(3).toString("hex")}`;
  const names: Names = {
    migration,
    topics: [`${migration}-orders`, `${migration}-notes`],
    consumer: `${migration}-reader`,
    producer: `${migration}-writer`,
  };
  await using stack = new AsyncDisposableStack();
  const folder = join(lab.folder, migration);
  await mkdir(folder);
  const admins = stack.use(await openAdmins(lab));
  stack.defer(() => leave(lab, names, admins));
  await Promise.all([startBot(lab, names), startApplications(lab, names, admins, folder)]);
  const hand = openHand({ url: lab.workspace.url, redis: lab.redis, migration, signal });
  for (const text of ["assess", "plan", "provision", "replicate start"]) await hand.run(text);
  const parts = stack.move();
  return {
    names,
    hand,
    admins,
    count: () => count(lab, names, folder, signal),
    traffic: (deadlineMs) => seeTraffic(names, folder, { deadlineMs, signal }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function startBot(lab: ChaosLab, { migration, topics, consumer, producer }: Names): Promise<void> {
  const settings = migrationSettings({
    clusters: lab.clusters,
    driver: lab.host.driver,
    prefix: `${migration}-`,
    topics,
    groups: [consumer],
    clients: [
      { name: consumer, role: "consumer" },
      { name: producer, role: "producer", topics },
    ],
  });
  await lab.freshBot({ [migration]: settings });
}

async function startApplications(
  { host, clusters }: ChaosLab,
  { topics, consumer, producer }: Names,
  { source }: Admins,
  folder: string,
): Promise<void> {
  const [orders, notes] = topics;
  const partitions = { [orders]: plainPartitions, [notes]: otherPartitions };
  await source.createTopics({
    waitForLeaders: true,
    topics: Object.entries(partitions).map(([topic, numPartitions]) => ({
      topic,
      numPartitions,
      replicationFactor: 1,
    })),
  });
  await host.define({ role: "producer", name: producer, topics: partitions, folder, rate });
  await host.define({ role: "consumer", name: consumer, topics: [...topics], folder });
  await Promise.all([
    host.start(producer, "source", clusters.source.bootstrap),
    host.start(consumer, "source", clusters.source.bootstrap),
  ]);
}

function factsOf({ topics, consumer, producer }: Names, folder: string): GroupFacts {
  return {
    name: consumer,
    topics,
    compacted: new Set(),
    acked: readLines(ackedPath(folder, producer), AckedRecord),
    consumed: readLines(consumedPath(folder, consumer), ConsumedRecord),
    start: {},
  };
}

async function seeTraffic(
  names: Names,
  folder: string,
  patience: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const before = factsOf(names, folder).acked.length;
  await eventually(
    () => {
      const { acked, consumed } = factsOf(names, folder);
      const fresh = acked.slice(before, before + 10);
      const read = new Set(consumed.map(({ id }) => id));
      return fresh.length === 10 && fresh.every(({ id }) => read.has(id));
    },
    { ...patience, what: "records that are written now to be read", everyMs: 100 },
  );
}

async function count(lab: ChaosLab, names: Names, folder: string, signal: AbortSignal): Promise<Count> {
  const { host, clusters } = lab;
  const { topics, producer } = names;
  const place = await host.place(producer);
  await host.stop(producer);
  await eventually(() => missingIds(factsOf(names, folder)).length === 0, {
    what: "the group to have read everything",
    deadlineMs: catchUpMs,
    everyMs: 100,
    signal,
  }).catch(() => signal.throwIfAborted());
  const facts = factsOf(names, folder);
  const { lost, duplicated } = tallyGroup(facts);
  const ahead: Cluster = place === "target" ? "target" : "source";
  const [source, target] = await Promise.all([
    readTopics(connectionTo(clusters.source.bootstrap), topics),
    readTopics(connectionTo(clusters.target.bootstrap), topics),
  ]);
  const differing = topics.filter(
    (name) =>
      !tallyTopic({
        name,
        compacted: false,
        source: source.get(name) ?? null,
        target: target.get(name) ?? null,
        ahead,
        writtenAhead: new Set(),
      }).equal,
  );
  await host.start(producer, ahead, clusters[ahead].bootstrap);
  return { produced: facts.acked.length, lost, twice: duplicated, differing };
}

/** Takes away what the case and the bot have made, so that the next one finds a quiet lab. */
async function leave(lab: ChaosLab, { migration, consumer, producer }: Names, admins: Admins): Promise<void> {
  const { host, clusters, bot } = lab;
  await bot()?.kill();
  await Promise.allSettled([host.forget(producer), host.forget(consumer)]);
  const listed = await fetch(`${clusters.connect.url}/connectors`, { signal: AbortSignal.timeout(5000) });
  const text = await listed.text();
  for (const kind of ["forward", "checkpoint", "reverse"]) {
    const name = `ferry-${migration}-${wave}-${kind}`;
    if (!text.includes(name)) continue;
    await fetch(`${clusters.connect.url}/connectors/${name}`, { method: "DELETE" });
  }
  await Promise.all(
    [admins.source, admins.target].map(async (admin) => {
      const ours = (await admin.listTopics()).filter((topic) => topic.includes(migration));
      if (ours.length > 0) await admin.deleteTopics({ topics: ours });
      await admin.deleteGroups([consumer]).catch(() => undefined);
    }),
  );
}
