import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { nextToCopy } from "#domain/lag.ts";
import type { RecordClock, WaitingRecord } from "#domain/lag-time.ts";
import { at, type ConfigEntry, type TopicPartition } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { inTurns } from "./in-turns.ts";
import { mirrorOf, type WaveLag } from "./migration-lag.ts";

/** The next record to copy of each partition that is behind: its timestamp is lag in time, and where its expiry counts from. */

/** One partition that something waits on. */
export type Waiting = TopicPartition & {
  readonly wave: WaveLag;
  /** Its place among the wave's partitions. */
  readonly cell: number;
  readonly next: number;
  /** Offsets from there to the end. */
  readonly offsets: number;
};

/** Partitions that something waits on, most first. */
export function waitingOn(waves: readonly WaveLag[]): readonly Waiting[] {
  return waves
    .flatMap((wave) =>
      wave.lags.map(({ topic, partition, records }, cell) => {
        const next = wave.reading && nextToCopy(wave.reading, { topic, partition });
        const end = wave.reading && at(wave.reading.ends, topic, partition);
        const waits =
          records !== null && records > 0 && next !== undefined && end !== undefined && end > next;
        return waits ? { topic, partition, wave, cell, next, offsets: end - next } : undefined;
      }),
    )
    .filter((waiting) => waiting !== undefined)
    .sort((a, b) => b.offsets - a.offsets);
}

/** What is known of a partition's oldest waiting record from an earlier look: it cannot be younger now. */
const Remembered = z.record(z.string(), z.tuple([z.int(), z.number()]));

/** Partitions whose timestamps are remembered; those that are behind on more are read again each time. */
const mostRemembered = 5_000;

export type Timestamps = {
  /** Those that were read now, at the very offset. */
  readonly read: readonly WaitingRecord[];
  /** Timestamp of the next record, or of an earlier one: a bound for its age. By `cellKey`. */
  readonly bounds: ReadonlyMap<string, number>;
};

export function cellKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function rememberedKey({ migration }: Pick<Work, "migration">): string {
  return `waiting-since:${migration.name}`;
}

/**
 * Reads one record of at most `most` partitions: half of them those with the most records, the rest those whose age is
 * not known or was looked at longest ago in the log. What is not read is not known, but for the bound of an earlier look.
 */
export async function readTimestamps(
  waiting: readonly Waiting[],
  most: number,
  work: Work,
): Promise<Timestamps> {
  const stored = Remembered.safeParse((await work.store.read(rememberedKey(work)))?.value).data ?? {};
  const held = new Map(Object.entries(stored));
  const chosen = choose(waiting, held, most);
  const read: WaitingRecord[] = [];
  await inTurns(chosen, async (place) => {
    const record = await nextRecord(place, work);
    if (record !== undefined) read.push(record);
  });
  const clocks = await clocksOf(read, waiting, work);
  const bounds = new Map<string, number>();
  for (const place of waiting) {
    const [offset, timestamp] = held.get(cellKey(place)) ?? [];
    if (offset !== undefined && timestamp !== undefined && offset <= place.next)
      bounds.set(cellKey(place), timestamp);
  }
  for (const record of read) {
    if (record.timestamp >= 0) bounds.set(cellKey(record), record.timestamp);
  }
  await remember(waiting, read, held, work);
  return {
    read: read.map((record) => ({ ...record, clock: clocks.get(record.topic) ?? "unknown" })),
    bounds,
  };
}

type Held = ReadonlyMap<string, readonly [offset: number, timestamp: number]>;

function choose(waiting: readonly Waiting[], held: Held, most: number): readonly Waiting[] {
  const first = waiting.slice(0, Math.ceil(most / 2));
  const since = (place: Waiting) => held.get(cellKey(place))?.[1] ?? 0;
  const rest = waiting.slice(first.length).toSorted((a, b) => since(a) - since(b));
  return [...first, ...rest.slice(0, most - first.length)];
}

/** `undefined`: it expired meanwhile, or is not decided yet. */
async function nextRecord(place: Waiting, work: Work): Promise<WaitingRecord | undefined> {
  const { topic, partition, next, offsets, wave } = place;
  const { origin } = await mirrorOf(wave.wave, wave.phase, work);
  try {
    const [record] = await origin.read({ topic, partition }, next, { max: 1, until: next + offsets });
    return (
      record && { topic, partition, offset: record.offset, timestamp: record.timestamp, clock: "unknown" }
    );
  } catch (thrown) {
    const { code } = asFerryError(thrown);
    work.log.debug({ topic, partition, code }, "the next record to copy could not be read");
    return undefined;
  }
}

/** Who set the timestamps of these topics. */
async function clocksOf(
  read: readonly WaitingRecord[],
  waiting: readonly Waiting[],
  work: Work,
): Promise<ReadonlyMap<string, RecordClock>> {
  const clocks = new Map<string, RecordClock>();
  const names = new Set(read.map(({ topic }) => topic));
  const waves = new Set(waiting.filter(({ topic }) => names.has(topic)).map(({ wave }) => wave));
  for (const wave of waves) {
    const { origin, topics } = await mirrorOf(wave.wave, wave.phase, work);
    const configs = await origin.topicConfigs(topics.filter((topic) => names.has(topic)));
    for (const [topic, entries] of configs) clocks.set(topic, clockOf(entries));
  }
  return clocks;
}

function clockOf(entries: readonly ConfigEntry[]): RecordClock {
  const value = entries.find(({ name }) => name === "message.timestamp.type")?.value;
  return value === "LogAppendTime" || value === "CreateTime" ? value : "unknown";
}

async function remember(
  waiting: readonly Waiting[],
  read: readonly WaitingRecord[],
  held: Held,
  work: Work,
): Promise<void> {
  const now = new Map(read.map((record) => [cellKey(record), [record.offset, record.timestamp] as const]));
  const kept = waiting.slice(0, mostRemembered).flatMap((place) => {
    const key = cellKey(place);
    const value = now.get(key) ?? held.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  await work.store.write(rememberedKey(work), Object.fromEntries(kept));
}
