import { asFerryError } from "#domain/errors.ts";
import { strayPositions } from "#domain/findings/positions.ts";
import { oldestForMirrors } from "#domain/findings/versions.ts";
import { type Context, isBefore, releaseOf, type Subject, type TargetTopic } from "#domain/findings/view.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type ClusterDescription, type Known, known, unknown } from "#domain/topology.ts";
import { ownFlows } from "./mirror/own-flows.ts";
import type { Work } from "./work.ts";

/** What the findings need besides the inventory. A part that does not answer is unknown and stops nothing. */
export async function assessContext(
  inventory: Subject,
  cluster: Pick<ClusterDescription, "controller">,
  vanished: readonly string[],
  work: Work,
): Promise<Context> {
  return {
    vanished,
    settings: work.migration.settings,
    controller: cluster.controller,
    ...(await workersOf(inventory, work)),
    disks: await orWhy(async () => work.world.source.disks()),
    positions: await orWhy(async () => positions(inventory, work.world.source)),
    target: await orWhy(async () => targetTopics(inventory, work)),
  };
}

/** Only an old source makes a difference between workers; no other assessment waits for them. */
async function workersOf({ version }: Subject, { world }: Work): Promise<Pick<Context, "workers">> {
  const release = version.known ? releaseOf(version.value) : version;
  if (!release.known || !isBefore(release.value, oldestForMirrors)) return {};
  return { workers: await orWhy(async () => known((await (await world.engine()).check()).version)) };
}

async function orWhy<T>(read: () => Promise<Known<T>>): Promise<Known<T>> {
  try {
    return await read();
  } catch (thrown) {
    return unknown(asFerryError(thrown).message);
  }
}

/** A group whose offsets did not come has no position; that nothing strays is then not known either. */
async function positions(
  { topics, groups }: Subject,
  source: KafkaCluster,
): Promise<Context["positions"] & {}> {
  const sweep = await source.sweep({
    topics: topics.filter(({ offline }) => offline === 0).map(({ name }) => name),
    groups: groups.map(({ id }) => id),
  });
  const [gap] = sweep.missing.filter(({ of }) => of !== "state");
  if (gap !== undefined) return unknown(`${gap.group ?? gap.topic ?? "a part"} was not read: ${gap.why}`);
  return known(strayPositions(sweep.committed, sweep.starts, sweep.ends));
}

/** Without those that a mirror of this migration writes: their copies are no surprise. */
async function targetTopics(inventory: Subject, work: Work): Promise<Context["target"] & {}> {
  const target = await openTarget(work);
  if (target === undefined) return known(new Map());
  const wanted = new Set(inventory.topics.filter(({ internal }) => !internal).map(({ name }) => name));
  const own = await mirrored(work);
  const there = (await target.listTopics()).filter(({ name }) => wanted.has(name) && !own.has(name));
  const names = there.map(({ name }) => name);
  const [starts, ends] = [await target.offsets(names, "start"), await target.offsets(names, "end")];
  return known(
    new Map(
      there.map(({ name, partitions }): [string, TargetTopic] => [
        name,
        { partitions: partitions.length, records: held(starts.get(name), ends.get(name)) },
      ]),
    ),
  );
}

async function openTarget({ world }: Work): Promise<KafkaCluster | undefined> {
  try {
    return await world.target();
  } catch (thrown) {
    if (asFerryError(thrown).code === "E_TARGET_ABSENT") return undefined;
    throw thrown;
  }
}

async function mirrored(work: Work): Promise<ReadonlySet<string>> {
  const flows = await ownFlows(await work.world.engine(), work);
  return new Set(flows.flatMap(({ topics }) => topics));
}

type Row = ReadonlyArray<number | undefined> | undefined;

function held(starts: Row, ends: Row): Known<number> {
  let sum = 0;
  for (const [partition, end] of (ends ?? []).entries()) {
    const start = starts?.[partition];
    if (end === undefined || start === undefined)
      return unknown(`partition ${partition} does not tell its offsets`);
    sum += end - start;
  }
  return known(sum);
}
