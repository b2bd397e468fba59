import type { TopicPartition } from "#domain/topology.ts";
import { about, count } from "#domain/wording.ts";
import { type Remedy, remediesFor } from "./retention-remedies.ts";

/**
 * Whether the source's retention takes records before the mirror has copied them. Pure. Every bound is early: Kafka
 * removes whole segments, the oldest first, and a segment only when its newest record is past `retention.ms`, or when
 * what is left behind it still is `retention.bytes`; so no record goes before the moment that is computed here.
 */

/** Effective limits of a topic. `null`: without end; `undefined`: not known. `own`: set on the topic itself. */
export type RetentionLimits = {
  /** False for `cleanup.policy=compact`: nothing expires. */
  readonly deletes: boolean;
  readonly ms: number | null | undefined;
  readonly bytes: number | null | undefined;
  readonly own: { readonly ms: boolean; readonly bytes: boolean };
};

export type RaceInput = TopicPartition & {
  readonly wave: string;
  readonly flow: string;
  /** Offsets between the next one to copy and the end; more than none. */
  readonly waiting: number;
  /** Timestamp of the next record to copy, or of an earlier one; ms since the epoch. */
  readonly timestamp: number | undefined;
  /** False: nothing is being copied. */
  readonly running: boolean;
  /** Records per second; `null`: not known. */
  readonly copying: number | null;
  readonly arriving: number | null;
  readonly limits: RetentionLimits | undefined;
  /** Size of the log on its leader, and the offsets it holds. */
  readonly bytes: number | null;
  readonly offsets: number;
};

export type PartitionRace = TopicPartition & {
  readonly wave: string;
  readonly flow: string;
  readonly state: "safe" | "at-risk" | "unknown";
  /** So long the oldest record that waits is certain to stay, if nothing more were copied, ms; `null`: no end, or not known. */
  readonly leftMs: number | null;
  /** The same as a moment, ms since the epoch: never later than the truth. */
  readonly expiresAt: number | null;
  /** When the first record is lost at the rates of now, ms since the epoch; `null`: none is, or not known. */
  readonly firstLossAt: number | null;
  readonly by: "time" | "size" | null;
  /** `retention.ms` or `retention.bytes`. */
  readonly limit: number | null;
  /** What is not known. */
  readonly why?: string;
  /** What would win the race; none where it is safe. */
  readonly remedies: readonly Remedy[];
};

export type RetentionRaces = {
  /** The one with the least time left. */
  readonly closest: PartitionRace | null;
  /** Least time left first. */
  readonly atRisk: readonly PartitionRace[];
  readonly unknown: number;
  /** Partitions that anything waits on. */
  readonly waiting: number;
};

/** What a remedy's command needs to know. */
export type RaceContext = {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** When everything will have been copied, at the latest; `null`: not known, or never. */
  readonly caughtUpBy: number | null;
  /** `host:port` of the cluster that is copied from. */
  readonly bootstrap: string;
  /** How that cluster takes clients, where it is not open to all: Kafka's own name, with the SASL mechanism. */
  readonly security?: string;
  /** The cluster that is copied from: MSK on the way back. */
  readonly origin: "source" | "target";
  readonly engine: "connect" | "mirrormaker" | "replicator";
  /** Where Connect answers. */
  readonly connectUrl?: string;
  readonly tasks: number;
  readonly partitions: number;
  /** An alarm stands: it ends later than it begins. */
  readonly standing?: boolean;
};

/** How one limit stands. */
type Bound = {
  readonly by: "time" | "size";
  readonly limit: number;
  readonly leftMs: number | null;
  readonly firstLossMs: number | null;
  /** The alarm is due when the first loss is nearer than this. */
  readonly horizonMs: number;
};

const day = 24 * 3_600_000;
/** Kafka looks for expired segments this often by default (`log.retention.check.interval.ms`). */
const checkEveryMs = 300_000;
/** Rates waver: the mirror is taken to be slower than it was seen to be. */
const pessimism = 0.9;
/** An alarm that stands goes on until the loss is this much further away than it was to begin. */
const lastingReach = 1.5;
/** Records behind the mirror may be larger than the log's average. */
const sizeMargin = 1.25;

export function retentionRace(input: RaceInput, context: RaceContext): PartitionRace {
  const { topic, partition, wave, flow, limits } = input;
  const where = { topic, partition, wave, flow };
  if (limits === undefined)
    return { ...where, ...noBound, state: "unknown", why: "its configuration is not known" };
  if (!limits.deletes) return { ...where, ...noBound, state: "safe" };
  const found = [timeBound(input, limits, context.now), sizeBound(input, limits)];
  const bounds = found.filter((bound) => typeof bound === "object");
  const missing = found.filter((bound) => typeof bound === "string");
  const reach = context.standing === true ? lastingReach : 1;
  const risk = bounds.some((bound) => isDue(bound, reach));
  const why = missing.length > 0 && { why: missing.join("; ") };
  return {
    ...where,
    ...tightest(bounds, context.now),
    state: stateOf(risk, missing),
    ...why,
    remedies: risk ? remediesFor(input, limits, context) : [],
  };
}

const noBound = { leftMs: null, expiresAt: null, firstLossAt: null, by: null, limit: null, remedies: [] };

function stateOf(risk: boolean, missing: readonly string[]): PartitionRace["state"] {
  if (risk) return "at-risk";
  return missing.length > 0 ? "unknown" : "safe";
}

