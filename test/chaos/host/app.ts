import { z } from "zod";
import { Cluster } from "#lab/apps/journal.ts";

/** What one application of the host is: a consumer with a group of its own, or a producer. */
export const AppOrder = z.discriminatedUnion("role", [
  z.object({
    role: z.literal("consumer"),
    name: z.string(),
    topics: z.array(z.string()),
    folder: z.string(),
    /** How long a fetch of nothing waits, ms. */
    maxWaitMs: z.int().positive().default(250),
    /** False: a group that has committed nothing begins at the end. */
    fromBeginning: z.boolean().default(true),
    /** A cluster that it holds a connection to before it is started there, so that its own start costs little. */
    warm: z.object({ cluster: Cluster, bootstrap: z.string() }).optional(),
  }),
  z.object({
    role: z.literal("producer"),
    name: z.string(),
    /** Topic to number of partitions. */
    topics: z.record(z.string(), z.int().positive()),
    folder: z.string(),
    /** Records a second to each topic. */
    rate: z.number().positive(),
    /** How long the records of one request are gathered, ms. */
    roundMs: z.int().positive().default(100),
  }),
]);
export type AppOrder = z.infer<typeof AppOrder>;

/** An application: runs on one cluster or is stopped. Repeated orders change nothing. */
export type App = {
  readonly place: () => Cluster | "stopped";
  /** Returns when it is connected; a consumer when it is a member of its group. Refuses while it runs elsewhere. */
  readonly start: (cluster: Cluster, bootstrap: string) => Promise<void>;
  /** Returns when everything it did is acknowledged and logged, and for a consumer committed. */
  readonly stop: () => Promise<void>;
};

/** What an application does on one cluster, from connected to disconnected. */
export type Session = { readonly end: () => Promise<void> };

/** One order after the other, as a supervisor would carry them out. */
export function createApp(
  name: string,
  open: (cluster: Cluster, bootstrap: string) => Promise<Session>,
): App {
  let last: Promise<unknown> = Promise.resolve();
  let now: { readonly cluster: Cluster; readonly session: Session } | undefined;

  function inTurn(work: () => Promise<void>): Promise<void> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  return {
    place: () => now?.cluster ?? "stopped",
    start: (cluster, bootstrap) =>
      inTurn(async () => {
        if (now?.cluster === cluster) return;
        if (now !== undefined) throw new Error(`${name} runs on the ${now.cluster}; stop it first`);
        now = { cluster, session: await open(cluster, bootstrap) };
      }),
    stop: () =>
      inTurn(async () => {
        await now?.session.end();
        now = undefined;
      }),
  };
}
