import { staleAssessment } from "#domain/assess/assessment-age.ts";
import { type ObservedWriter, observedWriters, offsetsTopic } from "#domain/assess/observed-writers.ts";
import { Assessment, assessmentKey } from "#domain/assessment.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Check, Message, Part } from "#domain/message.ts";
import { prices } from "#domain/msk/data.ts";
import { priceAge } from "#domain/plan/costs.ts";
import { makePlan } from "#domain/plan/planning.ts";
import { stalenessText } from "#domain/plan/staleness.ts";
import { Plan, planHistoryKey, planKey, type Reason, type Wave } from "#domain/plan.ts";
import type { EngineCheck } from "#domain/ports.ts";
import { planReport } from "#domain/report/plan-report.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import { clockTime, count, took } from "#domain/wording.ts";
import { answerButton, readAnswers } from "./answers.ts";
import { listRequests } from "./approval/request-store.ts";
import { refuseSharedFlows } from "./mirror/shared-flows.ts";
import { exportPlan } from "./plan-export.ts";
import { readSamples } from "./plan-load.ts";
import { changesSince } from "./plan-stale.ts";
import { readWaveState } from "./switch/wave.ts";
import { done, type Outcome, type Work } from "./work.ts";

const shownWaves = 12;

/** Step 2: shape, price, configuration, topics and waves from the last assessment. Changes nothing outside. */
export async function plan(job: JobOf<"plan">, work: Work): Promise<Outcome> {
  if (job.part !== undefined) return await exportPlan(job.part, work);
  const began = work.clock.now();
  const assessment = await loadAssessment(work);
  await work.card.update({
    subject: `${work.migration.name} · plan`,
    tone: "working",
    parts: [{ kind: "text", text: "Sizing MSK and sorting topics into waves." }],
  });
  const previous = await previousPlan(work);
  const { before } = previous;
  const changed = before === undefined ? [] : await changesSince(before, work);
  const read = {
    migration: work.migration,
    assessment,
    creatable: await creatableVersions(work),
    writers: await sourceWriters(assessment, work),
    engine: await engineCheck(work),
    previous: before?.waves ?? [],
    answers: await readAnswers(work),
    samples: await readSamples(work),
    madeAt: new Date(work.clock.now()).toISOString(),
  };
  const made = await keep(previous, (fixed) => makePlan({ ...read, fixed }), work);
  // Somebody else has made one meanwhile: theirs is what comes before this one.
  if (made === undefined) return await plan(job, work);
  await work.store.write(planHistoryKey(work.migration.name, made.hash), made);
  const hashes = { before: before?.hash ?? "none", after: made.hash };
  const detail = { hash: made.hash, before: before?.hash };
  await work.audit({ what: "plan.made", subject: made.hash, ...hashes, reason: "asked", detail });
  await upload(made, work);
  await work.card.finish(summary(made, { before, changed }, assessment, work, began));
  return done;
}

async function loadAssessment(work: Work): Promise<Assessment> {
  const stored = await work.store.read(assessmentKey(work.migration.name));
  if (stored === undefined) {
    throw new FerryError("E_NO_ASSESSMENT", `${work.migration.name} was not assessed yet.`);
  }
  return Assessment.parse(stored.value);
}

type Previous = { readonly before: Plan | undefined; readonly revision: number };

async function previousPlan(work: Work): Promise<Previous> {
  const stored = await work.store.read(planKey(work.migration.name));
  return { before: stored && Plan.parse(stored.value), revision: stored?.revision ?? 0 };
}

/**
 * Writes the plan, and looks again: a run that began meanwhile has read the one before, and its wave stays as it is
 * there. One that reads later finds another plan than was approved. `undefined`: it is not the one before any more.
 */
async function keep(
  { before, revision }: Previous,
  make: (fixed: readonly Wave[]) => Plan,
  work: Work,
): Promise<Plan | undefined> {
  let last = revision;
  let fixed = await begunWaves(before, work);
  for (;;) {
    const made = make(fixed);
    await refuseSharedFlows(made.waves, work);
    const written = await work.store.write(planKey(work.migration.name), made, { revision: last });
    if (written === undefined) return undefined;
    const now = await begunWaves(before, work);
    const known = new Set(fixed.map(({ name }) => name));
    if (now.every(({ name }) => known.has(name))) return made;
    last = written;
    fixed = now;
  }
}

/** Their connectors, offsets and boundaries are named by these topics: a new plan may not touch them. */
async function begunWaves(before: Plan | undefined, work: Work): Promise<readonly Wave[]> {
  const begun: Wave[] = [];
  const running = (await listRequests(work.store, work.migration.name))
    .filter(({ state }) => state === "executing")
    .map(({ proposal }) => proposal.wave);
  for (const wave of before?.waves ?? []) {
    const { phase } = await readWaveState(work, wave.name);
    if (phase !== "before-cutover" || running.includes(wave.name)) begun.push(wave);
  }
  return begun;
}

/** AWS may not be reachable yet: a plan is possible without it, and says so. */
async function creatableVersions(work: Work): Promise<Known<readonly string[]>> {
  try {
    return known(await work.world.msk.versions());
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code }, "versions that MSK offers could not be read");
    return unknown(`${code} ${message}`);
  }
}

/** What the source remembers of its producers; without it the waves follow what else is known, and say so. */
async function sourceWriters({ topics }: Assessment, work: Work): Promise<Known<readonly ObservedWriter[]>> {
  try {
    const { source } = work.world;
    const transactions = await source.transactions();
    if (!transactions.known) return transactions;
    const asked = topics
      .filter(({ internal, offline }) => !internal && offline === 0)
      .map(({ name }) => name);
    const present = topics.some(({ name }) => name === offsetsTopic) ? [offsetsTopic] : [];
    return observedWriters(transactions, await source.producers([...asked, ...present]));
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code }, "producers of the source could not be read");
    return unknown(`${code} ${message}`);
  }
}

