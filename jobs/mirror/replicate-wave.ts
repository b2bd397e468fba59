import { FerryError } from "#domain/errors.ts";
import { partitionLags, sumLags } from "#domain/lag/lag.ts";
import { checkpointFlow, forwardFlow } from "#domain/mirror/flow.ts";
import { flowName, type Plan, type PlannedTopic, type Wave } from "#domain/plan.ts";
import type { FlowStatus, KafkaCluster, ReplicationEngine } from "#domain/ports.ts";
import type { OffsetTable, Topic } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import { forgetHeld, type Held, readHeld } from "#jobs/switch/forward-held.ts";
import type { Work } from "#jobs/work.ts";
import { refuseTaken } from "./beside-run.ts";
import { refuseLoop, startGuarded } from "./loop-guard.ts";
import { readLag } from "./mirror-readings.ts";

/** Starting the mirror of one wave. A second call finds everything as it should be and changes nothing. */

export type StartedWave = {
  readonly wave: Wave;
  /** "copying": first copied offsets were seen; "nothing to copy": its topics are empty. */
  readonly state: "copying" | "nothing to copy" | "running, nothing copied yet" | "failed";
  readonly topics: number;
  readonly created: number;
  readonly partitions: number;
  /** One for each topic that was left out. */
  readonly problems: readonly FerryError[];
};

const firstOffsetsMs = 60_000;
const pollMs = 500;

/** `E_LOOP`, `E_CONNECT*`, `E_TASK_FAILED` stop the wave; a topic that cannot be carried is left out and reported. */
export async function startWave(
  plan: Plan,
  wave: Wave,
  engine: ReplicationEngine,
  work: Work,
): Promise<StartedWave> {
  const forward = flowName(work.migration.name, wave.name, "forward");
  await refuseLoop(forward, wave, engine);
  const target = await work.world.target();
  const before = await engine.status(forward);
  const { good, problems } = await sortTopics(plan, wave, before, target, engine, work);
  if (good.length === 0) {
    return { wave, state: "failed", topics: 0, created: 0, partitions: 0, problems };
  }
  await refuseTaken(wave, work);
  const created = await target.createTopics(good);
  if (created.length > 0)
    await work.audit({
      what: "topics.created",
      wave: wave.name,
      subject: "topics on the target",
      before: [],
      after: created,
      reason: "asked",
      detail: created,
    });
  const partitions = good.reduce((sum, topic) => sum + topic.partitions, 0);
  const carried: Wave = { ...wave, topics: good.map(({ name }) => name) };
  const { tasks } = work.migration.settings.replication;
  const flow = forwardFlow(work.migration.name, carried, partitions, tasks);
  await refuseTaken(wave, work);
  await startGuarded(forward, wave, engine, () => engine.define(flow, "running"));
  const checkpoint = checkpointFlow(work.migration.name, carried);
  await refuseTaken(wave, work);
  if (checkpoint !== undefined) await engine.define(checkpoint, "running");
  // Only a mirror of all its topics makes up for the one that was taken away.
  if (problems.length === 0) await forgetHeld(work, wave.name);
  const left = problems.map(({ message }) => message);
  await work.audit({
    what: "mirror.running",
    wave: wave.name,
    subject: forward,
    before: before.state,
    after: "running",
    reason: "asked",
    detail: { flow: forward, topics: good.length, left },
  });
  const state = await firstOffsets(forward, carried, engine, work);
  return { wave, state, topics: good.length, created: created.length, partitions, problems };
}

type Sorted = { readonly good: readonly PlannedTopic[]; readonly problems: readonly FerryError[] };

