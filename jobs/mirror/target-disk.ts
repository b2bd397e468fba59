import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { MskCluster } from "#domain/msk.ts";
import { Plan, planKey } from "#domain/plan.ts";
import type { KafkaCluster, Store } from "#domain/ports.ts";
import { at, type Known, known, type Topic, unknown } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";

/** How full the disks of the target are. Asked rarely: it is a request to every broker. */

const everyMs = 300_000;
/** Older than this it says nothing about now. */
export const diskGoodForMs = 3 * everyMs;
const gib = 1024 ** 3;

const DiskReading = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** Share of the fullest broker's volume, 0 to 1; `null`: not known, and `text` says why. */
  used: z.number().nullable(),
  /** "by log sizes broker 2 holds 430 of 500 GiB" */
  text: z.string(),
});
export type DiskReading = z.infer<typeof DiskReading>;

function diskKey(migration: string): string {
  return `target-disk:${migration}`;
}

/** As last read, however long ago; `undefined`: never. */
export async function diskReading(store: Store, migration: string): Promise<DiskReading | undefined> {
  return DiskReading.safeParse((await store.read(diskKey(migration)))?.value).data;
}

/** The last reading, or a new one when that is older than five minutes. Never fails: what is not known says why. */
export async function watchTargetDisk(work: Work): Promise<DiskReading> {
  const { store, clock, migration } = work;
  const earlier = await diskReading(store, migration.name);
  if (earlier !== undefined && clock.now() - earlier.at < everyMs) return earlier;
  const used = await readDisk(work).catch((thrown: unknown) => {
    const { code, message } = asFerryError(thrown);
    return unknown(`${code} ${message}`);
  });
  const reading: DiskReading = used.known
    ? { at: clock.now(), ...used.value }
    : { at: clock.now(), used: null, text: used.why };
  await store.write(diskKey(migration.name), reading);
  return reading;
}

type Used = Pick<DiskReading, "text"> & { readonly used: number };

/** By the brokers' own word where CloudWatch tells it; it counts indexes and what waits for deletion, too. */
async function readDisk(work: Work): Promise<Known<Used>> {
  const { msk } = work.world;
  const cluster = await msk.findCluster(work.migration.settings.target.cluster);
  if (cluster !== undefined && cluster.kind !== "standard")
    return unknown(`${cluster.kind} brokers have no volume of a fixed size`);
  const told = cluster === undefined ? unknown("there is no MSK cluster") : await msk.diskUsed(cluster);
  if (!told.known) return await readLogSizes(cluster, work);
  const { broker, percent } = told.value;
  return known({ used: percent / 100, text: `by CloudWatch, the volume of broker ${broker}` });
}

/** Log bytes that the brokers hold, against the volume that MSK reports or, where it reports none, the planned one. */
async function readLogSizes(cluster: MskCluster | undefined, work: Work): Promise<Known<Used>> {
  const plan = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
  const volumeGiB = cluster?.volumeGiB ?? plan.data?.shape.volumeGiB;
  if (volumeGiB === undefined) return unknown("neither MSK nor the plan names the size of the volumes");
  const held = await fullestBroker(await work.world.target());
  if (!held.known) return held;
  const { broker, bytes } = held.value;
  const used = bytes / (volumeGiB * gib);
  return known({
    used,
    text: `by log sizes broker ${broker} holds ${gibText(bytes)} of ${figure(volumeGiB)} GiB`,
  });
}

function gibText(bytes: number): string {
  const amount = bytes / gib;
  return amount < 10 ? amount.toFixed(1) : figure(amount);
}

/** Leaders' bytes, counted for every broker that has a replica: a follower holds what its leader holds. */
async function fullestBroker(
  target: KafkaCluster,
): Promise<Known<{ readonly broker: number; readonly bytes: number }>> {
  const topics = await target.listTopics();
  const sizes = await target.logSizes(topics.map(({ name }) => name));
  if (!sizes.known) return sizes;
  const byBroker = new Map<number, number>();
  for (const topic of topics) {
    const missing = addTopic(byBroker, topic, (partition) => at(sizes.value, topic.name, partition));
    if (missing !== undefined) return unknown(`the size of ${topic.name}-${missing} did not come`);
  }
  const [fullest] = [...byBroker].sort(([, a], [, b]) => b - a);
  return fullest === undefined
    ? unknown("the target has no topics yet")
    : known({ broker: fullest[0], bytes: fullest[1] });
}

/** The partition whose size is not known, if there is one. */
function addTopic(
  byBroker: Map<number, number>,
  { partitions }: Topic,
  sizeOf: (partition: number) => number | undefined,
): number | undefined {
  for (const { id, replicas } of partitions) {
    const bytes = sizeOf(id);
    if (bytes === undefined) return id;
    for (const broker of replicas) byBroker.set(broker, (byBroker.get(broker) ?? 0) + bytes);
  }
  return undefined;
}
