import { FerryError } from "#domain/errors.ts";
import { type SharedFlow, sharedFlows } from "#domain/mirror/shared-flow.ts";
import { planKey, type Wave } from "#domain/plan.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { readPlan } from "./own-flows.ts";

type Place = Pick<Work, "store" | "migration">;

/**
 * `E_SETTINGS` where one of these waves would have the mirror of a wave of another migration that is not cleaned up.
 * Wherever that one's engine is: topics and groups on the clusters are named after the mirror.
 */
export async function refuseSharedFlows(waves: readonly Wave[], work: Place): Promise<void> {
  const { store, migration } = work;
  const prefix = planKey("");
  const names = (await store.keys(prefix)).map((key) => key.slice(prefix.length));
  for (const name of names.filter((each) => isNear(each, migration.name))) {
    const theirs = (await readPlan(planKey(name), store))?.waves ?? [];
    const found = sharedFlows(
      { migration: migration.name, waves: waves.map((wave) => wave.name) },
      { migration: name, waves: theirs.map((wave) => wave.name) },
    );
    for (const shared of found) await refuse(shared, name, work);
  }
}

/** Only these can have mirrors of one name. */
function isNear(one: string, other: string): boolean {
  return one.startsWith(`${other}-`) || other.startsWith(`${one}-`);
}

async function refuse({ wave, other, flow }: SharedFlow, name: string, work: Place): Promise<void> {
  const { store, migration } = work;
  const states = await Promise.all([
    readWaveState(work, wave),
    readWaveState({ store, migration: { ...migration, name } }, other),
  ]);
  if (states.some(({ phase }) => phase === "cleaned")) return;
  throw new FerryError(
    "E_SETTINGS",
    `Wave ${wave} of ${migration.name} and wave ${other} of ${name} would both have the mirror ${flow}. Name one of them otherwise below waves in ferry.yaml, then /ferry plan.`,
  );
}
