import { flowsOf } from "#domain/mirror/residue.ts";
import { Plan, planHistoryKey, planKey } from "#domain/plan.ts";
import type { FlowStatus, ReplicationEngine, Store } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";

/**
 * Which mirrors of an engine are this migration's. What their names begin with does not tell: "ferry-orders-" begins
 * those of the migration orders-eu, too.
 */

type Place = Pick<Work, "store" | "migration">;

/**
 * Mirrors of the plan's waves, and of waves of earlier plans whose mirrors are still there, unless they are another
 * migration's by now.
 */
export async function ownFlows(
  engine: Pick<ReplicationEngine, "list">,
  { store, migration: { name } }: Place,
): Promise<readonly FlowStatus[]> {
  const listed = await engine.list(`ferry-${name}-`);
  if (listed.length === 0) return listed;
  const planned = await flowsOfPlans([planKey(name)], store);
  if (listed.every((flow) => planned.has(flow.name))) return listed;
  const earlier = await flowsOfPlans(await store.keys(planHistoryKey(name)), store);
  const theirs = await flowsOfPlans(await store.keys(planKey(`${name}-`)), store);
  return listed.filter(
    (flow) => planned.has(flow.name) || (earlier.has(flow.name) && !theirs.has(flow.name)),
  );
}

async function flowsOfPlans(keys: readonly string[], store: Store): Promise<ReadonlySet<string>> {
  const plans = await Promise.all(keys.map((key) => readPlan(key, store)));
  return new Set(plans.flatMap((plan) => (plan === undefined ? [] : flowsOfPlan(plan))));
}

/** `undefined`: none, or one of another release that cannot be read. */
export async function readPlan(key: string, store: Store): Promise<Plan | undefined> {
  return Plan.safeParse((await store.read(key))?.value).data;
}

function flowsOfPlan({ migration, waves }: Plan): readonly string[] {
  return flowsOf(
    migration,
    waves.map(({ name }) => name),
  );
}
