import { migration } from "../demo/ferry-file.ts";
import type { Lab } from "../environment.ts";
import {
  enterWorkspace,
  failureOf,
  isLastWord,
  isUnderWay,
  keyOf,
  nameOf,
  plain,
  type SeenMessage,
  tableOf,
  type Workspace,
} from "./people.ts";
import type { Approval, Ending, Report } from "./report.ts";

/** Where the tour plays: it types, reacts and reads in the workspace, tells what it sees, and notes how long it took. */
export type Stage = {
  readonly lab: Lab;
  readonly room: Workspace;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly steps: Report["steps"];
  readonly approvals: Approval[];
  readonly endings: Ending[];
  readonly refusals: Report["refusals"];
};

export function openStage(lab: Lab, say: (line: string) => void, signal: AbortSignal): Stage {
  const room = enterWorkspace(lab.controlUrl, signal);
  return { lab, room, say, signal, steps: [], approvals: [], endings: [], refusals: [] };
}

/** Types a command and waits until its card says how it ended. Throws with the card's words when it failed. */
export async function run(stage: Stage, user: string, text: string): Promise<SeenMessage> {
  const { room, say, steps } = stage;
  say(`@${nameOf(user)}: /ferry ${text}`);
  const { job, at } = await room.type(user, text);
  const card = await room.await(`the end of /ferry ${text}`, lastWordOf(job));
  steps.push({ name: text, ms: Date.now() - at });
  const failure = failureOf(card);
  if (failure !== undefined) throw new Error(`/ferry ${text}: ${failure}`);
  show(stage, card, 3);
  return card;
}

/** How long a card that names no next command must stay as it is to count as finished, in ms. */
const restMs = 1200;

function lastWordOf(job: string): (message: SeenMessage) => boolean {
  let text = "";
  let since = 0;
  return (message) => {
    if (keyOf(message) !== `card:${job}` || isUnderWay(message)) return false;
    if (isLastWord(message)) return true;
    if (message.text !== text) {
      text = message.text;
      since = Date.now();
    }
    return Date.now() - since >= restMs;
  };
}

/** The first lines of what the channel shows below its headline, and its table, indented below the command. */
function show({ say }: Pick<Stage, "say">, message: SeenMessage, lines: number): void {
  const [, ...rest] = plain(message.text)
    .split("\n")
    .filter((line) => line.trim() !== "");
  for (const line of [...rest.slice(0, lines), ...tableOf(message)]) tell({ say }, line);
}

/** One line of what the channel shows. */
export function tell({ say }: Pick<Stage, "say">, line: string): void {
  const text = line.trimEnd();
  say(`    ${text.length > lineWidth ? `${text.slice(0, lineWidth - 1)}…` : text}`);
}

const lineWidth = 140;

/** A question to people, as it stands in the channel. */
export type Question = {
  readonly id: string;
  readonly ts: string;
  readonly text: string;
  readonly action: string;
  readonly wave: string | null;
  readonly requester: string;
  readonly at: number;
};

/** Types a command that asks for approval and waits for its message. Throws when the bot refuses to ask. */
export async function ask(stage: Stage, user: string, text: string): Promise<Question> {
  const { room, say } = stage;
  say(`@${nameOf(user)}: /ferry ${text}`);
  const { job, ts, at } = await room.type(user, text);
  const message = await room.await(
    `the question of /ferry ${text}`,
    (one) =>
      (keyOf(one).startsWith("request:") && Number(one.ts) > Number(ts) && /asks\./u.test(one.text)) ||
      (keyOf(one) === `card:${job}` && failureOf(one) !== undefined),
  );
  const failure = failureOf(message);
  if (failure !== undefined) throw new Error(`/ferry ${text}: ${failure}`);
  const id = /request ([2-9A-Z]{4})/u.exec(message.text)?.[1];
  if (id === undefined) throw new Error(`/ferry ${text}: no request id in ${message.text}`);
  const [verb = "", side, wave] = text.split(" ");
  const action = verb === "cutover" ? `cutover-${side ?? ""}` : verb;
  return {
    id,
    ts: message.ts,
    text,
    action,
    wave: (verb === "cutover" ? wave : side) ?? null,
    requester: user,
    at,
  };
}

/** Somebody's ✅. */
export async function approve({ room, say }: Stage, question: Question, user: string): Promise<void> {
  say(`@${nameOf(user)}: ✅`);
  await room.react(user, question.ts, "white_check_mark");
}

const ended = /\*(Done|Failed|Denied|Expired|Void|Cancelled)/u;

/** The question's message when it is over, whatever the end. */
export async function outcome({ room }: Stage, question: Question): Promise<SeenMessage> {
  return await room.await(
    `the end of /ferry ${question.text}`,
    (message) => message.ts === question.ts && message.ephemeral_to === null && ended.test(message.text),
  );
}

/** Waits until an approved question is carried out, and notes who approved and who was refused. Throws when it failed. */
export async function carriedOut(stage: Stage, question: Question): Promise<void> {
  const { room, say, steps, approvals } = stage;
  const message = await outcome(stage, question);
  steps.push({ name: question.text, ms: Date.now() - question.at });
  const card = (await room.messages()).findLast((one) =>
    keyOf(one).startsWith(`card:execute-${migration}-${question.id}-`),
  );
  if (!message.text.includes("*Done")) {
    throw new Error(`/ferry ${question.text}: ${plain(message.text)}\n${card ? plain(card.text) : ""}`);
  }
  approvals.push(await noteApproval(stage, question, message));
  say(
    `    done, approved by ${
      approvals
        .at(-1)
        ?.approvers.map((name) => `@${name}`)
        .join(" and ") ?? "?"
    }`,
  );
  const said = card === undefined ? [] : plain(card.text).split("\n").slice(1, -1);
  for (const line of said) tell(stage, line);
}

async function noteApproval(stage: Stage, question: Question, message: SeenMessage): Promise<Approval> {
  const approved = /approved by ((?:<@\w+>(?:, )?)+)/iu.exec(message.text)?.[1] ?? "";
  const approvers = [...approved.matchAll(/<@(\w+)>/gu)].map(([, id = ""]) => nameOf(id));
  return {
    action: question.action,
    wave: question.wave,
    requester: nameOf(question.requester),
    approvers: approvers.toSorted(),
    refused: await refusalsOf(stage, question),
  };
}

/** What the bot told people alone about their reactions to this question. */
export async function refusalsOf({ room }: Stage, { id }: Question): Promise<Approval["refused"]> {
  return (await room.messages())
    .filter(({ ephemeral_to, text }) => ephemeral_to !== null && text.includes(`request ${id}`))
    .flatMap(({ ephemeral_to, text }) => {
      const why = /Not counted: (.*)/u.exec(plain(text))?.[1];
      return why === undefined ? [] : [{ user: nameOf(ephemeral_to ?? ""), why }];
    });
}
