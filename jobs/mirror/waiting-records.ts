import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { nextToCopy } from "#domain/lag/lag.ts";
import type { RecordClock, WaitingRecord } from "#domain/lag/lag-time.ts";
import { contentDigest } from "#domain/offsets/log-view.ts";
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

/** A record that waited at an earlier look: what waits now cannot be younger, and it can be looked for among the copies. */
const Mark = z.object({
  offset: z.int(),
  /** Milliseconds since the epoch; -1: none. */
  timestamp: z.number(),
  /** Of its content. */
  digest: z.string(),
  flow: z.string(),
});
export type Mark = z.infer<typeof Mark>;
const Marks = z.record(z.string(), Mark);

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

function marksKey({ migration }: Pick<Work, "migration">): string {
  return `waiting-marks:${migration.name}`;
}

type Held = ReadonlyMap<string, Mark>;

/** Of the earlier looks, by `cellKey`. */
export async function rememberedMarks({
  store,
  migration,
}: Pick<Work, "store" | "migration">): Promise<Held> {
  const stored = await store.read(marksKey({ migration }));
  return new Map(Object.entries(Marks.safeParse(stored?.value).data ?? {}));
}

/**
 * Reads one record of at most `most` partitions: half of them those with the most records, the rest those whose age is
 * not known or was looked at longest ago in the log. What is not read is not known, but for the bound of an earlier look.
 * `waiting` is everything that waits, for what is not in it is forgotten, unless `isPart`.
 */
export async function readTimestamps(
  waiting: readonly Waiting[],
  most: number,
  work: Work,
  { isPart = false }: { readonly isPart?: boolean } = {},
): Promise<Timestamps> {
  const held = await rememberedMarks(work);
  const chosen = choose(waiting, held, most);
  const read: Read[] = [];
  await inTurns(chosen, async (place) => {
    const record = await nextRecord(place, work);
    if (record !== undefined) read.push(record);
  });
  const clocks = await clocksOf(read, waiting, work);
  const bounds = new Map<string, number>();
  for (const place of waiting) {
    const mark = held.get(cellKey(place));
    if (mark !== undefined && mark.offset <= place.next) bounds.set(cellKey(place), mark.timestamp);
  }
  for (const { mark, ...where } of read) {
    if (mark.timestamp >= 0) bounds.set(cellKey(where), mark.timestamp);
  }
  if (!isPart) await remember(waiting, read, held, work);
  return {
    read: read.map(({ mark: { offset, timestamp }, topic, partition }) => ({
      topic,
      partition,
      offset,
      timestamp,
      clock: clocks.get(topic) ?? "unknown",
    })),
    bounds,
  };
}

type Read = TopicPartition & { readonly mark: Mark };

function choose(waiting: readonly Waiting[], held: Held, most: number): readonly Waiting[] {
  const first = waiting.slice(0, Math.ceil(most / 2));
  const since = (place: Waiting) => held.get(cellKey(place))?.timestamp ?? 0;
  const rest = waiting.slice(first.length).toSorted((a, b) => since(a) - since(b));
  return [...first, ...rest.slice(0, most - first.length)];
}

/** `undefined`: it expired meanwhile, or is not decided yet. */
async function nextRecord(place: Waiting, work: Work): Promise<Read | undefined> {
  const { topic, partition, next, offsets, wave } = place;
  const { origin } = await mirrorOf(wave.wave, wave.phase, work);
  try {
    const [record] = await origin.read({ topic, partition }, next, {
      max: 1,
      until: next + offsets,
      isolation: "read-committed",
    });
    if (record === undefined) return undefined;
    const { offset, timestamp } = record;
    return {
      topic,
      partition,
      mark: { offset, timestamp, digest: contentDigest(record), flow: wave.flow.name },
    };
  } catch (thrown) {
    const { code } = asFerryError(thrown);
    work.log.debug({ topic, partition, code }, "the next record to copy could not be read");
    return undefined;
  }
}

/** Who set the timestamps of these topics. */
async function clocksOf(
  read: readonly TopicPartition[],
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

/** A mark that retention has passed is forgotten: whether it was copied has been looked into. */
async function remember(
  waiting: readonly Waiting[],
  read: readonly Read[],
  held: Held,
  work: Work,
): Promise<void> {
  const now = new Map(read.map((record) => [cellKey(record), record.mark]));
  const kept = waiting.slice(0, mostRemembered).flatMap((place) => {
    const key = cellKey(place);
    const mark = now.get(key) ?? held.get(key);
    const start = place.wave.reading && at(place.wave.reading.starts, place.topic, place.partition);
    return mark === undefined || mark.offset < (start ?? 0) ? [] : [[key, mark] as const];
  });
  await work.store.write(marksKey(work), Object.fromEntries(kept));
}
