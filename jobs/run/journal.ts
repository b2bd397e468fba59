import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Store } from "#domain/ports.ts";
import type { Run } from "./approvable.ts";

/** What a run was about to do and did: one document, written whole, fenced by the run's lease. */

const Entry = z.object({
  step: z.string(),
  title: z.string(),
  /** How it is taken back, for people. */
  undo: z.string().optional(),
  /** When it was about to act, ms since the epoch. */
  intentAt: z.number(),
  /** `found`: the world already showed it, this run did nothing. Absent: begun, and who knows. */
  outcome: z.enum(["done", "found", "undone"]).optional(),
  endedAt: z.number().optional(),
});
export type Entry = z.infer<typeof Entry>;

export const JournalDocument = z.object({
  state: z.enum(["forward", "done", "undoing", "undone", "stuck"]),
  /** The point of no return is behind: failures are retried, never undone. */
  passed: z.boolean(),
  /** Why it goes back, or why it is stuck. */
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
  /** Since when the world has not answered, ms since the epoch. */
  troubleSince: z.number().optional(),
  entries: z.array(Entry),
});
export type JournalDocument = z.infer<typeof JournalDocument>;

export type Journal = {
  readonly current: () => JournalDocument;
  readonly entry: (step: string) => Entry | undefined;
  /** `E_LEASE_LOST` when a newer attempt has taken over. */
  readonly save: (change: Partial<JournalDocument>) => Promise<void>;
  /** Replaces or adds one entry, with a change to the rest in the same write. */
  readonly put: (entry: Entry, change?: Partial<JournalDocument>) => Promise<void>;
};

function journalKey(run: string): string {
  return `journal:${run}`;
}

/** The journal as it stands, for reports; `undefined` before the first write. */
export async function readJournal(store: Store, run: string): Promise<JournalDocument | undefined> {
  const found = await store.read(journalKey(run));
  return found && JournalDocument.parse(found.value);
}

export async function openJournal(store: Store, run: Run): Promise<Journal> {
  const key = journalKey(run.id);
  const found = await store.read(key);
  let revision = found?.revision ?? 0;
  let document: JournalDocument =
    found === undefined
      ? { state: "forward", passed: false, entries: [] }
      : JournalDocument.parse(found.value);

  async function save(change: Partial<JournalDocument>): Promise<void> {
    const next = { ...document, ...change };
    const written = await store.write(key, next, { revision, lease: run.lease });
    if (written === undefined) throw new FerryError("E_LEASE_LOST", `another attempt wrote ${key}`);
    revision = written;
    document = next;
  }

  return {
    current: () => document,
    entry: (step) => document.entries.find((entry) => entry.step === step),
    save,
    put: (entry, change = {}) => {
      const { entries } = document;
      const known = entries.some((other) => other.step === entry.step);
      const next = known
        ? entries.map((other) => (other.step === entry.step ? entry : other))
        : [...entries, entry];
      return save({ ...change, entries: next });
    },
  };
}
