import { flowsOf, sharedMirrorTopics } from "#domain/mirror/residue.ts";
import { settingsMarks } from "#domain/plan/staleness.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { mirroringKey } from "#jobs/mirror/replicate.ts";
import { loadPlan, readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";

/** Mirrors of other migrations on the same clusters: they live by topics and rights that this one's mirrors have, too. */

type Place = Pick<Work, "world" | "migration" | "store">;

/**
 * Mirrors that this engine shows and are not of this migration, and migrations whose mirrors were started and that are
 * not cleaned up, whatever engine they are on: "ferry-parcels-all-forward", "migration parcels".
 */
export async function otherMirrors(work: Place): Promise<readonly string[]> {
  const plan = await loadPlan(work);
  const waves = plan.waves.map(({ name }) => name);
  const own = flowsOf(work.migration.name, waves);
  const mirrors = await (await work.world.engine()).list("ferry-");
  const shown = mirrors.map(({ name }) => name).filter((name) => !own.includes(name));
  return [...shown, ...(await mirroring(plan, work))];
}

async function mirroring(own: Plan, { store, migration }: Place): Promise<readonly string[]> {
  const prefix = mirroringKey("");
  const names = (await store.keys(prefix)).map((key) => key.slice(prefix.length));
  const found: string[] = [];
  for (const name of names.filter((each) => each !== migration.name)) {
    const plan = Plan.safeParse((await store.read(planKey(name)))?.value).data;
    // One whose plan cannot be read may be on the same clusters.
    const shares = plan === undefined || mayShare(plan, own, migration);
    if (shares && !(await isCleaned(plan, name, { store, migration }))) found.push(`migration ${name}`);
  }
  return found;
}

/** The same source, or the same target as far as the plan tells. */
function mayShare(plan: Plan, own: Plan, migration: Work["migration"]): boolean {
  if (plan.sourceClusterId === own.sourceClusterId || plan.basis === undefined) return true;
  const [theirs, ours] = [plan.basis.settings, settingsMarks(migration)];
  return ["target.cluster", "target.region"].every((key) => theirs[key] === ours[key]);
}

async function isCleaned(
  plan: Plan | undefined,
  name: string,
  { store, migration }: Pick<Place, "store" | "migration">,
): Promise<boolean> {
  const work = { store, migration: { ...migration, name } };
  const states = await Promise.all((plan?.waves ?? []).map((wave) => readWaveState(work, wave.name)));
  return plan !== undefined && states.every(({ phase }) => phase === "cleaned");
}

/** "; what mirrors share stays for migration parcels"; nothing where there are no others. */
export function sharedStays(others: readonly string[]): string {
  return others.length === 0 ? "" : `; what mirrors share stays for ${others.join(", ")}`;
}

/** What a cleanup of the last wave removes, for people. */
export function removedAtLast(others: readonly string[]): string {
  const topics = [...(others.length === 0 ? sharedMirrorTopics : []), "ferry-…-offsets-…"].join(", ");
  const all = "all connectors with their offsets; the topics that MirrorMaker 2 made for them";
  return `${all}: ${topics}${sharedStays(others)}`;
}
