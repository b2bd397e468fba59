import { connectionTo } from "../apps/fleet.ts";
import { AckedRecord, ackedPath, readLines } from "../apps/journal.ts";
import { producers, waves } from "../apps/world.ts";
import { readTopics } from "../count/read-cluster.ts";
import { eventually } from "../process.ts";
import { plain } from "./people.ts";
import type { Rollback } from "./report.ts";
import {
  approve,
  ask,
  carriedOut,
  outcome,
  type Question,
  refusalsOf,
  run,
  type Stage,
  tell,
} from "./stage.ts";

/** The scenes of a migration, in the order in which a team plays them. */

const [ana, ben, cleo, eve] = ["U0ANA", "U0BEN", "U0CLEO", "U0EVE"] as const;

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
  await run(stage, ana, "provision");
  await run(stage, ana, "network");
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
    if (options.full) await refused(stage, `cutover consumers ${name}`);
    await approvedTheHardWay(stage, `cutover consumers ${name}`);
    await run(stage, ana, `cutover producers ${name} --dry-run`);
    await approved(stage, `cutover producers ${name}`);
    rollback = await goBack(stage);
    await approved(stage, `cutover consumers ${name}`);
    await approved(stage, `cutover producers ${name}`);
  }
  if (rollback === undefined) throw new Error("no wave is called billing");
  return rollback;
}

/** What remains to do when everything has moved. */
export async function finish(stage: Stage): Promise<void> {
  await run(stage, ana, "status");
  await approved(stage, "cleanup");
  await run(stage, ana, "features");
  await run(stage, ana, "audit");
}

async function approved(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ben);
  await approve(stage, question, cleo);
  await carriedOut(stage, question);
}

/** The requester, an outsider and one person with two emoji: none of it is a second approval. */
async function approvedTheHardWay(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ana);
  await approve(stage, question, eve);
  await stage.room.await(
    "word to @ana and @eve that they do not count",
    ({ ephemeral_to, text: words }) => ephemeral_to === eve && words.includes(question.id),
  );
  for (const { user, why } of await eventually(() => bothRefused(stage, question), {
    what: "both refusals",
    deadlineMs: 30_000,
    everyMs: 200,
    signal: stage.signal,
  })) {
    stage.say(`    to @${user} alone: not counted: ${why}`);
  }
  await approve(stage, question, ben);
  stage.say("@ben: ✔ as well");
  await stage.room.react(ben, question.ts, "heavy_check_mark");
  await stage.room.await(
    "one approval of two",
    ({ ts, text: words }) => ts === question.ts && /Approved 1 of 2/u.test(words),
  );
  await stage.room.remains("one person's two emoji are one approval", question.ts, 1500, ({ text: words }) =>
    /Approved 1 of 2/u.test(words),
  );
  stage.say("    approved 1 of 2: one person's two emoji are one approval");
  await approve(stage, question, cleo);
  await carriedOut(stage, question);
}

async function bothRefused(stage: Stage, question: Question) {
  const refusals = await refusalsOf(stage, question);
  return refusals.length >= 2 && refusals;
}

/** A denial, and an approval that is withdrawn in time: nothing happens. */
async function refused(stage: Stage, text: string): Promise<void> {
  const denied = await ask(stage, ana, text);
  await approve(stage, denied, ben);
  stage.say("@cleo: ❌");
  await stage.room.react(cleo, denied.ts, "x");
  stage.say(`    ${plain((await outcome(stage, denied)).text).split("\n")[1] ?? ""}`);

  const withdrawn = await ask(stage, ana, text);
  await approve(stage, withdrawn, ben);
  await stage.room.await(
    "one approval of two",
    ({ ts, text: words }) => ts === withdrawn.ts && /Approved 1 of 2/u.test(words),
  );
  stage.say("@ben: takes the ✅ back");
  await stage.room.react(ben, withdrawn.ts, "white_check_mark", false);
  await approve(stage, withdrawn, cleo);
  await stage.room.await(
    "one approval of two, by @cleo",
    ({ ts, text: words }) => ts === withdrawn.ts && /Approved 1 of 2: <@U0CLEO>/u.test(words),
  );
  stage.say("    approved 1 of 2: a reaction that was taken back does not count");
  await run(stage, ana, `cancel ${withdrawn.id}`);
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