async function sortTopics(
  plan: Plan,
  wave: Wave,
  mirror: FlowStatus,
  target: KafkaCluster,
  engine: ReplicationEngine,
  work: Work,
): Promise<Sorted> {
  const [onSource, onTarget] = await Promise.all([work.world.source.listTopics(), target.listTopics()]);
  const present = wave.topics.filter((name) => onTarget.some((topic) => topic.name === name));
  const ends = await target.offsets(present, "end");
  const held = await readHeld(work, wave.name);
  const copied: OffsetTable = mirror.state === "absent" ? new Map() : await engine.copied(mirror.name);
  const good: PlannedTopic[] = [];
  const problems: FerryError[] = [];
  for (const name of wave.topics) {
    const planned = plan.topics.find((topic) => topic.name === name);
    const problem = topicProblem(name, planned, {
      source: onSource.find((topic) => topic.name === name),
      target: onTarget.find((topic) => topic.name === name),
      // A topic enters a mirror's list only after this check, so what is there was written by the mirror.
      ours: mirror.topics.includes(name) || copied.has(name),
      records: (ends.get(name) ?? []).some((end) => end !== 0),
      held,
      offsets: (ends.get(name) ?? []).reduce<number>((total, end) => total + (end ?? 0), 0),
    });
    if (problem !== undefined) problems.push(problem);
    else if (planned !== undefined) good.push(planned);
  }
  return { good, problems };
}

type Seen = {
  readonly source: Topic | undefined;
  readonly target: Topic | undefined;
  readonly ours: boolean;
  /** It has, or had, records on the target; an end that is not known counts as yes. */
  readonly records: boolean;
  /** Why the wave's earlier mirror was taken away. */
  readonly held: Held | undefined;
  /** End offsets on the target, summed. */
  readonly offsets: number;
};

function topicProblem(name: string, planned: PlannedTopic | undefined, seen: Seen): FerryError | undefined {
  if (planned === undefined)
    return new FerryError("E_PLAN_STALE", `${name} is in a wave and not among the plan's topics.`);
  if (seen.source === undefined)
    return new FerryError("E_UNKNOWN_TOPIC", `${name} is no longer on the source.`);
  const there = seen.source.partitions.length;
  if (there !== planned.partitions) {
    const text = `${name} has ${there} partitions on the source, ${planned.partitions} in the plan.`;
    return new FerryError("E_PLAN_STALE", text);
  }
  if (seen.target === undefined) return undefined;
  const here = seen.target.partitions.length;
  if (here !== there) {
    return new FerryError(
      "E_TARGET_PARTITIONS",
      `${name} has ${there} partitions on the source, ${here} on MSK.`,
    );
  }
  if (!seen.records || seen.ours) return undefined;
  if (seen.held !== undefined) {
    const { at, lacks } = seen.held;
    return new FerryError(
      "E_TARGET_NOT_EMPTY",
      `${name} holds ${figure(seen.offsets)} offsets on MSK, which a copy from the beginning would double. Its mirror was taken away at ${at}, since MSK lacks records of the source: ${lacks}. Delete ${name} on MSK.`,
    );
  }
  return new FerryError(
    "E_TARGET_NOT_EMPTY",
    `${name} exists on MSK with records that this mirror did not write.`,
  );
}

/** Waits for the first copied offset: running tasks alone do not show that anything arrives. */
async function firstOffsets(
  forward: string,
  { topics }: Wave,
  engine: ReplicationEngine,
  work: Work,
): Promise<StartedWave["state"]> {
  const mirror = { flow: forward, topics, origin: work.world.source };
  const before = await readLag(mirror, engine, work);
  // Also where the log holds only markers, or what was aborted: no offset of it is ever copied.
  const isNew = [...before.copied.values()].flat().every((offset) => offset === undefined);
  if (isNew && sumLags(partitionLags(before)).records === 0) return "nothing to copy";
  const deadline = work.clock.now() + firstOffsetsMs;
  for (;;) {
    const copied = await engine.copied(forward);
    if ([...copied.values()].some((row) => row.some((offset) => offset !== undefined))) return "copying";
    await refuseFailed(forward, engine);
    if (work.clock.now() > deadline) return "running, nothing copied yet";
    await work.clock.sleep(pollMs, work.signal);
  }
}

async function refuseFailed(forward: string, engine: ReplicationEngine): Promise<void> {
  const { state, tasks } = await engine.status(forward);
  if (state !== "failed") return;
  const trace = tasks.find(({ trace }) => trace !== undefined)?.trace?.split("\n", 1)[0];
  throw new FerryError("E_TASK_FAILED", `${forward}: ${trace ?? "no trace was given"}`);
}
