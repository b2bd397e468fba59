import { FerryError } from "#domain/errors.ts";
import {
  type PartitionProgress,
  shareDone,
  type Verified,
  VerifyProgress,
  verifiedKey,
  verifyProgressKey,
} from "#domain/offsets/verification.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { at, type ConfigEntry, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { compareNext, type Pair } from "./verify-partition.ts";

/** Partitions at a time. */
const width = 4;
/** Positions are kept, and shown, so often. */
const keepMs = 2_000;
const firstBatch = 100;

/**
 * Compares one wave until it is done or `deadline` (ms since the epoch) has passed; then "later", and the next call
 * goes on at the stored positions.
 */
export async function verifyWave(
  wave: Wave,
  deadline: number,
  work: Work,
): Promise<"later" | { verified: Verified } | { skipped: string }> {
  const state = await readWaveState(work, wave.name);
  const target = await work.world.target();
  const pair: Pair = { source: work.world.source, target };
  const key = verifyProgressKey(work.migration.name, wave.name);
  const progress = (await unfinished(key, state, work)) ?? (await begin(wave, state, pair, work));
  if (progress === undefined) return { skipped: "not mirrored yet" };
  const ended = await compareAll(wave, progress, pair, deadline, work);
  if (!ended) return "later";
  const verified = await conclude(wave, state, progress, work);
  await work.store.remove(key);
  return { verified };
}

async function unfinished(key: string, state: WaveState, work: Work): Promise<VerifyProgress | undefined> {
  const stored = VerifyProgress.safeParse((await work.store.read(key))?.value);
  return stored.success && stored.data.phase === state.phase ? stored.data : undefined;
}

/** Bounds of the comparison. What the mirror copied is read first and the source's ends last: see `atEnd`. */
async function begin(
  wave: Wave,
  state: WaveState,
  { source, target }: Pair,
  work: Work,
): Promise<VerifyProgress | undefined> {
  const required = await requiredOffsets(wave, state, work);
  if (required === undefined) return undefined;
  const topics = (await presentTopics(wave, { source, target })).toSorted();
  const targetEnds = await target.offsets(topics, "stable");
  const sourceEnds = await source.offsets(topics, "stable");
  const boundary = state.boundary && {
    source: new Map(Object.entries(state.boundary.source)),
    target: new Map(Object.entries(state.boundary.target)),
  };
  const [sourceStarts, targetStarts] = await Promise.all([
    source.offsets(topics, "start"),
    target.offsets(topics, "start"),
  ]);
  const configs = await source.topicConfigs(topics);
  const partitions = topics.flatMap((topic) =>
    (sourceStarts.get(topic) ?? []).map((_, partition): PartitionProgress => {
      const where = { topic, partition };
      const policy = policyOf(configs.get(topic) ?? []);
      const sourceEnd = needed(sourceEnds, where, "end on the source");
      const targetEnd = needed(targetEnds, where, "end on MSK");
      const sourceBound = boundary && needed(boundary.source, where, "boundary on the source");
      const targetBound = boundary && needed(boundary.target, where, "boundary on MSK");
      return {
        ...where,
        ...policy,
        source: needed(sourceStarts, where, "start on the source"),
        target: needed(targetStarts, where, "start on MSK"),
        // What came after the boundary outdates compacted records before it, so it is read too.
        sourceUntil: policy.compacted ? sourceEnd : (sourceBound ?? sourceEnd),
        targetUntil: policy.compacted ? targetEnd : (targetBound ?? targetEnd),
        required: sourceBound ?? Math.min(sourceEnd, at(required, topic, partition) ?? 0),
        mirroredUntil: targetBound ?? targetEnd,
        aligned: false,
        equal: 0,
        expired: 0,
        batch: firstBatch,
        state: "open",
      };
    }),
  );
  return { phase: state.phase, startedAt: new Date(work.clock.now()).toISOString(), partitions };
}

function needed(table: OffsetTable, { topic, partition }: TopicPartition, what: string): number {
  const offset = at(table, topic, partition);
  if (offset !== undefined) return offset;
  throw new FerryError("E_INCOMPLETE", `The ${what} of ${topic}-${partition} is not known.`);
}

