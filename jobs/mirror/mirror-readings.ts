import { z } from "zod";
import { type CaughtUpReading, decideCaughtUp, type LastRecords, type Verdict } from "#domain/caught-up.ts";
import { type LagReading, type PartitionLag, partitionLags } from "#domain/lag.ts";
import { sameRecord } from "#domain/log-view.ts";
import type { KafkaCluster, ReplicationEngine } from "#domain/ports.ts";
import {
  at,
  type KafkaRecord,
  type OffsetTable,
  type PartitionTable,
  type TopicPartition,
} from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";

/** Takes the readings that lag and "caught up" are decided from. The order of the reads is the point. */

/** One flow and the cluster it reads from: the source for forward, the target for reverse. */
export type Mirror = {
  readonly flow: string;
  readonly topics: readonly string[];
  readonly origin: KafkaCluster;
};

/** Reads at a time against one cluster. */
const width = 16;
/** A longer tail of nothing but control records would be strange enough to be shown as lag. */
const tailLimit = 100;

/**
 * Copied offsets first, ends last: what arrives in between counts as lag, and lag is never under-reported. A mirror
 * that does not exist has copied nothing.
 */
export async function readLag(
  mirror: Mirror,
  engine: ReplicationEngine,
  work: Pick<Work, "clock" | "store">,
): Promise<LagReading> {
  const status = await engine.status(mirror.flow);
  const copied: OffsetTable = status.state === "absent" ? new Map() : await engine.copied(mirror.flow);
  const starts = await mirror.origin.offsets(mirror.topics, "start");
  const ends = await mirror.origin.offsets(mirror.topics, "end");
  const partitions = partitionsOf(mirror, starts, ends);
  const stored = QuietTails.safeParse((await work.store.read(quietKey(mirror.flow)))?.value);
  const tails = stored.data ?? {};
  const reading: LagReading = {
    at: work.clock.now(),
    partitions,
    copied,
    starts,
    ends,
    quietUntil: stillQuiet(tails, copied, partitions),
  };
  return { ...reading, quietUntil: await quietTails(mirror, reading, tailLimit, work) };
}

const QuietTails = z.record(z.string(), z.array(z.object({ from: z.int(), until: z.int() }).nullable()));
type QuietTails = z.infer<typeof QuietTails>;

/** `quiet-tails:` may hold tails that were looked at while a transaction was open: they count no more. */
function quietKey(flow: string): string {
  return `settled-tails:${flow}`;
}

