import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import { staleEffect } from "#domain/assess/assessment-age.ts";
import {
  again,
  ofOurs,
  ofOwn,
  overLimit,
  type Prediction,
  predictionTable,
  skipped,
  totalOf,
} from "#domain/offsets/prediction.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { isQuiet } from "#domain/switch/group-findings.ts";
import { count, short, took } from "#domain/wording.ts";
import { answerEffects, readAgainLimit } from "#jobs/answers.ts";
import { refuseOtherEngine } from "#jobs/mirror/change-engine.ts";
import { quietEffect } from "#jobs/mirror/rate-profile.ts";
import { refuseStalePlan } from "#jobs/plan-stale.ts";
import type { Asked } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { liveGroups } from "./clients.ts";
import { groupFacts } from "./consumers-findings.ts";
import { fact, foreignGroups, mirrorFact, type Rehearsal, rehearse } from "./gate-facts.ts";
import { predict } from "./predict.ts";
import { consumersOf, loadPlan, waveAt } from "./wave.ts";
import { wayBack } from "./way-back.ts";

/** Rows of the prediction that a request keeps; the totals count all of them. */
const rowsKept = 2000;

/** What a cutover of a wave's consumers would do at this moment, and everything that may be wrong with it. */
export async function proposeConsumers(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveAt(work, plan, asked.wave, ["before-cutover"]);
  await refuseOtherEngine([wave.name], work);
  await refuseStalePlan({ step: "cutover", wave }, plan, work);
  const clients = consumersOf(work, wave);
  const target = await work.world.target();
  const { facts, value } = await groupFacts(plan, wave, target, work, () =>
    otherFacts(plan, wave, target, work),
  );
  const { rehearsal, predictions } = value;
  const table = predictionTable(predictions);
  return {
    action: "cutover-consumers",
    wave: wave.name,
    title: `cut over CONSUMERS of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      topics: [...wave.topics].toSorted(),
      groups: [...wave.groups].toSorted(),
      clients: clients.map(({ name }) => name).toSorted(),
    },
    effects: [
      ...(await effects(
        wave,
        clients.map(({ name }) => name),
        rehearsal,
        predictions,
        work,
      )),
      ...staleEffect(plan, work.clock.now()),
    ],
    ...(table.rows.length === 0 ? {} : { table: { ...table, rows: table.rows.slice(0, rowsKept) } }),
    facts: [...value.facts, ...facts],
    quorum: work.migration.settings.approvals.quorum,
  };
}

async function otherFacts(plan: Plan, wave: Wave, target: KafkaCluster, work: Work) {
  const rehearsal = await rehearse(wave, work.world.source, target, work);
  const predictions = await predict(wave, rehearsal.results, target, work);
  const facts = [
    await mirrorFact(wave, work),
    rehearsal.fact,
    await readAgainFact(predictions, work),
    await clientsFact(wave, work),
    await nobodyOnTarget(wave, target),
    await knownGroups(plan, wave, work),
  ];
  return { rehearsal, predictions, facts };
}

async function effects(
  wave: Wave,
  clients: readonly string[],
  rehearsal: Rehearsal,
  predictions: readonly Prediction[],
  work: Work,
): Promise<Proposal["effects"]> {
  const who = clients.length === 0 ? "no application to stop" : `stop ${clients.join(", ")}`;
  const { watch } = work.migration.settings.cutover;
  const offsets = count(rehearsal.offsets, "offset");
  const ahead = rehearsal.results.filter(({ kind }) => kind === "waiting").length;
  const later = ahead === 0 ? "" : `; ${count(ahead, "group")} ahead of the mirror just now`;
  return [
    {
      label: "What happens",
      value: `${who} → translate ${offsets} → start on MSK → watch ${took(watch)}`,
    },
    {
      label: "Pause",
      value: `the applications' own stop and start, and between them about ${took(rehearsal.tookMs)} (rehearsed: ${offsets})`,
    },
    {
      label: "Read again",
      value: `${totalOf(ofOurs(predictions, again), " records")}, proved by content${later} (MirrorMaker's own sync: ${totalOf(ofOwn(predictions, again))})`,
    },
    {
      label: "Skipped",
      value: `${totalOf(ofOurs(predictions, skipped), " records")} (MirrorMaker's own sync: ${totalOf(ofOwn(predictions, skipped))})`,
    },
    { label: "Way back", value: await wayBack(wave, "consumers-moved", work) },
    ...(await answerEffects(work)),
    await quietEffect(wave.name, work),
  ];
}

