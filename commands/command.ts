import type { Form } from "#domain/form.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import type { Message, Part } from "#domain/message.ts";
import type { Migration } from "#domain/settings.ts";
import type { Line } from "./grammar.ts";

/** What somebody typed after `/ferry`, and where. */
export type Said = {
  readonly channel: string;
  readonly user: string;
  readonly text: string;
  /** Slack's id of this one command or click: whoever gets it again, in whatever process, queues nothing more. */
  readonly trigger?: string | undefined;
};

/** Answers are seen by the person who typed; what the channel sees of work is its card. */
export type Answer = {
  readonly message: Message;
  readonly seenBy: "channel" | "person";
  /** Opened in place of the message, which is said where it cannot be. */
  readonly form?: Form | undefined;
};

export type Context = {
  readonly migration: Migration;
  readonly user: string;
  readonly channel: string;
  readonly trigger?: string | undefined;
  readonly queue: JobQueue;
  /** The form of the plan's questions; absent: there are none. */
  readonly form?: (() => Promise<Form>) | undefined;
};

/** `anyone`: everybody in the channel. `members`: no guests, no bots, nobody from another workspace. */
type Who = "anyone" | "members";

/** One row of `/ferry help` and of the README's table. */
export type Usage = {
  readonly name: string;
  /** Without the slash and without `ferry`: "lag [topic|group]". */
  readonly usage: string;
  readonly summary: string;
  readonly who: Who;
};

export type Command = Usage & {
  /** Reads the whole line; fails with `E_USAGE` before anything is done. */
  prepare(line: Line): Prepared;
};

/** `who`: for these arguments. */
type Prepared = { readonly who: Who; readonly run: (context: Context) => Promise<Answer> };

/** Ties a command's arguments to the function that gets them. */
export function command<A>(
  spec: Usage & {
    readonly parse: (line: Line) => A;
    /** Arguments that only members may give to a command for everybody. */
    readonly forMembers?: (args: A) => boolean;
    readonly run: (args: A, context: Context) => Promise<Answer>;
  },
): Command {
  const { parse, run, forMembers, ...usage } = spec;
  return {
    ...usage,
    prepare(line) {
      const args = parse(line);
      line.end();
      const who = forMembers?.(args) === true ? "members" : usage.who;
      return { who, run: (context) => run(args, context) };
    },
  };
}

/** For a command without arguments. */
export function nothing(): undefined {
  return undefined;
}

/** A person waits, and Slack for 3 s at most. */
const deadlineMs = 2000;

/**
 * Puts the job into the queue and tells the person; the channel sees the job's own message, one for one piece of work.
 * Fails with `E_QUEUE`: then nothing was queued.
 */
export async function enqueue(
  context: Context,
  job: Job,
  said: { readonly subject: string; readonly will: string; readonly more?: readonly Part[] },
): Promise<Answer> {
  const id = await context.queue.add(job, { deadlineMs, once: context.trigger });
  return {
    seenBy: "person",
    message: {
      subject: `${context.migration.name} · ${said.subject}`,
      tone: "waiting",
      note: `queued · job ${id}`,
      parts: [{ kind: "text", text: said.will }, ...(said.more ?? [])],
    },
  };
}

/** Which migration a job is for and who asked. */
export function from(context: Context): { readonly migration: string; readonly by: string } {
  return { migration: context.migration.name, by: context.user };
}
