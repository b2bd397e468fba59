import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { type PartitionLag, sumLags } from "#domain/lag.ts";
import type { Message, Part } from "#domain/message.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import { behind, figure, timeOfDay, zoneOf } from "#domain/wording.ts";
import { loadPlan, readWaveState } from "#jobs/switch/wave.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { checksPart, lagChecks, lagSentence, partitionTable, waveTable } from "./lag-message.ts";
import { lagPoints, readMigrationLag } from "./migration-lag.ts";

const partitionsShown = 12;

/** Exact lag of everything, of one topic, or of one consumer group. Changes nothing. */
export async function lag(job: JobOf<"lag">, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  const parts = await partsFor(job.subject, plan, work);
  const read = timeOfDay(work.clock.now(), zoneOf(work.migration.settings));
  const subject = `${work.migration.name} · lag${job.subject === undefined ? "" : ` of ${job.subject}`} at ${read}`;
  await work.card.finish({ subject, tone: "done", parts, next: ["status"] } satisfies Message);
  return done;
}

async function partsFor(subject: string | undefined, plan: Plan, work: Work): Promise<readonly Part[]> {
  if (subject === undefined) return everything(work);
  if (plan.waves.some(({ topics }) => topics.includes(subject))) return oneTopic(subject, work);
  const wave = plan.waves.find(({ groups }) => groups.includes(subject));
  if (wave !== undefined) return oneGroup(subject, wave, work);
  throw unknownSubject(subject, plan);
}

/** What has the nearest name says which of the two was meant. */
function unknownSubject(subject: string, { waves }: Plan): FerryError {
  const topics = waves.flatMap((wave) => wave.topics);
  const groups = waves.flatMap((wave) => wave.groups);
  const nearest = closestName(subject, [...topics, ...groups]);
  const code = nearest === undefined || topics.includes(nearest) ? "E_UNKNOWN_TOPIC" : "E_UNKNOWN_GROUP";
  const hint = nearest === undefined ? "the plan has none" : `did you mean ${nearest}?`;
  return new FerryError(code, `No topic or group of the plan is called ${subject}; ${hint}`);
}

async function everything(work: Work): Promise<readonly Part[]> {
  const [reading, points] = [await readMigrationLag(work), await lagPoints(work)];
  const lags = reading.waves.flatMap(({ lags }) => lags);
  const worst = sumLags(lags).worst.length > 0 ? [partitionTable(sumLags(lags).worst, 5)] : [];
  return [
    { kind: "text", text: lagSentence(reading, points, work) },
    waveTable(reading),
    ...worst,
    ...checksPart(lagChecks(reading)),
    ...(await chartPart([...points, reading.point], work)),
  ];
}

/** Nothing to draw with fewer than two points. */
export async function chartPart(
  points: Parameters<Work["charts"]["lag"]>[1],
  work: Pick<Work, "charts" | "card" | "migration">,
): Promise<readonly Part[]> {
  if (points.length < 2) return [];
  const title = `${work.migration.name}: lag and throughput, 24 h`;
  const content = await work.charts.lag(title, points);
  const fileId = await work.card.file({ name: "lag.png", title, content });
  return [{ kind: "image", fileId, alt: title }];
}

async function oneTopic(topic: string, work: Work): Promise<readonly Part[]> {
  const reading = await readMigrationLag(work);
  const of = reading.waves.find(({ wave }) => wave.topics.includes(topic));
  if (of?.failure !== undefined) throw of.failure;
  const lags = of?.lags.filter((lag) => lag.topic === topic) ?? [];
  const sum = sumLags(lags);
  const text = `Behind by ${behind(sum)} records on ${figure(lags.length)} partitions.`;
  const checks = sum.findings.map(({ partition, why, state }) => ({
    state: "fail" as const,
    text: `${topic}-${partition}: ${why ?? state}`,
  }));
  return [{ kind: "text", text }, partitionTable(lags, partitionsShown), ...checksPart(checks)];
}

/** A group's own lag on the cluster where it reads now: end offset − committed offset. */
async function oneGroup(group: string, wave: Wave, work: Work): Promise<readonly Part[]> {
  const { phase } = await readWaveState(work, wave.name);
  const cluster = phase === "before-cutover" ? work.world.source : await work.world.target();
  const committed = (await cluster.committed([group])).get(group) ?? new Map();
  const topics = [...committed.keys()].filter((topic) => wave.topics.includes(topic));
  const ends = await cluster.offsets(topics, "end");
  const lags = topics.flatMap((topic) =>
    (ends.get(topic) ?? []).map((end, partition) =>
      groupLag(topic, partition, end, committed.get(topic)?.[partition]),
    ),
  );
  const where = cluster.role === "source" ? "the source" : "MSK";
  if (lags.length === 0) return [{ kind: "text", text: `${group} has committed nothing on ${where}.` }];
  const text = `${group} on ${where} has ${behind(sumLags(lags))} records before it.`;
  return [{ kind: "text", text }, partitionTable(lags, partitionsShown)];
}

function groupLag(
  topic: string,
  partition: number,
  end: number | undefined,
  committed: number | undefined,
): PartitionLag {
  const where = { topic, partition, lost: 0 };
  if (end === undefined || committed === undefined) return { ...where, state: "incomplete", records: null };
  if (committed > end) return { ...where, state: "ahead", records: null };
  return { ...where, state: committed === end ? "in-step" : "behind", records: end - committed };
}
