import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { behind, type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import { timeLags, timeLagText } from "#domain/lag/lag-time.ts";
import { lostText } from "#domain/lag/lost-ranges.ts";
import { quietText } from "#domain/lag/quiet-window.ts";
import { raceText } from "#domain/lag/retention-race.ts";
import type { Message, Part } from "#domain/message.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import { count, figure, timeOfDay, zoneOf } from "#domain/wording.ts";
import { loadPlan, readWaveState } from "#jobs/switch/wave.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { groupLags, groupLine } from "./groups-on-target.ts";
import { evidenceParts } from "./lag-evidence.ts";
import { type LagInsight, readInsight } from "./lag-insight.ts";
import {
  checksPart,
  engineNotes,
  lagChecks,
  lagSentence,
  openTailChecks,
  partitionTable,
  waveTable,
} from "./lag-message.ts";
import type { TailLimits } from "./lag-tails.ts";
import { acknowledgeLosses } from "./lost-ranges.ts";
import { lagPoints, readMigrationLag } from "./migration-lag.ts";
import { acknowledgeAnew } from "./mirrored-topics.ts";
import { remedyParts } from "./remedy-parts.ts";
import { readTimestamps, waitingOn } from "./waiting-records.ts";

const partitionsShown = 12;
const groupsShown = 8;
const lossesShown = 5;
/** For a person who asks, more is counted record by record than the watch counts. */
const askedTails: TailLimits = { offsets: 2_000, partitions: 200 };

/**
 * Exact lag of everything, of one topic, or of one consumer group; the evidence of being caught up. `acknowledge` marks
 * lost records as seen to, all others change nothing.
 */
export async function lag(job: JobOf<"lag">, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  const parts = await partsFor(job, plan, work);
  const read = timeOfDay(work.clock.now(), zoneOf(work.migration.settings));
  const what = job.action === undefined ? "lag" : `lag ${job.action}`;
  const subject = `${work.migration.name} · ${what}${job.subject === undefined ? "" : ` of ${job.subject}`} at ${read}`;
  await work.card.finish({ subject, tone: "done", parts, next: ["status"] } satisfies Message);
  return done;
}

async function partsFor({ action, subject }: JobOf<"lag">, plan: Plan, work: Work): Promise<readonly Part[]> {
  if (action === "evidence") return evidenceParts(subject, plan, work);
  if (action === "acknowledge") return acknowledge(subject ?? "", plan, work);
  if (subject === undefined) return everything(work);
  if (plan.waves.some(({ topics }) => topics.includes(subject))) return oneTopic(subject, work);
  const wave = plan.waves.find(({ groups }) => groups.includes(subject));
  if (wave !== undefined) return oneGroup(subject, wave, work);
  throw unknownSubject(subject, plan);
}

async function acknowledge(topic: string, plan: Plan, work: Work): Promise<readonly Part[]> {
  const wave = plan.waves.find(({ topics }) => topics.includes(topic));
  if (wave === undefined) throw unknownSubject(topic, plan);
  const ranges = await acknowledgeLosses(topic, work);
  const flows = (["forward", "reverse"] as const).map((kind) =>
    flowName(work.migration.name, wave.name, kind),
  );
  const anew: boolean[] = [];
  for (const flow of flows) anew.push(await acknowledgeAnew(flow, topic, work));
  const isAnew = anew.includes(true);
  await work.audit({
    what: "loss.acknowledged",
    wave: wave.name,
    subject: topic,
    detail: { ranges, anew: isAnew },
  });
  if (ranges === 0 && !isAnew)
    return [{ kind: "text", text: `Nothing of ${topic} waits to be acknowledged.` }];
  const found = [
    ...(ranges > 0 ? [count(ranges, "lost range")] : []),
    ...(isAnew ? ["that it was created anew"] : []),
  ];
  return [{ kind: "text", text: `Acknowledged for ${topic}: ${found.join(", ")}. The audit keeps it.` }];
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
  const reading = await readMigrationLag(work, askedTails);
  const points = await lagPoints(work);
  const insight = await readInsight(reading, work);
  const lags = reading.waves.flatMap((wave) => wave.lags);
  const { worst } = sumLags(lags);
  return [
    { kind: "text", text: lagSentence(reading, points, work, insight.time) },
    waveTable(reading, insight.waveTime),
    ...(worst.length > 0 ? [partitionTable(worst, 5, insight.time)] : []),
    ...checksPart([...lossChecks(insight), ...lagChecks(reading), ...openTailChecks(lags)]),
    ...offsetsNote(lags),
    ...engineNotes(reading),
    ...insightParts(insight, work),
    ...(await chartPart([...points, reading.point], work)),
  ];
}

/** Where offsets stand for records, that is said: they are no fewer. */
function offsetsNote(lags: readonly PartitionLag[]): readonly Part[] {
  const uncounted = lags.filter(({ records, counted }) => (records ?? 0) > 0 && counted !== true).length;
  if (uncounted === 0) return [];
  const text = `Not counted one by one on ${count(uncounted, "partition")}: offsets to the end, markers of transactions and compacted records included.`;
  return [{ kind: "note", text }];
}

function lossChecks({ losses }: LagInsight) {
  const shown = losses
    .slice(0, lossesShown)
    .map((range) => ({ state: "fail", text: lostText(range) }) as const);
  const more = losses.length - shown.length;
  return more > 0 ? [...shown, { state: "fail", text: count(more, "more lost range") } as const] : shown;
}

function insightParts(insight: LagInsight, work: Work): readonly Part[] {
  const { groups, races, quiet } = insight;
  const shown = groups.slice(0, groupsShown).map(groupLine);
  const more = groups.length > groupsShown ? [`… ${figure(groups.length - groupsShown)} more groups`] : [];
  const rows = [
    ...(groups.length === 0 ? [] : [{ label: "Groups on MSK", value: [...shown, ...more].join("\n") }]),
    { label: "Retention", value: raceText(races) },
    { label: "Quietest hour", value: quietText(quiet, zoneOf(work.migration.settings)) },
  ];
  return [{ kind: "facts", rows }, ...remedyParts(races.atRisk[0]?.remedies ?? [])];
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
  const reading = await readMigrationLag(work, askedTails);
  const of = reading.waves.find(({ wave }) => wave.topics.includes(topic));
  if (of?.failure !== undefined) throw of.failure;
  const lags = of?.lags.filter((lag) => lag.topic === topic) ?? [];
  const sum = sumLags(lags);
  const waiting = waitingOn(of === undefined ? [] : [{ ...of, lags }]);
  const { read } = await readTimestamps(waiting, partitionsShown, work, { isPart: true });
  const time = timeLags(read, waiting.length, reading.at);
  const age = timeLagText(time);
  const text = `Behind by ${behind(sum)} records on ${figure(lags.length)} partitions.${age === "" ? "" : ` The ${age}.`}`;
  const checks = sum.findings.map(({ partition, why, state }) => ({
    state: "fail" as const,
    text: `${topic}-${partition}: ${why ?? state}`,
  }));
  return [
    { kind: "text", text },
    partitionTable(lags, partitionsShown, time),
    ...checksPart([...checks, ...openTailChecks(lags)]),
    ...offsetsNote(lags),
  ];
}

/** A group's own lag on the cluster where it reads now: end offset − committed offset. */
async function oneGroup(group: string, wave: Wave, work: Work): Promise<readonly Part[]> {
  const { phase } = await readWaveState(work, wave.name);
  const cluster = phase === "before-cutover" ? work.world.source : await work.world.target();
  const [own] = await groupLags(wave, [group], cluster);
  const where = cluster.role === "source" ? "the source" : "MSK";
  if (own?.failure !== undefined) throw own.failure;
  if (own === undefined || own.lags.length === 0)
    return [{ kind: "text", text: `${group} has committed nothing on ${where}.` }];
  const text = `${group} on ${where} has ${behind(own.sum)} records before it.`;
  return [{ kind: "text", text }, partitionTable(own.lags, partitionsShown)];
}
