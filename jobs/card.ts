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
  /** Shared by the attempts of all jobs of a process; the card's own when absent. */
  readonly memory?: CardMemory | undefined;
};

/** What one attempt of a job leaves to the next one in the same process. */
type Trace = {
  /** One after the other, across attempts: an edit that was begun must not land after a later one. */
  line: Promise<unknown>;
  /** Slack was asked for the card's message, and nobody waits for it again. */
  tried: boolean;
  /** Said in the thread and not known to have arrived, by key. */
  readonly unsaid: Map<string, Message>;
};

export type CardMemory = {
  of(jobId: string): Trace;
  forget(jobId: string): void;
};

/** More jobs than are ever under way at once. */
const remembered = 1000;

export function createCardMemory(): CardMemory {
  const traces = new Map<string, Trace>();
  return {
    of(jobId) {
      const trace = traces.get(jobId) ?? { line: Promise.resolve(), tried: false, unsaid: new Map() };
      traces.delete(jobId);
      traces.set(jobId, trace);
      const [oldest] = traces.keys();
      if (traces.size > remembered && oldest !== undefined) traces.delete(oldest);
      return trace;
    },
    forget: (jobId) => void traces.delete(jobId),
  };
}

export type OwnCard = Card & {
  /** Replaces what an earlier attempt said, where this one has said nothing and there is a message at all. */
  amend(message: Message): Promise<void>;
};

/**
 * The one message of a job, wherever the job runs next. That it is about to be posted is remembered before, which
 * message it became after; in between, its key finds it. Progress that fails to be shown never fails the job, and
 * no job waits for it once the card was tried: applications stand still during some of them, whatever Slack does.
 */
export function createCard(options: Options): OwnCard {
  const { jobId, clock, log, memory = createCardMemory() } = options;
  const postbox = createPostbox(options);
  const inLine = createLine(memory, jobId);
  const unsaid = () => memory.of(jobId).unsaid;
  const attachments = createAttachments(options, unsaid, (subject) => inLine(() => postbox.open(subject)));
  let waiting: Message | undefined;
  let timer: AbortController | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;
  let finished = false;
  let touched = false;

  async function showProgress(message: Message): Promise<void> {
    sentAt = clock.now();
    const trace = memory.of(jobId);
    const mustWait = !trace.tried && !(await postbox.isPosted());
    trace.tried = true;
    const shown = inLine(async () => {
      if (!finished) await postbox.put(message);
    }).catch((thrown: unknown) => {
      log.warn({ job: jobId, error: asFerryError(thrown).message }, "progress could not be shown");
    });
    if (mustWait) await shown;
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
      touched = true;
      const wait = sentAt + paceMs - clock.now();
      if (wait <= 0 && timer === undefined) return showProgress(message);
      waiting = message;
      if (timer !== undefined) return;
      timer = new AbortController();
      void flushLater(Math.max(0, wait), timer.signal);
    },
    async finish(message) {
      touched = true;
      finished = true;
      waiting = undefined;
      timer?.abort();
      await inLine(() => postbox.putAtLast(message));
      await attachments.repeat();
      memory.forget(jobId);
    },
    async amend(message) {
      if (!touched && (await postbox.isPosted())) await inLine(() => postbox.put(message));
    },
    thread: attachments.thread,
    file: attachments.file,
  };
}

function createLine(memory: CardMemory, jobId: string) {
  return <T>(action: () => Promise<T>): Promise<T> => {
    const trace = memory.of(jobId);
    const next = trace.line.then(action, action);
    trace.line = next.catch(() => undefined);
    return next;
  };
}

/** What hangs below the card: found again by its key, so that a repeat adds nothing. */
function createAttachments(
  { jobId, channel, chat, store, log }: Options,
  unsaid: () => Map<string, Message>,
  open: (subject: string) => Promise<MessageRef>,
): Pick<Card, "thread" | "file"> & { repeat(): Promise<void> } {
  // One after the other: two that look for the same key at once would both post it.
  let line: Promise<unknown> = Promise.resolve();

  async function say(key: string, message: Message): Promise<void> {
    const { ts } = await open(message.subject);
    const threadKey = `${jobId}:${key}`;
    const earlier = await chat.find(channel, threadKey, ts);
    if (earlier === undefined) await chat.post(channel, message, { key: threadKey, thread: ts });
    else await chat.update(earlier, message);
    if (unsaid().get(key) === message) unsaid().delete(key);
  }

  function sayNext(key: string): Promise<void> {
    const sayNewest = async () => {
      const newest = unsaid().get(key);
      if (newest !== undefined) await say(key, newest);
    };
    const next = line.then(sayNewest);
    line = next.catch(() => undefined);
    return next;
  }

  return {
    thread(key, message) {
      unsaid().set(key, message);
      return sayNext(key);
    },
    /** What Slack did not take when it was said. */
    async repeat() {
      for (const key of unsaid().keys()) {
        await sayNext(key).catch((thrown: unknown) => {
          const error = asFerryError(thrown);
          if (error.retryable) throw error;
          log.warn({ job: jobId, key, error: error.message }, "a detail could not be said");
        });
      }
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
    /** Whether it is known, without asking Slack, which message it is. */
    async isPosted(): Promise<boolean> {
      const stored = ref ?? Identity.safeParse((await store.read(key))?.value).data;
      return stored?.ts !== undefined;
    },
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
