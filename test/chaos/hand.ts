import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { channel } from "#lab/demo/ferry-file.ts";
import { eventually } from "#lab/process.ts";
import {
  enterWorkspace,
  failureOf,
  keyOf,
  plain,
  type SeenMessage,
  type Workspace,
} from "#lab/tour/people.ts";

/** Acts in the workspace as people do, and reads there how it ended. */
export type Hand = {
  /** Types a command and waits for its card's last word. Throws with it when it is a failure. */
  readonly run: (text: string) => Promise<void>;
  /** Types a command that asks for approval and waits for its question. */
  readonly ask: (text: string) => Promise<Question>;
  /** Two people approve. */
  readonly approve: (question: Question) => Promise<void>;
  readonly end: (question: Question, deadlineMs: number) => Promise<Ending>;
};

export type Question = {
  readonly id: string;
  readonly ts: string;
  readonly text: string;
  /** What the bot said before it asked, each different word once: a gate that did not pass at once. */
  readonly refusals: readonly string[];
};

/** What the channel shows in the end: the word of the question's message, and both messages without marks. */
export type Ending = { readonly word: string; readonly question: string; readonly card: string };

const [ana, ben, cleo] = ["U0ANA", "U0BEN", "U0CLEO"] as const;
const ended = /\*(Done|Failed|Denied|Expired|Void|Cancelled)/u;

export function openHand(options: {
  readonly url: string;
  readonly redis: Redis;
  readonly migration: string;
  readonly signal: AbortSignal;
}): Hand {
  const { url, redis, migration, signal } = options;
  const room = enterWorkspace(url, signal);
  return {
    async run(text) {
      const { job } = await room.type(ana, text);
      await eventually(async () => (await redis.hexists(`{ferry}:work:${job}`, "finishedOn")) === 1, {
        what: `the end of /ferry ${text}`,
        deadlineMs: 120_000,
        everyMs: 30,
        signal,
      });
      const card = (await room.messages()).find((message) => keyOf(message) === `card:${job}`);
      if (card === undefined) throw new Error(`/ferry ${text} showed no card`);
      const failure = failureOf(card);
      if (failure !== undefined) throw new Error(`/ferry ${text}: ${failure}`);
    },
    ask: (text) => ask(room, text, signal),
    async approve({ ts }) {
      await room.react(ben, ts, "white_check_mark");
      await room.react(cleo, ts, "white_check_mark");
    },
    end: (question, deadlineMs) => outcome(room, migration, question, { deadlineMs, signal }),
  };
}

const askDeadlineMs = 60_000;

/** A bot that comes back from trouble may not take commands yet, nor its gate pass: asked again, then what it says is thrown. */
async function ask(room: Workspace, text: string, signal: AbortSignal): Promise<Question> {
  const deadline = Date.now() + askDeadlineMs;
  const refusals = new Set<string>();
  for (;;) {
    const answer = await askOnce(room, text).catch((error: unknown) => String(error));
    if (typeof answer !== "string") return { ...answer, refusals: [...refusals] };
    refusals.add(answer.replaceAll(/\d+/gu, "N"));
    if (Date.now() > deadline) throw new Error(`/ferry ${text}: ${answer}`);
    await pause(500, undefined, { signal });
  }
}

/** The question, or why there is none. */
async function askOnce(room: Workspace, text: string): Promise<Omit<Question, "refusals"> | string> {
  const { job, ts } = await room.type(ana, text);
  const message = await room.await(
    `the question of /ferry ${text}`,
    (one) => isQuestionAfter(one, ts) || (keyOf(one) === `card:${job}` && failureOf(one) !== undefined),
  );
  const failure = failureOf(message);
  const id = /request ([2-9A-Z]{4})/u.exec(message.text)?.[1];
  return failure === undefined && id !== undefined
    ? { id, ts: message.ts, text }
    : (failure ?? plain(message.text));
}

function isQuestionAfter(message: SeenMessage, ts: string): boolean {
  return (
    keyOf(message).startsWith("request:") && Number(message.ts) > Number(ts) && message.text.includes("asks.")
  );
}

async function outcome(
  room: Workspace,
  migration: string,
  question: Question,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<Ending> {
  const patience = {
    what: `the end of /ferry ${question.text} in ${channel}`,
    deadlineMs,
    everyMs: 100,
    signal,
  };
  return await eventually(async () => {
    const messages = await room.messages();
    const message = messages.find(({ ts, ephemeral_to }) => ts === question.ts && ephemeral_to === null);
    const word = ended.exec(message?.text ?? "")?.[1];
    if (message === undefined || word === undefined) return undefined;
    const card = messages.findLast((one) =>
      keyOf(one).startsWith(`card:execute-${migration}-${question.id}-`),
    );
    return { word, question: plain(message.text), card: plain(card?.text ?? "") };
  }, patience);
}
