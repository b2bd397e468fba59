import type { LagPoint } from "#domain/ports.ts";
import type { TopicPartition } from "#domain/topology.ts";
import { type LagSample, ratesBetween, recentRates, recentSamples, steadySamples } from "./lag-history.ts";

/** When a mirror will have caught up, from what was measured. Pure. */

/** The partition that is last, at the rates of now. */
export type SlowPartition = TopicPartition & {
  /** Offsets still to be copied. */
  readonly records: number;
  /** Records per second. */
  readonly copying: number;
  readonly arriving: number;
  /** Milliseconds since the epoch; `null`: never, at these rates. */
  readonly at: number | null;
};

export type Eta =
  | { readonly state: "unknown"; readonly why: string }
  | { readonly state: "caught-up" }
  /** Behind by no more than what arrives in half a minute: it keeps pace, and while records arrive it is never at zero. */
  | { readonly state: "keeping-up"; readonly seconds: number }
  | { readonly state: "not-catching-up"; readonly slowest?: SlowPartition }
  /** Milliseconds since the epoch. `latest` is `null` when a part of the measurements says never. */
  | {
      readonly state: "in";
      readonly at: number;
      readonly earliest: number;
      readonly latest: number | null;
      readonly slowest?: SlowPartition;
    };

const paceSeconds = 30;
/** Points that the band is taken from: at one a minute, what happened in the last ten minutes. */
const bandPoints = 10;

type Measured = {
  readonly at: number;
  readonly behind: number;
  readonly arriving: number;
  readonly copying: number;
};

/** From the newest point of the sums; the band from the best and the worst net rate of the last ten. */
export function eta(points: readonly LagPoint[]): Eta {
  const last = points.at(-1);
  if (last === undefined) return { state: "unknown", why: "nothing was measured yet" };
  if (last.behind === null) return { state: "unknown", why: "lag is not known" };
  if (last.behind === 0) return { state: "caught-up" };
  const recent = points.slice(-bandPoints).filter(isMeasured);
  const now = recent.at(-1);
  if (now === undefined || now.at !== last.at) return { state: "unknown", why: "rates are not known yet" };
  if (now.behind <= now.arriving * paceSeconds)
    return { state: "keeping-up", seconds: now.behind / now.arriving };
  const nets = recent.map(({ arriving, copying }) => copying - arriving);
  const net = now.copying - now.arriving;
  if (net <= 0) return { state: "not-catching-up" };
  const reach = (rate: number) => now.at + (now.behind / rate) * 1000;
  const slowest = Math.min(...nets);
  return {
    state: "in",
    at: reach(net),
    earliest: reach(Math.max(...nets)),
    latest: slowest > 0 ? reach(slowest) : null,
  };
}

function isMeasured(point: LagPoint): point is LagPoint & Measured {
  return point.behind !== null && point.arriving !== null && point.copying !== null;
}

/** One flow's sums at the newest sample, and what its partitions do. */
type Standing = {
  readonly at: number;
  readonly behind: number;
  readonly arriving: number;
  readonly copying: number;
  /** Of each partition that is behind by more than its pace; the last first. */
  readonly slow: readonly SlowPartition[];
  /** It was behind all the time and nothing of it was copied. */
  readonly frozen: SlowPartition | undefined;
};

/**
 * From samples of every partition, oldest first, all of one layout. Partitions share the mirror's power: the best case is
 * that what a finished one leaves goes to the others (all that waits at the rate of all), the worst that nothing of it
 * does (the slowest partition at its own rate). The estimate lies between; the band adds how much the rate of all wavered.
 */
export function etaFrom(samples: readonly LagSample[]): Eta {
  const last = samples.at(-1);
  if (last === undefined) return { state: "unknown", why: "nothing was measured yet" };
  if (last.next.some(Number.isNaN)) return { state: "unknown", why: "lag is not known" };
  if (last.next.every((next, cell) => next === last.ends[cell])) return { state: "caught-up" };
  const now = standingOf(samples, last);
  if (now === undefined) return { state: "unknown", why: "rates are not known yet" };
  const [slowest] = now.slow;
  if (slowest === undefined) {
    return { state: "keeping-up", seconds: now.arriving === 0 ? 0 : now.behind / now.arriving };
  }
  if (now.frozen !== undefined) return { state: "not-catching-up", slowest: now.frozen };
  if (now.copying <= now.arriving) return { state: "not-catching-up", slowest };
  return { state: "in", ...bandOf(samples, now, slowest), slowest };
}

function standingOf(samples: readonly LagSample[], last: LagSample): Standing | undefined {
  const rates = recentRates(samples);
  const steady = recentRates(samples, steadySamples);
  if (rates === undefined || steady === undefined) return undefined;
  const [copying, arriving] = [total(rates.copying), total(rates.arriving)];
  // An offset that went backwards: another log.
  if (Number.isNaN(copying) || Number.isNaN(arriving)) return undefined;
  const slow = waitingPartitions(last)
    .map(({ cell, ...waiting }) => {
      const speed = { copying: steady.copying[cell] ?? 0, arriving: steady.arriving[cell] ?? 0 };
      const net = speed.copying - speed.arriving;
      return { cell, ...waiting, ...speed, at: net > 0 ? last.at + (waiting.records / net) * 1000 : null };
    })
    .filter(({ records, arriving: inflow, copying: out }) => records > inflow * paceSeconds || out === 0)
    .sort(lastFirst);
  const frozen = slow.find(({ cell, copying: out }) => out === 0 && isFrozen(samples, cell));
  return {
    at: last.at,
    behind: total(last.ends) - total(last.next),
    copying,
    arriving,
    slow: slow.map(withoutCell),
    frozen: frozen && withoutCell(frozen),
  };
}

