import { z } from "zod";
import type { Store } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";

/**
 * What AWS cannot keep of a flow: a Replicator that was stopped is gone there. Where AWS shows a Replicator, AWS is right
 * and this is history.
 */

const Entry = z.object({
  topics: z.array(z.string()),
  /** What was ordered last. */
  ordered: z.enum(["running", "stopped"]),
  /** Of the newest one of this name. */
  arn: z.string().optional(),
  /** Copied offsets, read once after it had been stopped. */
  copied: z.array(z.tuple([z.string(), z.array(z.number().nullable())])).optional(),
});
export type Entry = z.infer<typeof Entry>;

export type Ledger = {
  read(flow: string): Promise<Entry | undefined>;
  write(flow: string, entry: Entry): Promise<void>;
  forget(flow: string): Promise<void>;
  flows(prefix: string): Promise<readonly string[]>;
};

const keyOf = (flow: string) => `replicator:${flow}`;

export function createLedger(store: Store): Ledger {
  return {
    async read(flow) {
      const found = await store.read(keyOf(flow));
      return found === undefined ? undefined : Entry.parse(found.value);
    },
    async write(flow, entry) {
      await store.write(keyOf(flow), entry);
    },
    forget: (flow) => store.remove(keyOf(flow)),
    flows: async (prefix) => (await store.keys(keyOf(prefix))).map((key) => key.slice(keyOf("").length)),
  };
}

export function tableOf(rows: NonNullable<Entry["copied"]>): OffsetTable {
  return new Map(rows.map(([topic, row]) => [topic, row.map((offset) => offset ?? undefined)]));
}

export function rowsOf(table: OffsetTable): NonNullable<Entry["copied"]> {
  return [...table].map(([topic, row]) => [topic, Array.from(row, (offset) => offset ?? null)]);
}
