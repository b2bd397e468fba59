import { z } from "zod";
import { LoadSample, loadMark, samplesKept } from "#domain/assess/load-history.ts";
import { loadOf } from "#domain/assess/sizing-load.ts";
import { type AssessedTopic, Assessment, assessmentKey } from "#domain/assessment.ts";
import { asFerryError } from "#domain/errors.ts";
import { selectGroups, selectTopics } from "#domain/plan/wave-selection.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Work } from "./work.ts";

/**
 * What the source carries, every five minutes from the first assessment on: end offsets gained, times the size of a
 * record as it was assessed. Asks for a list of topics and their end offsets; kept for a week.
 */

const everyMs = 300_000;
/** Ends that are older say more about the pause than about the load. */
const longestMs = 4 * everyMs;

const Ends = z.object({
  at: z.number(),
  clusterId: z.string(),
  /** Per topic, summed over its partitions. */
  sums: z.record(z.string(), z.number()),
});

function timeKey(migration: string): string {
  return `load-at:${migration}`;
}

function endsKey(migration: string): string {
  return `load-ends:${migration}`;
}

function samplesKey(migration: string): string {
  return `load-samples:${migration}`;
}

/** Oldest first. */
export async function readSamples({
  store,
  migration,
}: Pick<Work, "store" | "migration">): Promise<readonly LoadSample[]> {
  const kept = await store.list(samplesKey(migration.name));
  return kept.flatMap((each) => LoadSample.safeParse(each).data ?? []);
}

/** Takes a sample when it is time for one. Never throws: nothing depends on a single one. */
export async function sampleLoad(work: Work): Promise<void> {
  const { store, migration, clock } = work;
  try {
    const last = z.number().safeParse((await store.read(timeKey(migration.name)))?.value).data ?? 0;
    const passed = clock.now() - last;
    if (passed >= 0 && passed < everyMs) return;
    const assessment = Assessment.safeParse((await store.read(assessmentKey(migration.name)))?.value).data;
    if (assessment === undefined) return;
    // First: a source that does not answer is not asked again for another five minutes.
    await store.write(timeKey(migration.name), clock.now());
    await takeSample(assessment, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.info({ code, error: message }, "the source's load could not be sampled");
  }
}

async function takeSample(assessment: Assessment, work: Work): Promise<void> {
  const { store, migration, clock, world } = work;
  const { settings } = migration;
  const named = new Set((settings.waves ?? []).flatMap(({ topics }) => topics));
  const { selected } = selectTopics(assessment.topics, settings.replication.topics, named);
  const present = new Set((await world.source.listTopics()).map(({ name }) => name));
  const topics = selected.filter(({ name, offline }) => offline === 0 && present.has(name));
  const ends = await world.source.offsets(
    topics.map(({ name }) => name),
    "end",
  );
  const sums = Object.fromEntries(
    [...ends].map(([name, row]) => [name, row.reduce<number>((sum, end) => sum + (end ?? 0), 0)]),
  );
  const now = { at: clock.now(), clusterId: assessment.clusterId, sums };
  const before = Ends.safeParse((await store.read(endsKey(migration.name)))?.value).data;
  await store.write(endsKey(migration.name), now);
  if (before === undefined || before.clusterId !== now.clusterId) return;
  const ms = now.at - before.at;
  if (ms <= 0 || ms > longestMs) return;
  const measured = topics.flatMap((topic) => withRate(topic, before.sums, now.sums, ms));
  // A topic that is new, or was made anew, has no rate yet: the next sample knows it.
  if (measured.length < selected.length) return;
  const carried = new Map(selected.map((topic) => [topic.name, topic]));
  const moving = new Set(
    selectGroups(assessment.groups, settings.replication.groups, carried).links.map(({ name }) => name),
  );
  const { ingressMBps, egressMBps } = loadOf(
    measured,
    assessment.groups.filter(({ id }) => moving.has(id)),
  );
  if (!ingressMBps.known || !egressMBps.known) return;
  const sample: LoadSample = {
    at: now.at,
    ms,
    ingressMBps: ingressMBps.value,
    egressMBps: egressMBps.value,
    of: loadMark(migration),
  };
  await store.append(samplesKey(migration.name), sample, samplesKept);
}

function withRate(
  topic: AssessedTopic,
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
  ms: number,
): readonly AssessedTopic[] {
  const [from, until] = [before[topic.name], now[topic.name]];
  if (from === undefined || until === undefined || until < from) return [];
  const recordsPerSecond = known((until - from) / (ms / 1000));
  return [{ ...topic, recordsPerSecond, bytesOutPerSecond: unknown("commits are not sampled") }];
}
