import { FerryError } from "#domain/errors.ts";
import type { InventoryReads } from "#domain/inventory.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { at, type Known, known, unknown } from "#domain/topology.ts";
import type { Role } from "./errors.ts";
import type { Fetched } from "./fetches.ts";
import type { Metadata } from "./metadata.ts";
import { partitionOf, readOffsetCommit } from "./offset-commits.ts";
import { batchesOf, createAbortFilter, isControl, recordsOf } from "./record-batches.ts";
import { createPatientFetcher } from "./records.ts";
import { inParallel } from "./retry.ts";

const topic = "__consumer_offsets";
/** The newest offsets of a partition that are read, and where to go on when that is too much. */
const newest = 8000;
const nearest = 500;
/** Fetches of a mebibyte each, for `newest` and again for `nearest`. */
const fetchesPerStretch = 3;
const partitionsAtOnce = 4;

type Reading = {
  /** By group, the newest commit that was seen. */
  readonly commits: ReadonlyMap<string, number>;
  /** What was read, for people. */
  readonly extent: string;
};

/** Offsets are kept by the coordinator with the time of the commit, which no request tells: only its log does. */
export function createLastCommits(
  role: Role,
  metadata: Metadata,
  offsets: Pick<KafkaCluster, "offsets">,
  clock: Clock,
): Pick<InventoryReads, "lastCommits"> {
  const fetch = createPatientFetcher(role, metadata, clock);

  async function readNewest(partition: number, start: number, end: number): Promise<Known<Reading>> {
    const commits = new Map<string, number>();
    let since: number | undefined;
    const where = { topic, partition };
    let position = Math.max(start, end - newest);
    let most = newest;
    let isRead = position >= end;
    for (let left = 2 * fetchesPerStretch; left > 0 && !isRead; left -= 1) {
      if (left === fetchesPerStretch && position < end - nearest) {
        // What is left out may hold newer commits than those seen so far.
        commits.clear();
        since = undefined;
        most = nearest;
        position = end - nearest;
      }
      const answer = await fetch({ where, from: position, isolation: "read-committed" });
      since ??= batchesOf(answer.bytes).next().value?.baseTimestamp;
      const next = await noteCommits(answer, position, commits);
      isRead = next === position || next >= end;
      position = next;
    }
    const place = `${topic}-${partition}`;
    if (!isRead) return unknown(`the newest ${nearest} offsets of ${place} are too much to read`);
    const isWhole = start >= end - most;
    return known({ commits, extent: isWhole ? place : extentOf(most, place, since) });
  }

  async function readings(groups: readonly string[]): Promise<(group: string) => Known<Reading>> {
    const partitions = (await metadata.existing([topic])).get(topic)?.partitions.length ?? 0;
    if (partitions === 0) return () => unknown(`the ${role} cluster has no ${topic}: nobody committed`);
    const wanted = [...new Set(groups.map((group) => partitionOf(group, partitions)))];
    const [starts, ends] = await Promise.all([
      offsets.offsets([topic], "start"),
      offsets.offsets([topic], "end"),
    ]);
    const read = new Map<number, Known<Reading>>();
    await inParallel(wanted, partitionsAtOnce, async (partition) => {
      const start = at(starts, topic, partition) ?? 0;
      const end = at(ends, topic, partition) ?? 0;
      read.set(partition, await readNewest(partition, start, end));
    });
    return (group) => read.get(partitionOf(group, partitions)) ?? unknown("it was not read");
  }

  return {
    async lastCommits(groups) {
      const readingOf = await readings(groups).catch((thrown: unknown) => {
        const why = whyUnreadable(thrown);
        return () => why;
      });
      return new Map(groups.map((group) => [group, timeOf(group, readingOf(group))]));
    },
  };
}

/** When the part that was read began is a bound on how old a commit is that is not in it. */
function extentOf(most: number, place: string, since: number | undefined): string {
  const begins = since === undefined || since < 0 ? "" : `, since ${new Date(since).toISOString()},`;
  return `the newest ${most} offsets of ${place}${begins}`;
}

function timeOf(group: string, reading: Known<Reading>): Known<number> {
  if (!reading.known) return reading;
  const committedAt = reading.value.commits.get(group);
  return committedAt === undefined
    ? unknown(`${reading.value.extent} holds no commit of it`)
    : known(committedAt);
}

function whyUnreadable(thrown: unknown): ReturnType<typeof unknown> {
  if (!(thrown instanceof FerryError)) throw thrown;
  const right = thrown.code === "E_KAFKA_AUTH" ? ` The bot needs READ on ${topic}.` : "";
  if (right === "" && thrown.code !== "E_INCOMPLETE" && thrown.code !== "E_KAFKA") throw thrown;
  return unknown(`${thrown.message}${right}`);
}

/** Notes the newest commit of each group; returns the offset to go on from. */
async function noteCommits(
  { bytes, aborted }: Pick<Fetched, "bytes" | "aborted">,
  from: number,
  commits: Map<string, number>,
): Promise<number> {
  const isAborted = createAbortFilter(aborted);
  let next = from;
  for (const batch of batchesOf(bytes)) {
    next = Math.max(next, batch.lastOffset + 1);
    if (isAborted(batch) || isControl(batch)) continue;
    for (const { key, value } of await recordsOf(batch)) {
      const commit = readOffsetCommit(key, value);
      if (commit) commits.set(commit.group, Math.max(commits.get(commit.group) ?? 0, commit.committedAt));
    }
  }
  return next;
}
