import { connectionTo } from "../apps/fleet.ts";
import { AckedRecord, ackedPath, readLines } from "../apps/journal.ts";
import { producers, waves } from "../apps/world.ts";
import { readTopics } from "../count/read-cluster.ts";
import { eventually } from "../process.ts";
import { checkAudit } from "./evidence.ts";
import { plain } from "./people.ts";
import { refusedAndMended } from "./refusals.ts";
import type { Evidence, Rollback } from "./report.ts";
import { approved, approvedTheHardWay, held, withoutEffect } from "./requests.ts";
import { run, type Stage, tell } from "./stage.ts";

/** The scenes of a migration, in the order in which a team plays them. */

const ana = "U0ANA";

/** Looking and planning; the plan's corrections of the published guide are shown. */
export async function prepare(stage: Stage): Promise<void> {
  await run(stage, ana, "assess");
  const plan = await run(stage, ana, "plan");
  const said = (await stage.room.messages()).filter(
    ({ ts, thread_ts }) => ts === plan.ts || thread_ts === plan.ts,
  );
  const lines = said
    .flatMap(({ text }) => plain(text).split("\n"))
    .filter((line) => /\bguide\b/iu.test(line));
  if (lines.length === 0) throw new Error("the plan explains no correction of the guide");
  stage.say(`    what the guide gets wrong (${lines.length}):`);
  for (const line of lines) tell(stage, `  ${line.replace(/^✓\s*/u, "")}`);
  await refusedAndMended(stage, ana);
}

/** Everything is mirrored and looked at; nobody has moved yet. */
export async function mirror(stage: Stage): Promise<void> {
  await run(stage, ana, "replicate start");
  await run(stage, ana, "lag");
  await run(stage, ana, "digest now");
  await run(stage, ana, "status");
  await run(stage, ana, "verify");
}

/** Consumers first, then producers; billing goes back once in between, and forth again. Returns what that cost. */
export async function cutOver(stage: Stage, options: { readonly full: boolean }): Promise<Rollback> {
  let rollback: Rollback | undefined;
  for (const { name } of waves) {
    if (name !== "billing") {
      await approved(stage, `cutover consumers ${name}`);
      await approved(stage, `cutover producers ${name}`);
      continue;
    }
    await run(stage, ana, `cutover consumers ${name} --dry-run`);
    if (options.full) await withoutEffect(stage, name, "shipping");
    await approvedTheHardWay(stage, `cutover consumers ${name}`);
    await run(stage, ana, `cutover producers ${name} --dry-run`);
    await (options.full ? held : approved)(stage, `cutover producers ${name}`);
    rollback = await goBack(stage);
    await approved(stage, `cutover consumers ${name}`);
    await approved(stage, `cutover producers ${name}`);
  }
  if (rollback === undefined) throw new Error("no wave is called billing");
  return rollback;
}

/** What remains to do when everything has moved. Returns what the exported audit is worth. */
export async function finish(stage: Stage): Promise<Evidence> {
  await run(stage, ana, "status");
  await approved(stage, "cleanup");
  await run(stage, ana, "features");
  await run(stage, ana, "audit");
  return await checkAudit(stage);
}

/** Lets the producers write on the target, rolls the wave back and counts what came back. */
async function goBack(stage: Stage): Promise<Rollback> {
  const { folder, clusters } = stage.lab;
  const [wave] = waves;
  const enough = 100;
  await eventually(() => writtenOnTarget(folder, wave.topics).length >= enough, {
    what: `${enough} records that only the target was given`,
    deadlineMs: 60_000,
    everyMs: 200,
    signal: stage.signal,
  });
  await run(stage, ana, "status");
  await run(stage, ana, `rollback ${wave.name} --dry-run`);
  await approved(stage, `rollback ${wave.name}`);
  const targetOnly = writtenOnTarget(folder, wave.topics);
  const held = new Map<string, number>();
  const topics = await readTopics(connectionTo(clusters.source.bootstrap), wave.topics);
  for (const { id } of [...topics.values()].flatMap((partitions) => (partitions ?? []).flat())) {
    if (id !== null) held.set(id, (held.get(id) ?? 0) + 1);
  }
  const copies = targetOnly.map((id) => held.get(id) ?? 0);
  const result = {
    targetOnly: targetOnly.length,
    backOnSource: copies.filter((times) => times > 0).length,
    lost: copies.filter((times) => times === 0).length,
    duplicated: copies.filter((times) => times > 1).length,
  };
  stage.say(
    `    ${result.targetOnly} records were written on MSK only; back on the source: ${result.backOnSource}, lost ${result.lost}, twice ${result.duplicated}`,
  );
  return result;
}

function writtenOnTarget(folder: string, topics: readonly string[]): string[] {
  return producers
    .flatMap(({ name }) => readLines(ackedPath(folder, name), AckedRecord))
    .filter(({ cluster, topic }) => cluster === "target" && topics.includes(topic))
    .map(({ id }) => id);
}
