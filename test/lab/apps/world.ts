import type { Compression } from "./records.ts";

/** One topic of the sample world. `compacted` topics hold the last value of each key. */
export type WorldTopic = {
  readonly name: string;
  readonly partitions: number;
  readonly keyed: boolean;
  readonly compacted: boolean;
  readonly compression: Compression;
  /** Records that exist before anything starts. */
  readonly history: number;
};

function topic(
  name: string,
  partitions: number,
  rest: Partial<Omit<WorldTopic, "name" | "partitions">> = {},
) {
  return {
    name,
    partitions,
    keyed: false,
    compacted: false,
    compression: "none",
    history: 0,
    ...rest,
  } as const;
}

export const topics: readonly WorldTopic[] = [
  topic("orders", 12, { keyed: true, history: 1200 }),
  topic("payments", 6, { keyed: true, compression: "zstd", history: 600 }),
  topic("invoices", 4, { compression: "lz4", history: 400 }),
  topic("customers", 3, { keyed: true, compacted: true, history: 600 }),
  topic("audit-log", 1, { history: 200 }),
  topic("parcels", 8, { history: 400 }),
  topic("events", 6, { history: 3000 }),
  topic("clicks", 4, { compression: "gzip", history: 400 }),
  topic("empty-topic", 2),
];

/** One producing application and how many records a second it writes to each of its topics. */
export type ProducerApp = { readonly name: string; readonly rates: Readonly<Record<string, number>> };

/** No producer writes into two waves: it moves in one go, so its topics must too. */
export const producers: readonly ProducerApp[] = [
  { name: "checkout", rates: { orders: 30, payments: 20, invoices: 10 } },
  { name: "crm", rates: { customers: 10, "audit-log": 5 } },
  { name: "tracker", rates: { parcels: 15 } },
  { name: "beacon", rates: { events: 15, clicks: 10 } },
];

/** One consuming application; its group has the same name. `rate` limits it to so many records a second. */
export type ConsumerApp = {
  readonly name: string;
  readonly topics: readonly string[];
  readonly rate: number | null;
};

export const consumers: readonly ConsumerApp[] = [
  { name: "billing-app", topics: ["orders", "payments"], rate: null },
  { name: "ledger", topics: ["payments", "invoices"], rate: null },
  { name: "search-index", topics: ["customers", "parcels"], rate: null },
  { name: "analytics", topics: ["events", "clicks"], rate: 60 },
  { name: "auditor", topics: ["audit-log"], rate: null },
];

/** A group with committed offsets and no member, ever. */
export const idleGroup = { name: "nightly-report", topics: ["events"] } as const;

/** Which topics and groups move together: groups that share a topic, and producers, never span two waves. */
export const waves = [
  { name: "billing", topics: ["orders", "payments", "invoices"], groups: ["billing-app", "ledger"] },
  { name: "shipping", topics: ["customers", "parcels", "audit-log"], groups: ["search-index", "auditor"] },
  { name: "insight", topics: ["events", "clicks", "empty-topic"], groups: ["analytics", "nightly-report"] },
] as const satisfies readonly { name: string; topics: readonly string[]; groups: readonly string[] }[];

/** Throws on a name that is not in this world. */
export function topicNamed(name: string): WorldTopic {
  const found = topics.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the sample world has no topic ${name}`);
  return found;
}
