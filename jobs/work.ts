import type { Signer } from "#domain/audit/evidence-key.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { AuditEntry, Charts, Chat, Clock, Log, Meter, Store, World } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";

/** The one message of a job: posted at its first update, edited in place, found again after a crash. */
export type Card = {
  /** Progress: coalesced, never more often than Slack likes. */
  update(message: Message): Promise<void>;
  /** The last word: always sent. */
  finish(message: Message): Promise<void>;
  /** Detail in the card's thread. `key` makes a repeat after a crash find the earlier one. */
  thread(key: string, message: Message): Promise<void>;
  /** A file in the card's thread. Returns its id. */
  file(file: { readonly name: string; readonly title: string; readonly content: Buffer }): Promise<string>;
};

/** What every job gets: its migration, the world it touches, memory, chat, and its own message. */
export type Work = {
  readonly jobId: string;
  readonly migration: Migration;
  readonly by: string;
  readonly world: World;
  readonly store: Store;
  readonly chat: Chat;
  readonly charts: Charts;
  readonly queue: JobQueue;
  readonly clock: Clock;
  /** Signs exported evidence; absent: no key is set. */
  readonly signer?: Signer | undefined;
  /** Absent: nobody counts. */
  readonly meter?: Meter | undefined;
  readonly log: Log;
  readonly card: Card;
  /** Aborted when the process stops or somebody cancels. */
  readonly signal: AbortSignal;
  /** Appends to the audit chain with time, actor and migration filled in. */
  audit(entry: Pick<AuditEntry, "what"> & Partial<AuditEntry>): Promise<void>;
};

/** `again`: this attempt waits for the world; the queue calls the job again after `ms`, no worker is held. */
export type Outcome = { readonly kind: "done" } | { readonly kind: "again"; readonly ms: number };

export const done: Outcome = { kind: "done" };

export function again(ms: number): Outcome {
  return { kind: "again", ms };
}

/** A job: reads the world, does what is left, says what happened. May be called again at any time. */
export type Handler<J extends Job = Job> = (job: J, work: Work) => Promise<Outcome>;
