import { z } from "zod";
import { flowName } from "#domain/plan.ts";
import { migration } from "../demo/ferry-file.ts";
import { eventually } from "../process.ts";
import { plain } from "./people.ts";
import { approve, ask, carriedOut, outcome, type Question, refusalsOf, run, type Stage } from "./stage.ts";

/** What people do with a request, and everything that can become of it. */

const [ana, ben, cleo, eve] = ["U0ANA", "U0BEN", "U0CLEO", "U0EVE"] as const;

/** Asked by @ana, approved by two others, carried out. */
export async function approved(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ben);
  await approve(stage, question, cleo);
  await carriedOut(stage, question);
}

/** The requester, an outsider and one person with two emoji: none of it is a second approval. */
export async function approvedTheHardWay(stage: Stage, text: string): Promise<void> {
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
  await says(stage, question, /Approved 1 of 2/u);
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

/** ✋ of anybody in the channel, with the reason in the thread: two approvals wait until the hand is taken away. */
export async function held(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  stage.say("@eve, in its thread: the invoices of this month are being printed");
  await stage.room.reply(eve, question.ts, "the invoices of this month are being printed");
  stage.say("@eve: ✋");
  await stage.room.react(eve, question.ts, "raised_hand");
  await approve(stage, question, ben);
  await approve(stage, question, cleo);
  const onHold = /Approved 2 of 2[\s\S]*Not yet: on hold by <@U0EVE> \(“the invoices of this month/u;
  await says(stage, question, onHold);
  await stage.room.remains("a request on hold", question.ts, 1500, ({ text: words }) => onHold.test(words));
  const message = (await stage.room.messages()).find(({ ts }) => ts === question.ts);
  const said =
    plain(message?.text ?? "")
      .split("\n")
      .find((line) => line.includes("on hold by")) ?? "";
  note(stage, question, said);
  stage.say("@eve: takes the ✋ away");
  await stage.room.react(eve, question.ts, "raised_hand", false);
  await carriedOut(stage, question);
}

/**
 * Everything that ends a request before its start: nobody answers, a denial, an approval taken back and a cancel, and a
 * fact that moves. `other`: a wave whose request waits for nobody meanwhile.
 */
export async function withoutEffect(stage: Stage, wave: string, other: string): Promise<void> {
  const text = `cutover consumers ${wave}`;
  const forgotten = await ask(stage, ana, `cutover consumers ${other} --expires 10s`);
  stage.say("    nobody answers this one");
  await denied(stage, text);
  await withdrawn(stage, text);
  await ends(stage, forgotten);
  await voided(stage, text);
}

async function denied(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ben);
  stage.say("@cleo: ❌");
  await stage.room.react(cleo, question.ts, "x");
  await ends(stage, question);
}

async function withdrawn(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ben);
  await says(stage, question, /Approved 1 of 2/u);
  stage.say("@ben: takes the ✅ back");
  await stage.room.react(ben, question.ts, "white_check_mark", false);
  await approve(stage, question, cleo);
  await says(stage, question, /Approved 1 of 2: <@U0CLEO>/u);
  stage.say("    approved 1 of 2: a reaction that was taken back does not count");
  await run(stage, ana, `cancel ${question.id}`);
  await ends(stage, question);
}

/** Somebody pauses the mirror in Connect while one approval stands: the second one finds another world than was shown. */
async function voided(stage: Stage, text: string): Promise<void> {
  const question = await ask(stage, ana, text);
  await approve(stage, question, ben);
  await says(stage, question, /Approved 1 of 2/u);
  await turn(stage, question, "pause", "PAUSED");
  await approve(stage, question, cleo);
  await ends(stage, question);
  await turn(stage, question, "resume", "RUNNING");
}

const ConnectorStatus = z.object({ connector: z.object({ state: z.string() }) });

async function turn({ lab, say, signal }: Stage, { wave }: Question, verb: string, state: string) {
  const name = flowName(migration, wave ?? "", "forward");
  const connector = `${lab.clusters.connect.url}/connectors/${name}`;
  say(`@dan, in Kafka Connect: ${verb} ${name}`);
  const { ok, status } = await fetch(`${connector}/${verb}`, { method: "PUT", signal });
  if (!ok) throw new Error(`${verb} ${name}: ${status}`);
  await eventually(
    async () => {
      const answer: unknown = await (await fetch(`${connector}/status`, { signal })).json();
      return ConnectorStatus.parse(answer).connector.state === state;
    },
    { what: `${name} to be ${state}`, deadlineMs: 60_000, everyMs: 200, signal },
  );
}

async function says({ room }: Stage, { id, ts }: Question, words: RegExp): Promise<void> {
  await room.await(`${words} in request ${id}`, (one) => one.ts === ts && words.test(one.text));
}

/** Waits for the end and keeps what its message says of it. */
async function ends(stage: Stage, question: Question): Promise<void> {
  note(stage, question, plain((await outcome(stage, question)).text).split("\n")[1] ?? "");
}

function note({ say, endings }: Stage, { id, action, wave }: Question, said: string): void {
  endings.push({ request: id, action, wave, said });
  say(`    ${said}`);
}
