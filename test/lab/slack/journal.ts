/** One thing that crossed the workspace's border, in either direction. Tokens and secrets are never in it. */
export type Entry = { seq: number; at: string; kind: EntryKind; what: string } & Record<string, unknown>;
export type EntryKind =
  | "event"
  | "command"
  | "interaction"
  | "ack"
  | "api"
  | "hook"
  | "act"
  | "socket"
  | "fault";

export type Journal = ReturnType<typeof createJournal>;

const kept = 5_000;

/** The newest entries, oldest first. */
export function createJournal(now: () => number, log: (line: string) => void) {
  let entries: Entry[] = [];
  let seq = 0;
  return {
    note(kind: EntryKind, what: string, fields: Record<string, unknown> = {}): void {
      seq += 1;
      entries.push({ seq, at: new Date(now()).toISOString(), kind, what, ...fields });
      if (entries.length > kept * 1.2) entries = entries.slice(-kept);
      log(`${kind} ${what}`);
    },
    since: (after: number): Entry[] => entries.filter((entry) => entry.seq > after),
    clear: (): void => void (entries = []),
  };
}
