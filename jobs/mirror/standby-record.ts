import { z } from "zod";
import type { Versioned } from "#domain/ports.ts";
import { count, figure, took } from "#domain/wording.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";

/**
 * What the watch over a standby knows: one document a wave, under `standby:<migration>:<wave>`. The count of records that
 * are on the source only stays until the producers of the wave are moved again.
 */

/** Records of one partition that the reverse mirror did not write. */
const Place = z.object({
  topic: z.string(),
  partition: z.int(),
  records: z.int(),
  /** Offsets on the source, of the first and the last of them. */
  first: z.int(),
  last: z.int(),
});
export type Place = z.infer<typeof Place>;

export const Standby = z.object({
  /** Of the boundary that it counts from: another one begins anew. */
  boundaryAt: z.string(),
  /** Next source offset to look at, by topic and partition. */
  cursors: z.record(z.string(), z.array(z.int())),
  /** Where on the target the originals of what comes next can begin, and what will move it: `standby-floors.ts`. */
  floors: z.record(z.string(), z.array(z.int())),
  marks: z.record(z.string(), z.array(z.tuple([z.int(), z.int()]).nullable())),
  /** Every producer id that was once seen to be the reverse mirror's. */
  mirrorIds: z.array(z.int()),
  /** On the source only, for good. */
  rogue: z.array(Place),
  /** Seen above the last stable offset: counted once the transactions around them have ended. */
  unsettled: z.array(Place),
  /** Records of which it cannot be said, and where those of them stand that can still be read. */
  undecided: z.int(),
  doubtful: z.array(Place),
  why: z.string().optional(),
  /** Offsets not looked at yet when the last check ended. */
  behind: z.int(),
  /** Where the next check begins when time is short. */
  turn: z.int(),
  /** Names of the writers of the newest rogue records. */
  names: z.string().optional(),
  /** When rogue records were found for the first and the last time, ms since the epoch. */
  firstRogueAt: z.number().optional(),
  lastRogueAt: z.number().optional(),
  /** End of the last check that went through, ms since the epoch. */
  checkedAt: z.number().optional(),
  /** Why the one after it did not. */
  failure: z.string().optional(),
});
export type Standby = z.infer<typeof Standby>;

export function standbyKey(migration: string, wave: string): string {
  return `standby:${migration}:${wave}`;
}

type Ends = Readonly<Record<string, readonly number[]>>;

function copyOf(ends: Ends): Record<string, number[]> {
  return Object.fromEntries(Object.entries(ends).map(([topic, row]) => [topic, [...row]]));
}

/** Nothing looked at yet. */
export function freshStandby(boundary: {
  readonly at: string;
  readonly source: Ends;
  readonly target: Ends;
}): Standby {
  return {
    boundaryAt: boundary.at,
    cursors: copyOf(boundary.source),
    floors: copyOf(boundary.target),
    marks: {},
    mirrorIds: [],
    rogue: [],
    unsettled: [],
    undecided: 0,
    doubtful: [],
    behind: 0,
    turn: 0,
  };
}

export type StoredStandby = { readonly standby: Standby; readonly revision: number };

/** The document of this boundary, or `fresh` in its place. */
export function parseStandby(stored: Versioned | undefined, fresh: Standby): StoredStandby {
  const revision = stored?.revision ?? 0;
  const parsed = Standby.safeParse(stored?.value);
  const isCurrent = parsed.success && parsed.data.boundaryAt === fresh.boundaryAt;
  return { standby: isCurrent ? parsed.data : fresh, revision };
}

/** What the watch found so far for this boundary; nothing looked at where it was not there yet. */
export async function storedStandby(
  { store, migration }: Pick<Work, "store" | "migration">,
  wave: string,
  boundary: Parameters<typeof freshStandby>[0],
): Promise<Standby> {
  return parseStandby(await store.read(standbyKey(migration.name, wave)), freshStandby(boundary)).standby;
}

