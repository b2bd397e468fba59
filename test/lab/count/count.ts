import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../apps/connection.ts";
import {
  AckedRecord,
  ackedPath,
  type Cluster,
  ConsumedRecord,
  consumedPath,
  readLines,
} from "../apps/journal.ts";
import { StartOffsets, startOffsetsPath } from "../apps/seed.ts";
import { consumers, idleGroup, producers, topics } from "../apps/world.ts";
import { readPosition, readTopics } from "./read-cluster.ts";
import {
  type GroupCount,
  type GroupFacts,
  missingIds,
  type TopicCount,
  tallyGroup,
  tallyIdleGroup,
  tallyTopic,
} from "./tally.ts";

/** The part of the tour's JSON that is counted: `produced`, `groups` and `topics` of design §10. */
export type Count = {
  /** Records acknowledged to the applications, the seeded history included. */
  readonly produced: number;
  readonly groups: readonly GroupCount[];
  readonly topics: readonly TopicCount[];
};

export type CountOptions = {
  /** The applications' folder. */
  readonly folder: string;
  readonly source: Connection;
  /** Null: nothing has been copied yet; then the topics are not compared. */
  readonly target: Connection | null;
  /** The cluster that was written last; the other must be an exact prefix of it. */
  readonly ahead?: Cluster;
  /** Where the group without members belongs now; the cluster that was written last, unless told. */
  readonly idleOn?: Cluster;
};

const compacted: ReadonlySet<string> = new Set(
  topics.filter((topic) => topic.compacted).map(({ name }) => name),
);
const topicNames = topics.map(({ name }) => name);

function startOffsets(folder: string): StartOffsets {
  const path = startOffsetsPath(folder);
  return existsSync(path) ? StartOffsets.parse(JSON.parse(readFileSync(path, "utf8"))) : {};
}

/** Every acknowledged record, oldest first. */
export function readAcked(folder: string): AckedRecord[] {
  return ["seed", ...producers.map(({ name }) => name)].flatMap((name) =>
    readLines(ackedPath(folder, name), AckedRecord),
  );
}

function factsOf(folder: string): GroupFacts[] {
  const acked = readAcked(folder);
  const starts = startOffsets(folder);
  return consumers.map(({ name, topics }) => ({
    name,
    topics,
    compacted,
    acked,
    consumed: readLines(consumedPath(folder, name), ConsumedRecord),
    start: starts[name] ?? {},
  }));
}

/**
 * Waits until every group has logged every acknowledged record it had to see; call it with the producers stopped.
 * Returns false when that has not come true within `patienceMs`: what is missing then is what `countMigration` calls lost.
 */
export async function waitUntilCaughtUp(folder: string, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (factsOf(folder).some((facts) => missingIds(facts).length > 0)) {
    if (Date.now() > deadline) return false;
    await pause(500);
  }
  return true;
}

/** Counts from the applications' logs and from both clusters. The applications must be stopped. */
export async function countMigration(options: CountOptions): Promise<Count> {
  const { folder, source, target } = options;
  const ahead = target === null ? "source" : (options.ahead ?? "target");
  const onSource = await readTopics(source, topicNames);
  const onTarget = target === null ? null : await readTopics(target, topicNames);
  const idleOn = options.idleOn ?? ahead;
  const [idleConnection, idleRecords] =
    idleOn === "target" && target !== null && onTarget !== null ? [target, onTarget] : [source, onSource];
  const idle = tallyIdleGroup({
    name: idleGroup.name,
    topics: idleGroup.topics,
    start: startOffsets(folder)[idleGroup.name] ?? {},
    now: await readPosition(idleConnection, idleGroup.name, idleGroup.topics),
    source: onSource,
    there: idleRecords,
  });
  const facts = factsOf(folder);
  const acked = readAcked(folder);
  const writtenAhead = new Set(acked.filter(({ cluster }) => cluster === ahead).map(({ id }) => id));
  return {
    produced: acked.length,
    groups: [...facts.map(tallyGroup), idle],
    topics:
      onTarget === null
        ? []
        : topicNames.map((name) =>
            tallyTopic({
              name,
              compacted: compacted.has(name),
              source: onSource.get(name) ?? null,
              target: onTarget.get(name) ?? null,
              ahead,
              writtenAhead,
            }),
          ),
  };
}
