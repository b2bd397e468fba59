import {
  type CaughtUpReading,
  decideCaughtUp,
  type LastRecords,
  type Verdict,
} from "#domain/lag/caught-up.ts";
import type { LagReading } from "#domain/lag/lag.ts";
import type { KafkaCluster, ReplicationEngine } from "#domain/ports.ts";
import type { OffsetTable, Topic } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { readTails, rememberedTails, type TailLimits } from "./lag-tails.ts";
import { emptyTable, lastRecords } from "./last-records.ts";
import { createdAnew, type TopicsNow, topicsNow } from "./mirrored-topics.ts";

/** Takes the readings that lag and "caught up" are decided from. The order of the reads is the point. */

/** One flow and the cluster it reads from: the source for forward, the target for reverse. */
export type Mirror = {
  readonly flow: string;
  readonly topics: readonly string[];
  readonly origin: KafkaCluster;
  /** Where many mirrors of one cluster are read: lists its topics once for all of them. */
  readonly list?: () => Promise<readonly Topic[]>;
};

/** A longer tail of nothing but control records would be strange enough to be shown as lag. */
const usualTails: TailLimits = { offsets: 100, partitions: 1_000 };
const wholeTails: TailLimits = { offsets: Number.POSITIVE_INFINITY, partitions: Number.POSITIVE_INFINITY };

/**
 * Copied offsets first, ends last: what arrives in between counts as lag, and lag is never under-reported. A mirror
 * that does not exist has copied nothing. A topic that is gone, or was created anew, is said to be so; a partition that
 * did not answer is incomplete, and why.
 */
export async function readLag(
  mirror: Mirror,
  engine: ReplicationEngine,
  work: Pick<Work, "clock" | "store">,
  tails: TailLimits = usualTails,
): Promise<LagReading> {
  const { flow, origin } = mirror;
  const status = await engine.status(flow);
  const copied: OffsetTable = status.state === "absent" ? new Map() : await engine.copied(flow);
  const topics = await topicsNow(mirror);
  const { starts, ends, missing } = await origin.sweep({ topics: topics.present, groups: [] });
  const partitions = partitionsOf(mirror, topics, { copied, starts, ends });
  const reading: LagReading = {
    at: work.clock.now(),
    partitions,
    copied,
    starts,
    ends,
    missing,
    gone: topics.gone,
    recreated: await createdAnew(mirror, topics, { copied, starts, ends }, work),
    quietUntil: await rememberedTails(flow, copied, partitions, work),
  };
  return { ...reading, ...(await readTails(mirror, reading, tails, work)) };
}

/**
 * As many as the cluster lists, and as many as answered: one that did not answer is then known to be missing. A topic
 * without any is kept with one, so that it shows.
 */
function partitionsOf(
  { topics }: Mirror,
  { listed }: TopicsNow,
  tables: { readonly copied: OffsetTable; readonly starts: OffsetTable; readonly ends: OffsetTable },
): ReadonlyMap<string, number> {
  return new Map(
    topics.map((topic) => {
      const rows = [tables.starts, tables.ends, ...(listed.has(topic) ? [] : [tables.copied])];
      const counts = rows.map((table) => table.get(topic)?.length ?? 0);
      return [topic, Math.max(1, listed.get(topic)?.partitions.length ?? 0, ...counts)];
    }),
  );
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
  return decideCaughtUp(await readCaughtUp(question, work));
}

/** The readings that the verdict is decided from, and that prove it. */
export async function readCaughtUp(
  question: CaughtUpQuestion,
  work: Pick<Work, "clock" | "signal" | "store" | "world">,
): Promise<CaughtUpReading> {
  const { origin, topics, flow, flatForMs = 0 } = question;
  const engine = await work.world.engine();
  const began = work.clock.now();
  const endsBefore = await origin.offsets(topics, "end");
  const rest = flatForMs - (work.clock.now() - began);
  if (rest > 0) await work.clock.sleep(rest, work.signal);
  const lag = await readLag(question, engine, work, wholeTails);
  const stable = await origin.offsets(topics, "stable");
  const reading: CaughtUpReading = {
    lag,
    endsBefore,
    apartMs: lag.at - began,
    flatForMs,
    stable,
    flow: await engine.status(flow),
    last: emptyTable<LastRecords>(lag.partitions),
  };
  const first = decideCaughtUp(reading);
  // Comparing last records costs two reads a partition: only when nothing else is missing.
  if (first.proofs.some(({ name, state }) => name !== "same-last-record" && state !== "pass")) return reading;
  return { ...reading, last: await lastRecords(question, lag) };
}
