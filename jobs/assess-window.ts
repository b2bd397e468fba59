import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type GroupDescription,
  type Known,
  known,
  type OffsetTable,
  type Topic,
  unknown,
} from "#domain/topology.ts";
import type { Work } from "./work.ts";

/**
 * Throughput over `assess.window`, from two readings of the committed and the end offsets. Between them nobody waits: the
 * first is kept.
 */

const Row = z.array(z.number().nullable());

const FirstReading = z.object({
  clusterId: z.string(),
  /** Milliseconds since the epoch: when the assessment began, when the offsets were read. */
  began: z.number(),
  at: z.number(),
  /** Per topic, by partition. */
  ends: z.record(z.string(), Row),
  /** Per group and topic, by partition. */
  commits: z.record(z.string(), z.record(z.string(), Row)),
  /** Groups that had no member. */
  memberless: z.array(z.string()),
});
export type FirstReading = z.infer<typeof FirstReading>;

/** A first reading older than this many windows says more about yesterday than about now. */
const staleWindows = 3;

/** Where a migration's first reading is kept until its assessment is told. */
export function windowKey(migration: string): string {
  return `assess-window:${migration}`;
}

/** Goes on from the reading that is kept, also of an attempt that was killed; takes one where there is none of use. */
export async function openWindow(work: Work, clusterId: string): Promise<FirstReading> {
  const began = work.clock.now();
  const kept = FirstReading.safeParse((await work.store.read(windowKey(work.migration.name)))?.value);
  if (kept.success && kept.data.clusterId === clusterId && isFresh(kept.data.at, work)) return kept.data;
  const { source } = work.world;
  const ids = (await source.listGroups()).map(({ id }) => id);
  const described = await source.describeGroups(ids);
  const committed = await source.committed(ids);
  const { found: ends } = await ofTopicsNow(source, (topics) => source.offsets(readable(topics), "end"));
  const reading: FirstReading = {
    clusterId,
    began,
    at: work.clock.now(),
    ends: rowsOf(ends),
    commits: Object.fromEntries([...committed].map(([group, table]) => [group, rowsOf(table)])),
    memberless: described.filter(isMemberless).map(({ id }) => id),
  };
  await work.store.write(windowKey(work.migration.name), reading);
  return reading;
}

function rowsOf(table: OffsetTable): Record<string, Array<number | null>> {
  return Object.fromEntries([...table].map(([topic, row]) => [topic, row.map((offset) => offset ?? null)]));
}

/** Nobody is in it; of an unknown state that is not known. */
export function isMemberless({ state, members }: GroupDescription): boolean {
  return members.length === 0 && state === "Empty";
}

export async function closeWindow(work: Work): Promise<void> {
  await work.store.remove(windowKey(work.migration.name));
}

/** Not of the future either: then a clock was wrong. */
function isFresh(at: number, { clock, migration }: Work): boolean {
  const age = clock.now() - at;
  return age >= 0 && age <= staleWindows * migration.settings.assess.window;
}

/** Names of the topics whose every partition has a leader: offsets of others cannot be asked for. */
export function readable(topics: readonly Topic[]): readonly string[] {
  return topics.filter((topic) => offlineOf(topic) === 0).map(({ name }) => name);
}

/** A topic that is listed and known to no other request as often as this is not being deleted. */
const lists = 5;

/**
 * Reads of the topics that are there. A topic may be deleted between their list and a question about it, which fails the
 * question for all: then the list is taken anew. `vanished`: names that were in an earlier list and are not in the last.
 */
export async function ofTopicsNow<T>(
  source: KafkaCluster,
  read: (topics: readonly Topic[]) => Promise<T>,
): Promise<{ readonly found: T; readonly vanished: readonly string[] }> {
  const seen = new Set<string>();
  for (let left = lists - 1; ; left -= 1) {
    const topics = await source.listTopics();
    const names = new Set(topics.map(({ name }) => name));
    for (const name of names) seen.add(name);
    try {
      const found = await read(topics);
      return { found, vanished: [...seen].filter((name) => !names.has(name)) };
    } catch (thrown) {
      if (left === 0 || asFerryError(thrown).code !== "E_UNKNOWN_TOPIC") throw thrown;
    }
  }
}

/** How many partitions have no leader. */
export function offlineOf({ partitions }: Topic): number {
  return partitions.filter(({ leader }) => leader < 0).length;
}

export type Measured = {
  readonly windowMs: number;
  readonly starts: OffsetTable;
  readonly ends: OffsetTable;
  /** Records per second: end offsets gained. Of a topic that was read both times. */
  perSecond(topic: string): Known<number>;
};

/** Takes the second reading of the topics named. */
export async function measure(
  first: FirstReading,
  topics: readonly string[],
  source: KafkaCluster,
  now: () => number,
): Promise<Measured> {
  const ends = await source.offsets(topics, "end");
  const windowMs = now() - first.at;
  const starts = await source.offsets(topics, "start");
  return {
    windowMs,
    starts,
    ends,
    perSecond: (topic) => rateOf(first.ends[topic], ends.get(topic) ?? [], windowMs),
  };
}

function rateOf(
  before: ReadonlyArray<number | null> | undefined,
  ends: ReadonlyArray<number | undefined>,
  windowMs: number,
): Known<number> {
  if (before === undefined) return unknown("it was new or had an offline partition when measuring began");
  if (windowMs <= 0) return unknown("no time passed between the two readings");
  let gained = 0;
  for (const [partition, end] of ends.entries()) {
    // A partition that was added since began at 0.
    const more = (end ?? Number.NaN) - (before[partition] ?? 0);
    if (!(more >= 0)) return unknown(`the end of partition ${partition} went back while measuring`);
    gained += more;
  }
  if (ends.length < before.length) return unknown("it lost partitions while measuring: it was made anew");
  return known(gained / (windowMs / 1000));
}
