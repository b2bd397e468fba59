import { staleBasis } from "#domain/assess/assessment-age.ts";
import type { JobOf } from "#domain/job.ts";
import { sumLags } from "#domain/lag/lag.ts";
import { quietText } from "#domain/lag/quiet-window.ts";
import { raceText } from "#domain/lag/retention-race.ts";
import type { Message, Part } from "#domain/message.ts";
import type { LagPoint } from "#domain/ports.ts";
import { about, count, timeOfDay, zoneOf } from "#domain/wording.ts";
import { readinessLines } from "#jobs/switch/readiness.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { done, type Handler, type Work } from "#jobs/work.ts";
import { standingTitles } from "./alarm-message.ts";
import { type Changes, changesSince, isNews, sinceText } from "./digest-changes.ts";
import { isNewestDigest, lastDigest, rememberDigest, type Told } from "./digest-memory.ts";
import {
  alarmFindings,
  digestFile,
  digestFindings,
  digestPartitions,
  digestWaves,
  diskText,
  type Finding,
  lossFindings,
  tasksText,
} from "./digest-parts.ts";
import { chartPart } from "./lag.ts";
import { type LagInsight, readInsight } from "./lag-insight.ts";
import { checksPart, engineNotes, lagSentence, wayBackPart } from "./lag-message.ts";
import { lagPoints, type MigrationLag, readMigrationLag } from "./migration-lag.ts";
import { type DiskReading, watchTargetDisk } from "./target-disk.ts";
import { throughputFacts } from "./throughput.ts";

/** What waits for people: one line a request, "wave billing for one more ✅ (request 7K3Q, 40 min left)". */
export type OpenRequests = (work: Work) => Promise<readonly string[]>;

/** Everything that one digest tells. */
type Tidings = {
  readonly lag: MigrationLag;
  readonly points: readonly LagPoint[];
  readonly findings: readonly Finding[];
  readonly waiting: readonly string[];
  readonly disk: DiskReading;
  readonly insight: LagInsight;
  readonly back: readonly Part[];
  readonly last: Told | undefined;
  readonly now: Told;
  readonly changes: Changes;
};

/**
 * The lag digest: what has changed since the last one stands out, what was told already is small. When everything is in
 * step and nothing waits it is one line, and one for each way back. Of several that wait after an outage the newest is
 * posted; one that a change of state asked for is left out when another has told the change.
 */
export function createDigest(openRequests: OpenRequests): Handler<JobOf<"digest">> {
  return async (job, work) => {
    const { store, migration, log } = work;
    const isAsked = job.by !== "schedule" && job.by !== "change";
    if (!isAsked && !(await isNewestDigest(store, migration.name, work.jobId))) {
      log.info({}, "a newer digest is posted in place of this one");
      return done;
    }
    const tidings = await gather(openRequests, work);
    if (!isAsked && isSilent(job.by, tidings, work)) {
      log.info({}, "no digest: nothing has changed since the last one");
      return done;
    }
    await work.card.finish(await message(job.by, tidings, work));
    await rememberDigest(store, migration.name, tidings.now);
    return done;
  };
}

async function gather(openRequests: OpenRequests, work: Work): Promise<Tidings> {
  const { store, migration } = work;
  const points = await lagPoints(work);
  const lag = await readMigrationLag(work);
  const waiting = await openRequests(work);
  const insight = await readInsight(lag, work);
  const alarms = await standingTitles(store, migration.name);
  const findings = [
    ...digestFindings(lag),
    ...lossFindings(insight.losses, lag),
    ...alarmFindings(alarms, lag),
  ];
  const last = await lastDigest(store, migration.name);
  const now = toldNow(lag, findings, waiting);
  const moved = lag.waves.map(({ wave }) => wave);
  return {
    lag,
    points,
    findings,
    waiting,
    disk: await watchTargetDisk(work),
    insight,
    back: wayBackPart(await readinessLines(moved, lag.copyRates, work)),
    last,
    now,
    changes: changesSince(last, now),
  };
}

function toldNow(lag: MigrationLag, findings: readonly Finding[], waiting: readonly string[]): Told {
  const waves = lag.waves.map(({ wave, phase, flow, lags, failure }) => {
    const isRead = failure === undefined;
    const records = isRead ? sumLags(lags).records : null;
    return [wave.name, { phase, mirror: isRead ? flow.state : "unknown", behind: records }] as const;
  });
  return {
    at: lag.at,
    waves: Object.fromEntries(waves),
    findings: findings.map(({ key, check }) => ({ key, text: check.text })),
    waiting: [...waiting],
  };
}

