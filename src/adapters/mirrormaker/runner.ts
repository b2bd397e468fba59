import type { Ordered, Ran } from "./records.ts";

/** How every text of `waitsFor` begins. */
export const waitsWord = "waiting for a person";

/** Who runs mirrors: the bot itself or a person. */
export type Runner = {
  /** Does what is to be done about this mirror now. False: somebody else is at it. */
  turn(flow: string): Promise<boolean>;
  alive(ordered: Ordered, ran: Ran | undefined): Promise<boolean>;
  /** What a person has to do; `said`: the process that is wanted has told a status. */
  waitsFor(
    ordered: Ordered,
    ran: Ran | undefined,
    alive: boolean,
    said: boolean,
  ): Promise<string | undefined>;
  /** Removes what the mirror has left on this machine. */
  tidy(flow: string): Promise<void>;
  /** Ends looking after them; they run on. */
  close(): Promise<void>;
};
