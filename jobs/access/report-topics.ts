import { inShort, topicDeviations } from "#domain/plan/topic-deviations.ts";
import type { Plan } from "#domain/plan.ts";
import { count } from "#domain/wording.ts";
import type { StartedWave } from "#jobs/mirror/replicate-wave.ts";
import type { Work } from "#jobs/work.ts";
import { listed } from "./access-parts.ts";

/**
 * Says of each mirrored topic which settings of the source were dropped, changed or added on the target, and why, and
 * where a topic that was there before has others. In the thread; long ones as a file. Silent when nothing was made.
 */
export async function reportTopics(
  plan: Plan,
  started: readonly StartedWave[],
  work: Pick<Work, "world" | "card" | "migration">,
): Promise<void> {
  const names = new Set(started.flatMap(({ state, wave }) => (state === "failed" ? [] : wave.topics)));
  const topics = plan.topics.filter(({ name }) => names.has(name));
  if (topics.length === 0) return;
  const target = await work.world.target();
  const present = new Set((await target.listTopics()).map(({ name }) => name));
  const mirrored = topics.filter(({ name }) => present.has(name));
  const configs = await target.topicConfigs(mirrored.map(({ name }) => name));
  const { adjusted, drifted } = topicDeviations(mirrored, configs);
  const isNew = started.some(({ created }) => created > 0);
  const rows = [...drifted, ...(isNew ? adjusted : [])];
  if (rows.length === 0) return;
  const columns = ["topic", "setting", "source", "MSK", "why"];
  const title = `Settings that differ from the source's: ${count(rows.length, "key")} of ${count(mirrored.length, "topic")}`;
  const parts = await listed(
    { name: "topic-settings", title, columns, rows, short: inShort(rows) },
    work.card,
  );
  await work.card.thread("topic-settings", {
    subject: `${work.migration.name} · topics on MSK`,
    tone: "info",
    parts,
  });
}
