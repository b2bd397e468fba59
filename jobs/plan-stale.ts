import { Assessment, assessmentKey } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import {
  changesFor,
  type PlanChange,
  type PlannedStep,
  planChanges,
  stalenessText,
} from "#domain/plan/staleness.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { readAnswers, requireAnswers } from "./answers.ts";
import type { Work } from "./work.ts";

/** Whether what is about to be done is still what was planned. */

type Memory = Pick<Work, "store" | "migration">;

/** What of ferry.yaml, of the last assessment and of people's answers differs from what the plan was made of. */
export async function changesSince(plan: Plan, work: Memory): Promise<readonly string[]> {
  return (await allChanges(plan, work)).map(({ text }) => text);
}

async function allChanges(plan: Plan, work: Memory): Promise<readonly PlanChange[]> {
  const { store, migration } = work;
  const stored = await store.read(assessmentKey(migration.name));
  const assessment = Assessment.safeParse(stored?.value).data;
  return planChanges(plan, migration, assessment, await readAnswers(work));
}

/** `E_PLAN_STALE`, with each change that matters to this step. */
export async function refuseStalePlan(step: PlannedStep, plan: Plan, work: Memory): Promise<void> {
  const changes = changesFor(step, await allChanges(plan, work)).map(({ text }) => text);
  if (changes.length === 0) return;
  const name = step.step === "cutover" ? `a cutover of wave ${step.wave.name}` : step.step;
  throw new FerryError(
    "E_PLAN_STALE",
    `${name} rests on a plan that is not of today: ${stalenessText(changes)}.`,
  );
}

/** Before what makes a cluster, or takes one: also `E_ANSWER_NEEDED`. */
export async function refuseUnplannedCluster(plan: Plan, work: Memory): Promise<void> {
  await requireAnswers("provision", work);
  await refuseStalePlan({ step: "provision" }, plan, work);
}

/** Before a way is made between the networks: also `E_ANSWER_NEEDED`. Without a plan nothing was planned otherwise. */
export async function refuseUnplannedNetwork(work: Memory): Promise<void> {
  await requireAnswers("network", work);
  const stored = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
  if (stored.success) await refuseStalePlan({ step: "network" }, stored.data, work);
}
