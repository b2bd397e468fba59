import { z } from "zod";
import { asFerryError, type FerryError } from "#domain/errors.ts";
import { type Eta, etaFrom, lastEta } from "#domain/lag/eta.ts";
import {
  type LagReading,
  type PartitionLag,
  type Progress,
  partitionLags,
  progress,
  rates,
  sumLags,
  sumOf,
} from "#domain/lag/lag.ts";
import { type PartitionRates, recentRates } from "#domain/lag/lag-history.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { FlowStatus, KafkaCluster, LagPoint, ReplicationEngine } from "#domain/ports.ts";
import type { Phase } from "#domain/switch/wave-state.ts";
import type { Topic } from "#domain/topology.ts";
import { loadPlan, readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { keepSample, samplesWith } from "./lag-samples.ts";
import type { TailLimits } from "./lag-tails.ts";
import { type Mirror, readLag } from "./mirror-readings.ts";
import { bytesRates, recordSizes } from "./record-sizes.ts";

/** Lag of a whole migration: every wave through the mirror that carries it now. */

export type WaveLag = {
  readonly wave: Wave;
  readonly phase: Phase;
  readonly flow: FlowStatus;
  readonly lags: readonly PartitionLag[];
  readonly progress: Progress | undefined;
  /** What the lags were computed from. */
  readonly reading: LagReading | undefined;
  /** Records per second of each partition, in the order of the lags; `undefined`: fewer than two samples. */
  readonly paces: PartitionRates | undefined;
  readonly eta: Eta;
  /** Why nothing is known of this wave. */
  readonly failure?: FerryError;
};

export type MigrationLag = {
  readonly at: number;
  readonly waves: readonly WaveLag[];
  readonly point: LagPoint;
  /** When the last of the waves that are mirrored will have caught up. */
  readonly eta: Eta;
  /** Records per second by flow, against the sample before. */
  readonly rates: ReadonlyMap<string, { readonly arriving: number | null; readonly copying: number | null }>;
  /**
   * Records per second that a flow was last seen to copy: since the sample before, or else between the two before that,
   * for an engine tells only every few seconds how far it is. Flows that were not seen to copy are left out.
   */
  readonly copyRates: ReadonlyMap<string, number>;
};

const day = 24 * 3_600_000;
/** A day of them: the watch comes every 15 s. */
const pointsKept = 5_760;

const LagPointShape = z.object({
  at: z.number(),
  behind: z.number().nullable(),
  arriving: z.number().nullable(),
  copying: z.number().nullable(),
  bytes: z.object({ arriving: z.number().nullable(), copying: z.number().nullable() }).optional(),
});

const Samples = z.record(
  z.string(),
  z.object({
    at: z.number(),
    partitions: z.number(),
    arrived: z.number().nullable(),
    copied: z.number().nullable(),
    /** Records per second against the sample before. */
    copying: z.number().nullable().optional(),
  }),
);

/** The mirror that carries a wave at this phase: back to the source once its producers have moved. */
export async function mirrorOf(wave: Wave, phase: Phase, work: Work): Promise<Mirror> {
  const reverse = phase === "producers-moved";
  return {
    flow: flowName(work.migration.name, wave.name, reverse ? "reverse" : "forward"),
    topics: wave.topics,
    origin: reverse ? await work.world.target() : work.world.source,
  };
}

/** Reads every wave. What could not be read is unknown and says why; only a missing plan fails. */
export async function readMigrationLag(work: Work, tails?: TailLimits): Promise<MigrationLag> {
  const plan = await loadPlan(work);
  const waves = await readWaves(plan, work, tails);
  const before = Samples.safeParse((await work.store.read(sampleKey(work)))?.value);
  const samples = before.success ? before.data : {};
  const byFlow = new Map(
    waves.map(({ flow, progress }) => {
      const earlier = samples[flow.name];
      const known = earlier !== undefined && progress !== undefined;
      return [flow.name, known ? rates(earlier, progress) : { arriving: null, copying: null }];
    }),
  );
  const sum = sumLags(waves.flatMap(({ lags }) => lags));
  const unread = waves.some(({ failure }) => failure !== undefined);
  const point: LagPoint = {
    at: work.clock.now(),
    behind: unread ? null : sum.records,
    arriving: sumOf([...byFlow.values()].map(({ arriving }) => arriving)),
    copying: sumOf([...byFlow.values()].map(({ copying }) => copying)),
    bytes: bytesRates(byFlow, await recordSizes(work)),
  };
  const copyRates = new Map(
    [...byFlow].flatMap(([flow, { copying }]) => {
      const seen = [copying, samples[flow]?.copying].find((rate) => typeof rate === "number" && rate > 0);
      return typeof seen === "number" ? [[flow, seen] as const] : [];
    }),
  );
  const mirrored = waves.filter(({ flow, failure }) => flow.state !== "absent" || failure !== undefined);
  return {
    at: point.at,
    waves,
    point,
    eta: lastEta(mirrored.map(({ eta }) => eta)),
    rates: byFlow,
    copyRates,
  };
}

async function readWaves(plan: Plan, work: Work, tails?: TailLimits): Promise<readonly WaveLag[]> {
  const waves: WaveLag[] = [];
  const list = listOnce();
  for (const wave of plan.waves) {
    const { phase } = await readWaveState(work, wave.name);
    if (phase !== "cleaned") waves.push(await readWave(wave, phase, list, work, tails));
  }
  return waves;
}

type List = (origin: KafkaCluster) => Promise<readonly Topic[]>;

/** Topics of a cluster are listed for the first of the waves that asks; what failed is asked for again. */
function listOnce(): List {
  const held = new Map<KafkaCluster, readonly Topic[]>();
  return async (origin) => {
    const topics = held.get(origin) ?? (await origin.listTopics());
    held.set(origin, topics);
    return topics;
  };
}

async function readWave(
  wave: Wave,
  phase: Phase,
  list: List,
  work: Work,
  tails?: TailLimits,
): Promise<WaveLag> {
  const name = flowName(work.migration.name, wave.name, phase === "producers-moved" ? "reverse" : "forward");
  const absent: FlowStatus = { name, state: "absent", kind: undefined, topics: [], tasks: [] };
  try {
    const engine: ReplicationEngine = await work.world.engine();
    const flow = await engine.status(name);
    const mirror = await mirrorOf(wave, phase, work);
    const listed = { ...mirror, list: () => list(mirror.origin) };
    const reading = await readLag(listed, engine, work, tails);
    const samples = await samplesWith(name, reading, work);
    return {
      wave,
      phase,
      flow,
      lags: partitionLags(reading),
      progress: progress(reading),
      reading,
      paces: recentRates(samples),
      eta: withMirror(etaFrom(samples), flow),
    };
  } catch (thrown) {
    const failure = asFerryError(thrown);
    work.log.warn({ wave: wave.name, code: failure.code }, "lag of a wave could not be read");
    const eta: Eta = { state: "unknown", why: failure.code };
    return {
      wave,
      phase,
      flow: absent,
      lags: [],
      progress: undefined,
      reading: undefined,
      paces: undefined,
      eta,
      failure,
    };
  }
}

/** What was copied before says nothing about a mirror that copies nothing now. */
function withMirror(eta: Eta, { state }: FlowStatus): Eta {
  if (eta.state === "caught-up" || state === "running" || state === "starting") return eta;
  if (state === "absent") return { state: "unknown", why: "the mirror is not started" };
  return { state: "not-catching-up", ...("slowest" in eta && { slowest: eta.slowest }) };
}

/** Takes a reading, remembers it for the next one's rates, and appends a point for charts and alarms. */
export async function sampleLag(work: Work): Promise<MigrationLag> {
  const lag = await readMigrationLag(work);
  for (const { flow, reading } of lag.waves) {
    if (reading !== undefined && flow.state !== "absent") await keepSample(flow.name, reading, work);
  }
  const samples = lag.waves.flatMap(({ flow, progress }) =>
    progress === undefined
      ? []
      : [[flow.name, { ...progress, copying: lag.rates.get(flow.name)?.copying ?? null }] as const],
  );
  await work.store.write(sampleKey(work), Object.fromEntries(samples));
  await work.store.append(pointsKey(work), lag.point, pointsKept);
  return lag;
}

/** Points of the last 24 h, oldest first. */
export async function lagPoints(
  work: Pick<Work, "store" | "migration" | "clock">,
): Promise<readonly LagPoint[]> {
  const points = z.array(LagPointShape).parse(await work.store.list(pointsKey(work)));
  return points.filter(({ at }) => at > work.clock.now() - day);
}

function sampleKey({ migration }: Pick<Work, "migration">): string {
  return `lag-sample:${migration.name}`;
}

function pointsKey({ migration }: Pick<Work, "migration">): string {
  return `lag-points:${migration.name}`;
}