export type StandbyVerdict = {
  readonly state: "clean" | "rogue" | "unknown";
  /** Records that are on the source only; `undefined`: not known. */
  readonly records: number | undefined;
  /** For people: partitions and numbers, or why it is not known; empty when clean. */
  readonly why: string;
  /** Milliseconds since the epoch; `undefined`: never. */
  readonly checkedAt: number | undefined;
};

/** A check older than this says nothing about now: several of the watch have failed to come. */
const staleMs = 90_000;

/** What the watch knows of this wave's source, for whoever weighs the way back. Reads the store only. */
export async function readStandby(
  work: Pick<Work, "store" | "migration" | "clock">,
  wave: string,
): Promise<StandbyVerdict> {
  const { phase, boundary } = await readWaveState(work, wave);
  if (phase !== "producers-moved" || boundary === undefined) return nothing("its source is no standby");
  const stored = await work.store.read(standbyKey(work.migration.name, wave));
  const { standby } = parseStandby(stored, freshStandby(boundary));
  return verdictOf(standby, work.clock.now());
}

function nothing(why: string): StandbyVerdict {
  return { state: "unknown", records: undefined, why, checkedAt: undefined };
}

export function verdictOf(standby: Standby, now: number): StandbyVerdict {
  const { checkedAt } = standby;
  if (checkedAt === undefined) return nothing(standby.failure ?? "not checked yet");
  const records = countOf(standby.rogue);
  const why = whyUnknown(standby, checkedAt, now);
  if (records > 0 || standby.unsettled.length > 0) {
    const more = why === undefined ? "" : `; at least: ${why}`;
    return { state: "rogue", records, why: `${describePlaces(standby)}${more}`, checkedAt };
  }
  if (why !== undefined) return { state: "unknown", records: undefined, why, checkedAt };
  return { state: "clean", records: 0, why: "", checkedAt };
}

function whyUnknown(standby: Standby, checkedAt: number, now: number): string | undefined {
  const { undecided, behind, failure, why } = standby;
  if (failure !== undefined) return failure;
  if (now - checkedAt > staleMs) return `last checked ${took(now - checkedAt)} ago`;
  if (undecided > 0) return `${count(undecided, "record")} cannot be attributed: ${why ?? "no reason kept"}`;
  return behind > 0 ? `the check is behind by ${count(behind, "offset")}` : undefined;
}

const placesNamed = 5;

/** "12 records on the source only: payments-1 offsets 120 to 131 (12)". */
export function describePlaces({ rogue, unsettled }: Pick<Standby, "rogue" | "unsettled">): string {
  const counted = countOf(rogue);
  const shown = rogue
    .toSorted((a, b) => b.records - a.records)
    .slice(0, placesNamed)
    .map(
      ({ topic, partition, records, first, last }) =>
        `${topic}-${partition} offsets ${first} to ${last} (${figure(records)})`,
    );
  const more = rogue.length - shown.length;
  const rest = more > 0 ? ` and ${figure(more)} more partitions` : "";
  const settled =
    counted === 0 ? [] : [`${count(counted, "record")} on the source only: ${shown.join(", ")}${rest}`];
  const open = countOf(unsettled);
  return [
    ...settled,
    ...(open === 0 ? [] : [`${count(open, "record")} beside transactions that are open`]),
  ].join("; ");
}

function countOf(places: readonly Place[]): number {
  return places.reduce((sum, { records }) => sum + records, 0);
}

/** Adds what was found now. */
export function mergePlaces(places: readonly Place[], found: readonly Place[]): Place[] {
  const merged = new Map(places.map((place) => [`${place.topic}-${place.partition}`, place]));
  for (const place of found) {
    const name = `${place.topic}-${place.partition}`;
    const known = merged.get(name);
    merged.set(
      name,
      known === undefined
        ? place
        : {
            ...place,
            records: known.records + place.records,
            first: Math.min(known.first, place.first),
            last: Math.max(known.last, place.last),
          },
    );
  }
  return [...merged.values()];
}
