import { createHash } from "node:crypto";
import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { type Message, mention } from "#domain/message.ts";
import type { Chat, Clock, Log, MessageRef, Store } from "#domain/ports.ts";
import type { Card } from "./work.ts";

/** Slack allows an edit about every other second: more than this would only be delayed there. */
const paceMs = 2000;

const Identity = z.object({ channel: z.string(), ts: z.string().optional() });
/** `claimed`: it was about to be shared, and may have been. */
const Upload = z.object({ hash: z.string(), id: z.string(), claimed: z.boolean().default(false) });

type Options = {
  readonly jobId: string;
  readonly channel: string;
  /** Slack id of who asked; a schedule's jobs have nobody to name. */
  readonly by?: string | undefined;
  readonly chat: Chat;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * The one message of a job, wherever the job runs next. That it is about to be posted is remembered before, which
 * message it became after; in between, its key finds it. Progress that fails to be shown never fails the job.
 */
export function createCard(options: Options): Card {
  const { jobId, clock, log } = options;
  const postbox = createPostbox(options);
  let waiting: Message | undefined;
  let timer: AbortController | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;
  let finished = false;
  // One after the other: an edit that was begun must not land after a later one.
  let line: Promise<unknown> = Promise.resolve();

  function inLine<T>(action: () => Promise<T>): Promise<T> {
    const next = line.then(action, action);
    line = next.catch(() => undefined);
    return next;
  }

  async function showProgress(message: Message): Promise<void> {
    sentAt = clock.now();
    await inLine(async () => {
      if (!finished) await postbox.put(message);
    }).catch((thrown: unknown) => {
      log.warn({ job: jobId, error: asFerryError(thrown).message }, "progress could not be shown");
    });
  }

  async function flushLater(ms: number, stop: AbortSignal): Promise<void> {
    const due = await clock.sleep(ms, stop).then(
      () => true,
      () => false,
    );
    timer = undefined;
    const message = waiting;
    waiting = undefined;
    if (due && message !== undefined) await showProgress(message);
  }

  return {
    async update(message) {
      const wait = sentAt + paceMs - clock.now();
      if (wait <= 0 && timer === undefined) return showProgress(message);
      waiting = message;
      if (timer !== undefined) return;
      timer = new AbortController();
      void flushLater(Math.max(0, wait), timer.signal);
    },
    async finish(message) {
      finished = true;
      waiting = undefined;
      timer?.abort();
      await inLine(() => postbox.putAtLast(message));
    },
    ...createAttachments(options, (subject) => inLine(() => postbox.open(subject))),
  };
}

/** What hangs below the card: found again by its key, so that a repeat adds nothing. */
function createAttachments(
  { jobId, channel, chat, store }: Options,
  open: (subject: string) => Promise<MessageRef>,
): Pick<Card, "thread" | "file"> {
  return {
    async thread(key, message) {
      const { ts } = await open(message.subject);
      const threadKey = `${jobId}:${key}`;
      const earlier = await chat.find(channel, threadKey, ts);
      if (earlier !== undefined) return chat.update(earlier, message);
      await chat.post(channel, message, { key: threadKey, thread: ts });
    },
    async file(file) {
      const { ts } = await open(file.title);
      const key = `file:${jobId}:${file.name}`;
      const hash = createHash("sha256").update(file.content).digest("hex");
      const stored = Upload.safeParse((await store.read(key))?.value);
      const earlier = stored.success && stored.data.hash === hash ? stored.data : undefined;
      if (earlier?.claimed === false) return earlier.id;
      const id = await chat.upload({ channel, thread: ts }, file, {
        earlier: earlier?.id,
        take: async (taken) => void (await store.write(key, { hash, id: taken, claimed: true })),
      });
      await store.write(key, { hash, id });
      return id;
    },
  };
}

/** The channel sees no command, only what came of it: so that says whose it was. */
function signed(message: Message, by: string | undefined): Message {
  if (by === undefined || !/^[UW][A-Z0-9]+$/.test(by)) return message;
  return { ...message, parts: [...message.parts, { kind: "note", text: `Asked by ${mention(by)}.` }] };
}

/** Posts once, then edits; knows which message it is across crashes. */
function createPostbox({ jobId, channel, by, chat, store, log }: Options) {
  const key = `card:${jobId}`;
  let ref: MessageRef | undefined;
  let gone = false;

  async function known(): Promise<MessageRef | undefined> {
    if (ref !== undefined) return ref;
    const stored = Identity.safeParse((await store.read(key))?.value);
    if (!stored.success) return undefined;
    const { ts } = stored.data;
    ref = ts === undefined ? await chat.find(channel, key) : { channel: stored.data.channel, ts };
    return ref;
  }

  async function post(message: Message): Promise<MessageRef> {
    await store.write(key, { channel });
    ref = await chat.post(channel, message, { key });
    await store.write(key, ref);
    return ref;
  }

  async function edit(at: MessageRef, message: Message): Promise<boolean> {
    try {
      await chat.update(at, message);
      return true;
    } catch (thrown) {
      const error = asFerryError(thrown);
      if (error.code !== "E_MESSAGE_GONE") throw error;
      log.info({ job: jobId }, "the job's message was deleted");
      return false;
    }
  }

  return {
    /** Somebody who deleted the message does not want to see progress. */
    async put(plain: Message): Promise<void> {
      if (gone) return;
      const message = signed(plain, by);
      const at = await known();
      if (at === undefined) await post(message);
      else gone = !(await edit(at, message));
    },
    /** The outcome is told in any case. */
    async putAtLast(plain: Message): Promise<void> {
      const message = signed(plain, by);
      const at = await known();
      if (at === undefined || !(await edit(at, message))) await post(message);
    },
    /** The card to hang something on, even before it has said anything. */
    async open(subject: string): Promise<MessageRef> {
      return (await known()) ?? (await post({ subject, tone: "working", parts: [] }));
    },
  };
}
