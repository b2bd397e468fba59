import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { type LagReading, nextToCopy, type PartitionLag, partitionLags } from "#domain/lag/lag.ts";
import { at, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { inTurns } from "./in-turns.ts";
import type { Mirror } from "./mirror-readings.ts";

/** What lies between the next record to copy and the end: offsets are not records where transactions and compaction are. */

/** How much is looked at: tails of at most so many offsets, on at most so many partitions. */
export type TailLimits = { readonly offsets: number; readonly partitions: number };

export type Tails = Required<Pick<LagReading, "quietUntil" | "counted" | "openFrom">>;

type Row<T> = Map<string, Array<T | undefined>>;
type Quiet = TopicPartition & { readonly from: number; readonly until: number };

const QuietTails = z.record(z.string(), z.array(z.object({ from: z.int(), until: z.int() }).nullable()));
type QuietTails = z.infer<typeof QuietTails>;

/** `quiet-tails:` may hold tails that were looked at while a transaction was open: they count no more. */
function quietKey(flow: string): string {
  return `settled-tails:${flow}`;
}

/** Tails that were found quiet before. One counts only while everything before it is copied. */
export async function rememberedTails(
  flow: string,
  copied: OffsetTable,
  partitions: ReadonlyMap<string, number>,
  { store }: Pick<Work, "store">,
): Promise<OffsetTable> {
  const tails = QuietTails.safeParse((await store.read(quietKey(flow)))?.value).data ?? {};
  const rows = Object.entries(tails).filter(([topic]) => partitions.has(topic));
  return new Map(
    rows.map(([topic, row]) => [
      topic,
      row.map((tail, partition) => {
        const last = at(copied, topic, partition);
        return tail !== null && last !== undefined && last + 1 >= tail.from ? tail.until : undefined;
      }),
    ]),
  );
}

/**
 * Counts the records that wait. Where there is none, only markers of transactions or aborted records, the tail is
 * quiet, and remembered: it may expire, and would then look like lost records. Behind the last stable offset nothing is
 * known: a read-committed read ends there, and the open transaction may still be committed.
 */
export async function readTails(
  { flow, origin }: Mirror,
  reading: LagReading,
  limits: TailLimits,
  { store }: Pick<Work, "store">,
): Promise<Tails> {
  const quietUntil: Row<number> = new Map(
    [...reading.partitions].map(([topic]) => [topic, [...(reading.quietUntil?.get(topic) ?? [])]]),
  );
  const counted: Row<number> = new Map();
  const openFrom: Row<number> = new Map();
  const found: Quiet[] = [];
  const candidates = partitionLags(reading).filter((lag) => isCountable(lag, limits.offsets));
  if (candidates.length === 0) return { quietUntil, counted, openFrom };
  const looked = candidates
    .toSorted((a, b) => (a.records ?? 0) - (b.records ?? 0))
    .slice(0, limits.partitions);
  // Before the records: what was stable then is decided.
  const stable = await stableOffsets(origin, [...new Set(looked.map(({ topic }) => topic))]);
  if (stable === undefined) return { quietUntil, counted, openFrom };
  await inTurns(looked, async (where) => {
    const tail = tailOf(reading, where);
    if (tail === undefined) return;
    const decided = at(stable, where.topic, where.partition) ?? 0;
    if (decided < tail.until) return put(openFrom, where, decided);
    const records = await countRecords(origin, where, tail);
    if (records === undefined) return;
    put(counted, where, records);
    if (records > 0 || where.state === "truncated") return;
    put(quietUntil, where, tail.until);
    found.push({ ...where, from: tail.base, until: tail.until });
  });
  if (found.length > 0) await rememberTails(flow, found, store);
  return { quietUntil, counted, openFrom };
}

/** `undefined`: a partition did not answer. What waits is then told in offsets, which is no less. */
async function stableOffsets(
  origin: Mirror["origin"],
  topics: readonly string[],
): Promise<OffsetTable | undefined> {
  try {
    return await origin.offsets(topics, "stable");
  } catch (thrown) {
    if (asFerryError(thrown).code === "E_INCOMPLETE") return undefined;
    throw thrown;
  }
}

function isCountable({ state, records }: PartitionLag, most: number): boolean {
  const waits = state === "behind" || state === "never-copied" || state === "truncated";
  return waits && records !== null && records > 0 && records <= most;
}

type Tail = { readonly base: number; readonly from: number; readonly until: number };

/** `base`: behind the last copied record; what lies between it and `from` is known to be quiet. */
function tailOf(reading: LagReading, where: TopicPartition): Tail | undefined {
  const from = nextToCopy(reading, where);
  const until = at(reading.ends, where.topic, where.partition);
  const copied = at(reading.copied, where.topic, where.partition);
  if (from === undefined || until === undefined) return undefined;
  return { base: copied === undefined ? from : copied + 1, from, until };
}

/** Data records in it; `undefined`: retention took its beginning while it was read. */
async function countRecords(
  origin: Mirror["origin"],
  where: TopicPartition,
  { from, until }: Tail,
): Promise<number | undefined> {
  try {
    const records = await origin.read(where, from, { max: until - from, until, isolation: "read-committed" });
    return records.length;
  } catch (thrown) {
    if (asFerryError(thrown).code === "E_KAFKA") return undefined;
    throw thrown;
  }
}

function put(table: Row<number>, { topic, partition }: TopicPartition, value: number): void {
  const row = table.get(topic) ?? [];
  row[partition] = value;
  table.set(topic, row);
}

async function rememberTails(flow: string, found: readonly Quiet[], store: Work["store"]): Promise<void> {
  const tails = QuietTails.safeParse((await store.read(quietKey(flow)))?.value).data ?? {};
  for (const { topic, partition, from, until } of found) {
    const row = [...(tails[topic] ?? [])];
    while (row.length <= partition) row.push(null);
    row[partition] = { from, until };
    tails[topic] = row;
  }
  await store.write(quietKey(flow), tails);
}