async function readAgainFact(predictions: readonly Prediction[], work: Work): Promise<GateFact> {
  const maxReadAgain = await readAgainLimit(work);
  const over = overLimit(predictions, maxReadAgain);
  const missing = predictions.filter(({ ours }) => !ours.known).length;
  const late =
    missing === 0
      ? ""
      : `; not known yet on ${count(missing, "partition")}, and held to this before the start`;
  const verdict =
    over.length === 0
      ? fact("read-again", "pass", `at most ${count(maxReadAgain, "record")} read again in any group${late}`)
      : fact(
          "read-again",
          "fail",
          `more than ${count(maxReadAgain, "record")} read again: ${over.join(", ")}`,
        );
  return { ...verdict, tolerance: { maxReadAgain } };
}

/**
 * Every group with members must belong to an application that can be stopped, and every application that is said to run
 * on the source must be seen in its group: one that uses `assign()` would commit there unseen.
 */
async function clientsFact(wave: Wave, work: Work): Promise<GateFact> {
  const clients = consumersOf(work, wave);
  const covered = new Set(clients.map(({ group }) => group));
  const strangers = await liveGroups(
    work.world.source,
    wave.groups.filter((group) => !covered.has(group)),
  );
  const unseen = await saidToRunUnseen(clients, work);
  if (strangers.length === 0 && unseen.length === 0) {
    return fact("clients", "pass", "every live group has an application in ferry.yaml");
  }
  const found = [
    ...(strangers.length === 0 ? [] : [`no application in ferry.yaml for ${strangers.join("; ")}`]),
    ...(unseen.length === 0
      ? []
      : [
          `said to run on the source, but without a member in its group (assign(), or it has not joined): ${short(unseen)}`,
        ]),
  ];
  return fact("clients", "fail", found.join("; "));
}

/** Asks only the drivers of groups without members: each question may start a process. */
async function saidToRunUnseen(
  clients: ReturnType<typeof consumersOf>,
  work: Work,
): Promise<readonly string[]> {
  const described = await work.world.source.describeGroups([...new Set(clients.map(({ group }) => group))]);
  const nobody = new Set(described.filter(isQuiet).map(({ id }) => id));
  const asked = clients.filter(({ group }) => nobody.has(group));
  const places = await Promise.all(asked.map((client) => work.world.client(client).status()));
  return asked
    .filter((_, index) => {
      const place = places[index];
      return place?.known === true && place.value === "source";
    })
    .map(({ name, group }) => `${name} in group ${group}`);
}

async function nobodyOnTarget(wave: Wave, target: KafkaCluster): Promise<GateFact> {
  const live = await liveGroups(target, wave.groups);
  return live.length === 0
    ? fact("target-groups", "pass", "nobody of these groups on MSK yet")
    : fact("target-groups", "fail", `already on MSK: ${live.join("; ")}`);
}

/** Groups that appeared since the plan and read topics of this wave would be left behind. */
async function knownGroups(plan: Plan, wave: Wave, work: Work): Promise<GateFact> {
  const strangers = await foreignGroups(plan, wave, work.world.source);
  return strangers.length === 0
    ? fact("known-groups", "pass", "all groups of the wave known")
    : fact("known-groups", "fail", `not in this wave, but read its topics: ${strangers.join(", ")}`);
}