/** A tail counts only while everything before it is copied: a flow that was made anew starts from nothing. */
function stillQuiet(
  tails: QuietTails,
  copied: OffsetTable,
  partitions: ReadonlyMap<string, number>,
): OffsetTable {
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

/** A topic that answered with no partition at all is kept with one, so that it shows as incomplete. */
function partitionsOf(
  { topics }: Mirror,
  starts: OffsetTable,
  ends: OffsetTable,
): ReadonlyMap<string, number> {
  return new Map(
    topics.map((topic) => [topic, Math.max(1, starts.get(topic)?.length ?? 0, ends.get(topic)?.length ?? 0)]),
  );
}

/**
 * Where the rest up to the end holds no data record: markers of transactions, or records that were aborted. What is
 * found is remembered: such a tail may expire, and would then look like lost records. Behind the last stable offset
 * nothing is known: a read-committed read ends there, and the open transaction may still be committed.
 */
async function quietTails(
  { flow, origin }: Mirror,
  reading: LagReading,
  limit: number,
  { store }: Pick<Work, "store">,
): Promise<OffsetTable> {
  const quiet = new Map(
    [...reading.partitions].map(([topic]) => [topic, [...(reading.quietUntil?.get(topic) ?? [])]]),
  );
  const found: Array<TopicPartition & { readonly from: number; readonly until: number }> = [];
  const candidates = partitionLags(reading).filter(
    ({ state, records }) => (state === "behind" || state === "never-copied") && (records ?? 0) <= limit,
  );
  if (candidates.length === 0) return quiet;
  // Before the records: what was stable then is decided.
  const stable = await origin.offsets([...new Set(candidates.map(({ topic }) => topic))], "stable");
  await inTurns(candidates, async ({ topic, partition }) => {
    const copied = at(reading.copied, topic, partition);
    const from = copied === undefined ? at(reading.starts, topic, partition) : copied + 1;
    const until = at(reading.ends, topic, partition);
    const row = quiet.get(topic);
    if (from === undefined || until === undefined || row === undefined) return;
    if ((at(stable, topic, partition) ?? 0) < until) return;
    const records = await origin.read({ topic, partition }, from, {
      max: 1,
      until,
      isolation: "read-committed",
    });
    if (records.length > 0) return;
    row[partition] = until;
    found.push({ topic, partition, from, until });
  });
  if (found.length > 0) await rememberTails(flow, found, store);
  return quiet;
}

async function rememberTails(
  flow: string,
  found: ReadonlyArray<TopicPartition & { readonly from: number; readonly until: number }>,
  store: Work["store"],
): Promise<void> {
  const tails = QuietTails.safeParse((await store.read(quietKey(flow)))?.value).data ?? {};
  for (const { topic, partition, from, until } of found) {
    const row = [...(tails[topic] ?? [])];
    while (row.length <= partition) row.push(null);
    row[partition] = { from, until };
    tails[topic] = row;
  }
  await store.write(quietKey(flow), tails);
}

export type CaughtUpQuestion = Mirror & {
  readonly destination: KafkaCluster;
  /** The two reads of the ends must lie this far apart; 0 when silence was proved before. */
  readonly flatForMs?: number;
  /** Others may have written to the destination after the mirror: its last record is looked for before theirs. */
  readonly destinationShared?: boolean;
};

/** Reads everything that the five proofs need. Opens no door: a verdict is worth as much as the fence before it. */
export async function caughtUp(
  question: CaughtUpQuestion,
  work: Pick<Work, "clock" | "signal" | "store" | "world">,
): Promise<Verdict> {
  const { origin, topics, flow, flatForMs = 0 } = question;
  const engine = await work.world.engine();
  const began = work.clock.now();
  const endsBefore = await origin.offsets(topics, "end");
  const rest = flatForMs - (work.clock.now() - began);
  if (rest > 0) await work.clock.sleep(rest, work.signal);
  const lag = await readLag(question, engine, work);
  const stable = await origin.offsets(topics, "stable");
  const quietUntil = await quietTails(question, lag, Number.POSITIVE_INFINITY, work);
  const flowStatus = await engine.status(flow);
  const full: LagReading = { ...lag, quietUntil };
  const reading: CaughtUpReading = {
    lag: full,
    endsBefore,
    apartMs: lag.at - began,
    flatForMs,
    stable,
    flow: flowStatus,
    last: emptyTable<LastRecords>(lag.partitions),
  };
  const first = decideCaughtUp(reading);
  // Comparing last records costs two reads a partition: only when nothing else is missing.
  if (first.proofs.some(({ name, state }) => name !== "same-last-record" && state !== "pass")) return first;
  return decideCaughtUp({ ...reading, last: await lastRecords(question, full) });
}

async function lastRecords(
  question: CaughtUpQuestion,
  lag: LagReading,
): Promise<PartitionTable<LastRecords>> {
  const starts = await question.destination.offsets(question.topics, "start");
  const ends = await question.destination.offsets(question.topics, "end");
  const table = emptyTable<LastRecords>(lag.partitions);
  await inTurns(partitionLags(lag), async ({ topic, partition }: PartitionLag) => {
    const row = table.get(topic);
    if (row === undefined) return;
    const where = { topic, partition };
    const origin = await lastRecord(question.origin, where, lag.starts, lag.ends);
    if (origin === undefined) return;
    const last = await lastRecord(question.destination, where, starts, ends);
    if (last === undefined) return;
    const isOther = origin !== null && last !== null && !sameRecord(origin, last);
    const copy =
      isOther && question.destinationShared === true
        ? await copyBefore(question.destination, where, origin, last.offset)
        : undefined;
    row[partition] = { origin, destination: copy ?? last };
  });
  return table;
}

/** Offsets that are searched for a copy behind which others have written. */
const searched = 50_000;
const searchStep = 2000;

/** The newest record before `until` that is equal to the original, within reach. */
async function copyBefore(
  cluster: KafkaCluster,
  where: TopicPartition,
  original: KafkaRecord,
  until: number,
): Promise<KafkaRecord | undefined> {
  const lowest = Math.max(0, until - searched);
  for (let end = until; end > lowest; end -= searchStep) {
    const from = Math.max(lowest, end - searchStep);
    const records = await cluster.read(where, from, {
      max: searchStep,
      until: end,
      isolation: "read-committed",
    });
    const copy = records.findLast((record) => sameRecord(record, original));
    if (copy !== undefined) return copy;
  }
  return undefined;
}

/**
 * The last data record, looked for in windows that double from the end; `null` when the log holds none, `undefined`
 * when its bounds are not known.
 */
async function lastRecord(
  cluster: KafkaCluster,
  where: TopicPartition,
  starts: OffsetTable,
  ends: OffsetTable,
): Promise<KafkaRecord | null | undefined> {
  const start = starts.get(where.topic)?.[where.partition];
  const end = ends.get(where.topic)?.[where.partition];
  if (start === undefined || end === undefined) return undefined;
  let until = end;
  for (let window = 16; until > start; window *= 4) {
    const from = Math.max(start, until - window);
    const found = await cluster.read(where, from, { max: window, until, isolation: "read-committed" });
    const last = found.at(-1);
    if (last !== undefined) return last;
    until = from;
  }
  return null;
}

function emptyTable<T>(partitions: ReadonlyMap<string, number>): Map<string, Array<T | undefined>> {
  return new Map(
    [...partitions].map(([topic, count]) => [topic, Array.from<T | undefined>({ length: count })]),
  );
}

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += width) {
    await Promise.all(items.slice(from, from + width).map(act));
  }
}