/** `undefined`: nothing was mirrored yet. Next source offset to be copied per partition. */
async function requiredOffsets(wave: Wave, state: WaveState, work: Work): Promise<OffsetTable | undefined> {
  if (state.boundary !== undefined) return new Map();
  const engine = await work.world.engine();
  const name = flowName(work.migration.name, wave.name, "forward");
  if ((await engine.status(name)).state === "absent") return undefined;
  const copied = await engine.copied(name);
  return new Map(
    [...copied].map(([topic, row]) => [
      topic,
      Array.from(row, (offset) => (offset === undefined ? undefined : offset + 1)),
    ]),
  );
}

async function presentTopics(wave: Wave, { source, target }: Pair): Promise<readonly string[]> {
  const [here, there] = await Promise.all([source.listTopics(), target.listTopics()]);
  for (const topic of wave.topics) {
    if (!here.some(({ name }) => name === topic)) {
      throw new FerryError("E_UNKNOWN_TOPIC", `${topic} of wave ${wave.name} is not on the source.`);
    }
    if (!there.some(({ name }) => name === topic)) {
      throw new FerryError("E_VERIFY", `${topic} of wave ${wave.name} is not on MSK.`);
    }
  }
  return wave.topics;
}

function policyOf(configs: readonly ConfigEntry[]): { compacted: boolean; expires: boolean } {
  const policy = configs.find(({ name }) => name === "cleanup.policy")?.value ?? "delete";
  return { compacted: policy.includes("compact"), expires: policy.includes("delete") };
}

/** Compares until all is done (true) or the time is over; positions are kept in the store, in `progress` too. */
async function compareAll(
  wave: Wave,
  progress: VerifyProgress,
  pair: Pair,
  deadline: number,
  work: Work,
): Promise<boolean> {
  const key = verifyProgressKey(work.migration.name, wave.name);
  const starts = [...progress.partitions];
  let keptAt = work.clock.now();
  for (;;) {
    work.signal.throwIfAborted();
    const open = [...progress.partitions.entries()]
      .filter(([, { state }]) => state === "open")
      .slice(0, width);
    if (open.length === 0) return true;
    await Promise.all(
      open.map(async ([index, partition]) => {
        progress.partitions[index] = await compareNext(partition, pair);
      }),
    );
    if (work.clock.now() - keptAt < keepMs && work.clock.now() < deadline) continue;
    keptAt = work.clock.now();
    await work.store.write(key, progress);
    await show(wave, starts, progress, work);
    if (work.clock.now() >= deadline) return false;
  }
}

async function show(
  wave: Wave,
  starts: readonly PartitionProgress[],
  { partitions, startedAt }: VerifyProgress,
  work: Work,
): Promise<void> {
  const equal = partitions.reduce((sum, partition) => sum + partition.equal, 0);
  const share = shareDone(starts, partitions);
  const since = work.clock.now() - Date.parse(startedAt);
  await work.card.update({
    subject: `${work.migration.name} · verify`,
    tone: "working",
    parts: [
      {
        kind: "progress",
        step: `wave ${wave.name}: ${count(equal, "record")} equal`,
        done: Math.round(share * 1000),
        of: 1000,
        ...(share > 0 && { leftMs: (since / share) * (1 - share) }),
      },
    ],
  });
}

async function conclude(
  wave: Wave,
  { phase }: WaveState,
  { partitions }: VerifyProgress,
  work: Work,
): Promise<Verified> {
  const verified: Verified = {
    at: new Date(work.clock.now()).toISOString(),
    phase,
    partitions: partitions.length,
    equal: partitions.reduce((sum, { equal }) => sum + equal, 0),
    expired: partitions.reduce((sum, { expired }) => sum + expired, 0),
    differences: partitions.flatMap(({ difference }) => difference ?? []),
  };
  await work.store.write(verifiedKey(work.migration.name, wave.name), verified);
  await work.audit({ what: "verify.done", wave: wave.name, subject: wave.name, detail: verified });
  return verified;
}