/** The limit that is reached first. */
function tightest(bounds: readonly Bound[], now: number) {
  const [tight] = bounds.toSorted((a, b) => urgency(a) - urgency(b));
  if (tight === undefined) return noBound;
  const { leftMs, firstLossMs, by, limit } = tight;
  const moment = (ms: number | null) => (ms === null ? null : now + ms);
  return { leftMs, expiresAt: moment(leftMs), firstLossAt: moment(firstLossMs), by, limit };
}

function urgency({ firstLossMs, leftMs }: Bound): number {
  return firstLossMs ?? (leftMs === null ? Number.MAX_VALUE : day * 3650 + leftMs);
}

function isDue({ firstLossMs, horizonMs }: Bound, reach: number): boolean {
  return firstLossMs !== null && firstLossMs <= horizonMs * reach;
}

/** The record's own timestamp plus `retention.ms`; text: what is not known. */
function timeBound(
  input: RaceInput,
  { ms: limit }: RetentionLimits,
  now: number,
): Bound | string | undefined {
  if (limit === null) return undefined;
  if (limit === undefined) return "its retention.ms is not known";
  if (input.timestamp === undefined || input.timestamp < 0) return "the age of what waits is not known";
  const age = now - input.timestamp;
  const leftMs = limit - age;
  const copying = speed(input);
  if (copying === null) return "how fast it is copied is not known yet";
  // Seconds of the log that are copied in a second.
  const pace = age <= 0 ? Number.POSITIVE_INFINITY : (copying * pessimism * age) / 1000 / input.waiting;
  const horizonMs = Math.min(day, limit / 2);
  return { by: "time", limit, leftMs, firstLossMs: firstLoss(leftMs, pace), horizonMs };
}

/** `pace` below one: the mirror falls back in time. What is overdue already may go at the next look of the broker. */
function firstLoss(leftMs: number, pace: number): number | null {
  if (leftMs > 0) return pace >= 1 ? null : leftMs / (1 - pace);
  const escapes = pace > 1 && -leftMs / (pace - 1) <= checkEveryMs;
  return escapes ? null : 0;
}

/** By size a record may go when what follows it is `retention.bytes`. */
function sizeBound(input: RaceInput, { bytes: limit }: RetentionLimits): Bound | string | undefined {
  if (limit === null) return undefined;
  if (limit === undefined) return "its retention.bytes is not known";
  if (input.bytes === null || input.offsets <= 0) return "the size of its log is not known";
  const copying = speed(input);
  if (copying === null || input.arriving === null)
    return "how fast records arrive and are copied is not known yet";
  const each = input.bytes / input.offsets;
  const behind = Math.min(input.bytes, input.waiting * each * sizeMargin);
  const left = limit - behind;
  const inflow = input.arriving * each * sizeMargin;
  const widening = (input.arriving - copying * pessimism) * each * sizeMargin;
  const whole = until(limit, inflow);
  return {
    by: "size",
    limit,
    leftMs: until(left, inflow),
    firstLossMs: left <= 0 && widening <= 0 ? null : until(left, widening),
    horizonMs: Math.min(day, (whole ?? 0) / 2),
  };
}

/** Milliseconds until so many bytes have come; `null`: they never do. */
function until(bytes: number, perSecond: number): number | null {
  if (bytes <= 0) return 0;
  return perSecond > 0 ? (bytes / perSecond) * 1000 : null;
}

/** Records per second; nothing is copied by a mirror that does not run. */
function speed({ running, copying }: RaceInput): number | null {
  return running ? copying : 0;
}

export function sumRaces(races: readonly PartitionRace[]): RetentionRaces {
  const bySpan = (a: PartitionRace, b: PartitionRace) => spanOf(a) - spanOf(b);
  const [closest = null] = races.filter(({ leftMs }) => leftMs !== null).toSorted(bySpan);
  return {
    closest,
    atRisk: races.filter(({ state }) => state === "at-risk").toSorted(bySpan),
    unknown: races.filter(({ state }) => state === "unknown").length,
    waiting: races.length,
  };
}

function spanOf({ leftMs }: PartitionRace): number {
  return leftMs ?? Number.MAX_VALUE;
}

/** "Nothing expires before it is copied: closest is events-3, 31 h left."; for the digest, `status` and `/ferry lag`. */
export function raceText({ closest, atRisk, unknown, waiting }: RetentionRaces): string {
  if (waiting === 0) return "Nothing waits, so nothing can expire before it is copied.";
  const rest = unknown === 0 ? "" : ` Not known on ${count(unknown, "partition")}.`;
  const [first] = atRisk;
  if (first !== undefined) {
    const more = atRisk.length === 1 ? "" : `, and ${count(atRisk.length - 1, "partition")} more`;
    return `RETENTION RACE: ${lossText(first)}${more}.${rest}`;
  }
  if (unknown === waiting) return `Whether anything expires before it is copied is not known.`;
  if (closest === null) return `Nothing expires before it is copied: no limit is near.${rest}`;
  const name = `${closest.topic}-${closest.partition}`;
  const left =
    (closest.leftMs ?? 0) <= 0 ? "being copied past its limit now" : `${about(closest.leftMs ?? 0)} left`;
  return `Nothing expires before it is copied: closest is ${name}, ${left}.${rest}`;
}

/** "events-3 may lose records in 31 h (retention.ms 172800000)". */
export function lossText({ topic, partition, leftMs, by, limit }: PartitionRace): string {
  const when = leftMs === null || leftMs <= 0 ? "now" : `from ${about(leftMs)} on`;
  const key = by === "size" ? "retention.bytes" : "retention.ms";
  return `${topic}-${partition} may lose records ${when}, before they are copied (${key}=${limit})`;
}
