import { Assessment, assessmentKey } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { Plan, planKey } from "#domain/plan.ts";
import {
  changesFor,
  type PlanChange,
  type PlannedStep,
  planChanges,
  stalenessText,
} from "#domain/plan-staleness.ts";
import { readAnswers } from "./answers.ts";
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

/** The same where a plan is not needed: without one nothing was planned otherwise. */
export async function refuseStalePlanIfAny(
  step: PlannedStep & { readonly step: "network" },
  work: Memory,
): Promise<void> {
  const stored = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
  if (stored.success) await refuseStalePlan(step, stored.data, work);
}
