import type { Proposal } from "#domain/approval/approval.ts";
import type { Part } from "#domain/message.ts";
import type { Lease } from "#domain/ports.ts";
import type { Outcome, Work } from "#jobs/work.ts";

/**
 * One step of a run. The runner journals the intent (with how to take it back), acts, journals the outcome. After a
 * crash it asks `isDone` again: the world decides, not the journal.
 */
export type Step = {
  /** Stable key in the journal: "stop-clients". */
  readonly name: string;
  /** For people: "stop billing-app, ledger". */
  readonly title: string;
  /** Reads the world: true when nothing of this step is left to do. */
  isDone(): Promise<boolean>;
  /** Does it and returns when the world shows it, or asks to be called again later. */
  act(): Promise<Outcome>;
  /** Taking it back, for a run that fails before its point of no return. Must itself be repeatable. */
  readonly undo?: { readonly title: string; run(): Promise<void> };
  /** When this step has succeeded, a later failure is no longer undone but retried and reported. */
  readonly pointOfNoReturn?: boolean;
};

/** One execution of an approved request. Writes to the store carry the lease, so that an older attempt is fenced. */
export type Run = {
  /** The request's id: one request, one run. */
  readonly id: string;
  readonly lease: Lease;
  /** Remembered values of this run (recorded ends, who was stopped when), durable and fenced. */
  recall(key: string): Promise<unknown>;
  remember(key: string, value: unknown): Promise<void>;
};

/** What an approvable action is asked for. */
export type Asked = { readonly wave?: string; readonly choice?: string; readonly by: string };

/** An action that people approve: how it is proposed (read from the world, each time anew) and what it does. */
export type Approvable = {
  propose(asked: Asked, work: Work): Promise<Proposal>;
  steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]>;
  /** After the last step: what was measured, for the channel. */
  summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]>;
};