/** Nothing has changed, and either the team wants no digest then, or a change was all the reason there was. */
function isSilent(by: string, { last, changes }: Tidings, { migration }: Work): boolean {
  if (last === undefined || isNews(changes)) return false;
  return by === "change" || migration.settings.digest?.quiet === true;
}

async function message(by: string, tidings: Tidings, work: Work): Promise<Message> {
  const { lag, points, findings, waiting, back, changes } = tidings;
  const zone = zoneOf(work.migration.settings);
  const sentence: Part = { kind: "text", text: lagSentence(lag, points, work) };
  const isQuiet = lag.point.behind === 0 && findings.length === 0 && waiting.length === 0 && !isNews(changes);
  const what = by === "change" ? "changed at" : "lag at";
  return {
    subject: `${work.migration.name} · ${what} ${timeOfDay(lag.at, zone)}`,
    tone: "info",
    parts: [sentence, ...(isQuiet ? back : await details(tidings, zone, work)), ...(await stalePart(work))],
  };
}

/** Waves are those of the plan: small and grey, where the assessment under it is stale. */
async function stalePart(work: Work): Promise<readonly Part[]> {
  const text = staleBasis(await loadPlan(work), work.clock.now());
  return text === undefined ? [] : [{ kind: "note", text }];
}

async function details(tidings: Tidings, zone: string, work: Work): Promise<readonly Part[]> {
  const { lag, points, findings, waiting, disk, insight, back, last, changes } = tidings;
  const facts = [
    ...timeFacts(insight, zone),
    ...(await throughputFacts(lag, work)),
    { label: "Tasks", value: tasksText(lag) },
    { label: "MSK's disks", value: diskText(disk) },
  ];
  await attachTables(lag, work);
  return [
    ...changePart(last, changes, zone),
    ...digestWaves(lag, changes),
    ...digestPartitions(lag),
    ...(last === undefined ? checksPart(findings.map(({ check }) => check)) : unchangedPart(changes)),
    { kind: "facts", rows: facts },
    ...engineNotes(lag),
    ...waitingPart(waiting, changes),
    ...back,
    ...(await chartPart([...points, lag.point], work)),
  ];
}

/** How old what waits is, whether it expires first, and when a cutover would disturb least. */
function timeFacts({ time, races, quiet }: LagInsight, zone: string) {
  return [
    ...(races.waiting === 0 ? [] : [{ label: "Oldest", value: ageText(time) }]),
    { label: "Retention", value: raceText(races) },
    ...(quiet.state === "unknown" ? [] : [{ label: "Quietest", value: quietText(quiet, zone) }]),
  ];
}

function ageText({ worst, unread }: LagInsight["time"]): string {
  const more = unread === 0 ? "" : `; not read on ${count(unread, "partition")}`;
  if (worst === null) return `not known${more}`;
  return `${about(worst.ms)} by its ${worst.clock}, on ${worst.topic}-${worst.partition}${more}`;
}

const changesShown = 10;

function changePart(last: Told | undefined, { lines }: Changes, zone: string): readonly Part[] {
  if (last === undefined || lines.length === 0) return [];
  const more = lines.length - changesShown;
  const shown = lines.slice(0, changesShown).map((line) => `• ${line}`);
  const rest = more > 0 ? [`… ${more} more`] : [];
  return [{ kind: "text", text: [sinceText(last, zone), ...shown, ...rest].join("\n") }];
}

/** What waits since the last digest stands out. */
function waitingPart(waiting: readonly string[], { waits }: Changes): readonly Part[] {
  if (waiting.length === 0) return [];
  const shown = waiting.map((line) => (waits.has(line) ? `*new* ${line}` : line));
  return [{ kind: "text", text: `Waiting: ${shown.join("; ")}` }];
}

const unchangedShown = 3;

/** Small and grey: it was told before. */
function unchangedPart({ unchanged }: Changes): readonly Part[] {
  if (unchanged.length === 0) return [];
  const more = unchanged.length - unchangedShown;
  const shown = unchanged.slice(0, unchangedShown).join("; ");
  return [{ kind: "note", text: `As before: ${shown}${more > 0 ? `; … ${more} more` : ""}` }];
}

async function attachTables(lag: MigrationLag, work: Work): Promise<void> {
  const content = digestFile(lag);
  if (content === undefined) return;
  await work.card.file({ name: "lag.csv", title: `${work.migration.name}: lag of every wave`, content });
}