/** Those that never come at these rates before all others. */
function lastFirst(a: SlowPartition, b: SlowPartition): number {
  return (b.at ?? Number.MAX_VALUE) - (a.at ?? Number.MAX_VALUE) || b.records - a.records;
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function withoutCell({
  cell: _cell,
  ...partition
}: SlowPartition & { readonly cell: number }): SlowPartition {
  return partition;
}

function waitingPartitions({ topics, next, ends }: LagSample) {
  const waiting: Array<TopicPartition & { readonly cell: number; readonly records: number }> = [];
  let cell = 0;
  for (const [topic, count] of topics) {
    for (let partition = 0; partition < count; partition += 1, cell += 1) {
      const records = (ends[cell] ?? 0) - (next[cell] ?? 0);
      if (records > 0) waiting.push({ topic, partition, cell, records });
    }
  }
  return waiting;
}

/** Behind for so long, and nothing of it copied: partitions of a task take turns, but not this long, ms. */
const frozenMs = 45_000;

function isFrozen(samples: readonly LagSample[], cell: number): boolean {
  const last = samples.at(-1);
  const since = samples.findLast(({ at }) => at <= (last?.at ?? 0) - frozenMs);
  if (last === undefined || since === undefined) return false;
  const position = last.next[cell] ?? Number.NaN;
  return samples.every(
    ({ at, next, ends }) => at < since.at || (next[cell] === position && (ends[cell] ?? 0) > position),
  );
}

/** With fewer windows than this the band is wider: little was seen of how much the rate wavers. */
const windowsForBand = 12;
/** What the rate of all may still gain on the best that was seen, and lose on the worst: a mirror warms up. */
const slack = { few: { up: 3, down: 2 }, many: { up: 1.5, down: 1.25 } } as const;
/** Copied offsets are told so long after the copy at most, ms (`offset.flush.interval.ms`). */
const toldAfterMs = 5_000;
/** How far the slowest partition alone draws the estimate away from what all of them together would need. */
const drawn = 0.33;
/** A partition that was starved for a moment is not the measure of the rest. */
const drawnMost = 3;
const worstMost = 4;
/** Slower than four of five windows: the first ones of a mirror that warms up say little of the rest. */
const share = 0.2;

function unusual(nets: readonly number[]): number {
  return nets.toSorted((a, b) => a - b)[Math.floor(nets.length * share)] ?? Number.POSITIVE_INFINITY;
}

function bandOf(
  samples: readonly LagSample[],
  { at, behind, copying, arriving }: Standing,
  slowest: SlowPartition,
): { readonly at: number; readonly earliest: number; readonly latest: number | null } {
  const nets = netRates(samples);
  const { up, down } = nets.length < windowsForBand ? slack.few : slack.many;
  const net = copying - arriving;
  const shared = behind / net;
  const alone = slowest.at === null ? null : Math.max(shared, (slowest.at - at) / 1000);
  const best = Math.max(net, ...nets);
  const worst = Math.min(net, unusual(nets));
  const span = shared + (Math.min(alone ?? shared, drawnMost * shared) - shared) * drawn;
  const moment = (seconds: number) => at + seconds * 1000;
  return {
    at: moment(span),
    earliest: moment(behind / best / up),
    latest:
      alone === null || worst <= 0
        ? null
        : moment(Math.min(alone, worstMost * shared) * (net / worst) * down) + toldAfterMs,
  };
}

/** Net rates of all partitions together, over each run of so many samples as the rates of now are taken over. */
function netRates(samples: readonly LagSample[]): readonly number[] {
  const nets: number[] = [];
  const step = Math.min(recentSamples, samples.length) - 1;
  for (let index = step; index < samples.length; index += 1) {
    const [before, after] = [samples[index - step], samples[index]];
    if (before === undefined || after === undefined) continue;
    const { copying, arriving } = ratesBetween(before, after);
    const net = total(copying) - total(arriving);
    if (!Number.isNaN(net)) nets.push(net);
  }
  return nets;
}

/** Of several flows: all have caught up when the last of them has. */
export function lastEta(etas: readonly Eta[]): Eta {
  const unknown = etas.find(({ state }) => state === "unknown");
  if (unknown !== undefined) return unknown;
  const behind = etas.filter((eta) => eta.state === "not-catching-up");
  if (behind.length > 0) {
    const [slowest] = behind.flatMap((eta) => eta.slowest ?? []).toSorted(lastFirst);
    return { state: "not-catching-up", ...(slowest && { slowest }) };
  }
  const coming = etas.filter((eta) => eta.state === "in");
  const [first] = coming.toSorted((a, b) => b.at - a.at);
  if (first !== undefined) {
    const latests = coming.map(({ latest }) => latest);
    const latest = latests.includes(null) ? null : Math.max(...latests.map((each) => each ?? 0));
    return { ...first, earliest: Math.max(...coming.map(({ earliest }) => earliest)), latest };
  }
  const pacing = etas.filter((eta) => eta.state === "keeping-up");
  if (pacing.length === 0)
    return etas.length === 0 ? { state: "unknown", why: "nothing was measured yet" } : { state: "caught-up" };
  return { state: "keeping-up", seconds: Math.max(...pacing.map(({ seconds }) => seconds)) };
}