/** The engine may not be there yet. */
async function engineCheck(work: Work): Promise<Known<EngineCheck>> {
  try {
    return known(await (await work.world.engine()).check());
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code }, "the engine could not be asked");
    return unknown(`${code} ${message}`);
  }
}

async function upload(made: Plan, work: Work): Promise<void> {
  const day = made.madeAt.slice(0, 10);
  const { markdown, json } = planReport(made);
  await work.card.file({ name: `plan-${day}.md`, title: "Plan", content: Buffer.from(markdown) });
  await work.card.file({ name: `plan-${day}.json`, title: "Plan (JSON)", content: Buffer.from(json) });
}

function summary(
  made: Plan,
  { before, changed }: { readonly before: Plan | undefined; readonly changed: readonly string[] },
  assessment: Assessment,
  work: Work,
  began: number,
): Message {
  const now = work.clock.now();
  const { shape, waves, topics } = made;
  const volume = shape.volumeGiB === undefined ? "" : `, ${shape.volumeGiB} GiB each`;
  const groups = waves.reduce((sum, wave) => sum + wave.groups.length, 0);
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  const same = before?.hash === made.hash ? " (unchanged)" : "";
  return {
    subject: `${work.migration.name} · plan`,
    tone: "done",
    note: `done in ${took(now - began)} · ${clockTime(now)}`,
    parts: [
      {
        kind: "text",
        text: `*${shape.brokers} × ${shape.instanceType}*${volume}, Kafka ${shape.kafkaVersion}: *$${shape.monthlyUsd.toLocaleString("en-US")} a month*${priceNote(work)}\n${count(topics.length, "topic")}, ${count(partitions, "partition")}, ${count(groups, "group")} in ${count(waves.length, "wave")}`,
      },
      waveTable(waves),
      ...checks("In the way", warnings(made, assessment, now)),
      ...checks("Only you know", openQuestions(made)),
      ...checks("Instead of the published guide", made.corrections.slice(0, 5).map(correction)),
      { kind: "note", text: `Plan ${short(made.hash)}${same}; every value with its reason in the thread.` },
      ...(changed.length === 0
        ? []
        : [{ kind: "note" as const, text: `Since the plan before: ${stalenessText(changed)}.` }]),
    ],
    actions: [answerButton],
    next: ["provision"],
  };
}

/** Prices of another Region are not guessed: what is shown is the table's, and says so beside it. */
function priceNote({ migration }: Work): string {
  const { region } = migration.settings.target;
  return region === prices.region ? "" : ` at ${prices.region}'s prices: those of ${region} are not known`;
}

const marks = { blocker: "fail", warning: "warn", info: "unknown" } as const;

/** The rest was answered, or its proposal counts: `plan answers` tells. */
function openQuestions({ questions = [] }: Plan): readonly Check[] {
  return questions
    .filter(({ state, conflict }) => state === "open" || conflict !== null)
    .map(({ id, asks, severity, proposed, blocks, conflict }) => {
      const held = blocks === null ? "" : ` Holds up \`${blocks}\`.`;
      const proposal = proposed === null ? "" : ` Proposed: ${proposed}.`;
      return conflict === null
        ? { state: marks[severity], text: `${id}: ${asks}${proposal}${held}` }
        : { state: "fail", text: `${id}: ${conflict}.${held}` };
    });
}

function waveTable(waves: readonly Wave[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "topics", align: "right" },
      { title: "groups", align: "right" },
      { title: "risk", align: "right" },
      { title: "why together", align: "left" },
    ],
    rows: waves
      .slice(0, shownWaves)
      .map(({ name, topics, groups, why, risk }) => [
        name,
        String(topics.length),
        String(groups.length),
        risk === undefined ? "?" : String(risk.score),
        clipped(firstReason(why)),
      ])
      .concat(
        waves.length > shownWaves ? [[`${waves.length - shownWaves} more`, "", "", "", "in the thread"]] : [],
      ),
  };
}

/** A line of a table has room for one; plan.md has them all. */
function firstReason(why: string): string {
  return why.split("; ", 1).join("");
}

function clipped(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Blockers of the assessment, its age, and what the plan itself could not settle. */
function warnings(made: Plan, assessment: Assessment, now: number): readonly Check[] {
  const old = staleAssessment(assessment.taken.at, now);
  const stale: readonly Check[] = old === undefined ? [] : [{ state: "warn", text: old }];
  const prices = priceAge(new Date(now).toISOString());
  const outdated: readonly Check[] = prices === undefined ? [] : [{ state: "warn", text: prices }];
  const blockers = assessment.findings
    .filter(({ severity, state }) => severity === "blocker" && state === "found")
    .map(
      ({ subject, evidence, remedy }): Check => ({
        state: "fail",
        text: `${subject}: ${evidence} → ${remedy}`,
      }),
    );
  const open = made.reasons
    .filter(({ what }) => /^(unknown:|too small|set )/.test(what))
    .map(
      ({ what, why }): Check => ({
        state: what.startsWith("unknown") ? "unknown" : "warn",
        text: `${what}: ${why}`,
      }),
    );
  return [...blockers, ...stale, ...open, ...outdated];
}

function correction({ what, why }: Reason): Check {
  return { state: "pass", text: `${what}: ${why}` };
}

function checks(title: string, items: readonly Check[]): readonly Part[] {
  return items.length === 0 ? [] : [{ kind: "checks", title, items }];
}

function short(hash: string): string {
  return `${hash.slice(0, 4)}…${hash.slice(-2)}`;
}
