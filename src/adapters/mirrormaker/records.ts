import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Flow, Lease, Store } from "#domain/ports.ts";

/** What is remembered of each mirror: what was ordered, and what its process last was. Shared by all bot processes. */

const FlowRecord = z.object({
  name: z.string(),
  kind: z.enum(["forward", "checkpoint", "reverse"]),
  topics: z.array(z.string()),
  groups: z.array(z.string()),
  tasks: z.number(),
});

const Ordered = z.object({
  flow: FlowRecord,
  state: z.enum(["running", "paused", "stopped"]),
  /** Grows with each order that needs another process. */
  order: z.number(),
  /** Tells one life of a name from the next; ms since the epoch. */
  life: z.number(),
  /** Brokers of both clusters. */
  between: z.string().optional(),
  /** Stopped for good: its topics go, or are gone. Whoever comes next finishes it. */
  removing: z.literal(true).optional(),
});
export type Ordered = z.infer<typeof Ordered>;

const Ran = z.object({
  /** The order that it was started for. */
  order: z.number(),
  host: z.string(),
  /** Absent: there is none, or it was not seen to start. */
  pid: z.number().optional(),
  /** Was about to start one, and does not know yet whether it did. */
  starting: z.literal(true).optional(),
  /** Where its statuses begin in the topic of statuses. */
  statusesFrom: z.number(),
  /** ms since the epoch, as the others. */
  startedAt: z.number(),
  stoppingSince: z.number().optional(),
  /** When its keeper last looked. */
  seenAt: z.number(),
  /** Deaths in a row that nobody asked for. */
  deaths: z.number(),
  /** Of the last one. */
  death: z.object({ at: z.number(), trace: z.string() }).optional(),
});
export type Ran = z.infer<typeof Ran>;

export type Records = {
  ordered(flow: string): Promise<Ordered | undefined>;
  /** Changes what is ordered; once more when somebody else did meanwhile. */
  order(flow: string, change: (before: Ordered | undefined) => Ordered): Promise<Ordered>;
  ran(flow: string): Promise<Ran | undefined>;
  /** With a lease only while it holds: `E_LEASE_LOST`. */
  keepRan(flow: string, ran: Ran, lease?: Lease): Promise<void>;
  flows(prefix: string): Promise<readonly string[]>;
  /** Mirrors of other migrations, with what is remembered of them; none where the prefix is this one's own. */
  others(prefix: string): Promise<ReadonlyArray<{ readonly flow: string; readonly records: Records }>>;
  forget(flow: string): Promise<void>;
};

const tries = 20;
const allOf = "mirrormaker:";

export function createRecords(store: Store, migration: string): Records {
  const orders = `${allOf}${migration}:ordered:`;
  const runs = `${allOf}${migration}:ran:`;

  async function ordered(flow: string): Promise<Ordered | undefined> {
    const found = await store.read(`${orders}${flow}`);
    return found && Ordered.parse(found.value);
  }

  return {
    ordered,
    async order(flow, change) {
      for (let attempt = 0; attempt < tries; attempt += 1) {
        const found = await store.read(`${orders}${flow}`);
        const next = change(found && Ordered.parse(found.value));
        const revision = await store.write(`${orders}${flow}`, next, { revision: found?.revision ?? 0 });
        if (revision !== undefined) return next;
      }
      throw new FerryError("E_STORE", `orders for ${flow} changed ${tries} times while one was given`);
    },
    async ran(flow) {
      const found = await store.read(`${runs}${flow}`);
      return found && Ran.parse(found.value);
    },
    async keepRan(flow, ran, lease) {
      await store.write(`${runs}${flow}`, ran, lease && { lease });
    },
    async flows(prefix) {
      return (await store.keys(`${orders}${prefix}`)).map((key) => key.slice(orders.length));
    },
    async others(prefix) {
      // "ferry-orders-" begins the names of the migration orders-eu, too.
      if (prefix.startsWith(`ferry-${migration}-`)) return [];
      return (await store.keys(allOf)).flatMap((key) => {
        const [of = "", what, flow = ""] = key.slice(allOf.length).split(":");
        if (what !== "ordered" || of === migration || !flow.startsWith(prefix)) return [];
        return [{ flow, records: createRecords(store, of) }];
      });
    },
    async forget(flow) {
      await store.remove(`${runs}${flow}`);
      await store.remove(`${orders}${flow}`);
    },
  };
}

/** What is ordered of the same flow in another state or shape; unchanged when nothing is. */
export function reordered(
  before: Ordered | undefined,
  flow: Flow,
  state: Ordered["state"],
  now: number,
): Ordered {
  const record = FlowRecord.parse(flow);
  if (before === undefined) return { flow: record, state, order: 1, life: now };
  const same = before.state === state && JSON.stringify(before.flow) === JSON.stringify(record);
  return same ? before : { ...before, flow: record, state, order: before.order + 1 };
}
