import { z } from "zod";
import type { AssessedConnector } from "#domain/assessment.ts";
import { type ConnectInventory, namedTopics, safeSettings } from "#domain/connectors.ts";
import { asFerryError } from "#domain/errors.ts";
import { known, unknown } from "#domain/topology.ts";
import { createRest, type Rest, type RestOptions } from "./rest.ts";
import { createTrustingFetch } from "./trusting-fetch.ts";

/** The connectors of a Kafka Connect cluster, read and never changed. */

const Worker = z.object({ version: z.string() });
const Info = z.object({
  type: z.string().nullish(),
  config: z.record(z.string(), z.string().nullable()),
});
const Status = z.object({
  connector: z.object({ state: z.string() }),
  tasks: z.array(z.object({ state: z.string() })),
});
const Listing = z.union([
  z.array(z.string()),
  z.record(z.string(), z.object({ info: Info, status: Status })),
]);
const Topics = z.record(z.string(), z.object({ topics: z.array(z.string()) }));

type Seen = {
  readonly name: string;
  readonly info: z.infer<typeof Info>;
  readonly status: z.infer<typeof Status>;
};

export type ConnectInventoryOptions = Omit<RestOptions, "secrets"> & { readonly ca?: () => Promise<string> };

export function createConnectInventory({ ca, ...options }: ConnectInventoryOptions): ConnectInventory {
  const rest = createRest({
    ...options,
    ...(ca && { fetch: createTrustingFetch(ca) }),
    secrets: options.auth === undefined ? [] : [options.auth.password],
  });
  return {
    async connectors() {
      const worker = await rest.call("GET", "/", Worker);
      const tellsTopics = isNewer(worker?.version ?? "", 2, 5);
      const rows: AssessedConnector[] = [];
      for (const seen of await listed(rest)) {
        const topics = await topicsOf(seen, tellsTopics, rest);
        rows.push(row(seen, topics, options.url));
      }
      return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

/** Before Kafka 2.3 (KIP-465) a listing has names only. */
async function listed(rest: Rest): Promise<readonly Seen[]> {
  const listing = (await rest.call("GET", "/connectors?expand=info&expand=status", Listing)) ?? [];
  if (!Array.isArray(listing)) {
    return Object.entries(listing).map(([name, { info, status }]) => ({ name, info, status }));
  }
  const found: Seen[] = [];
  for (const name of listing) {
    const path = `/connectors/${encodeURIComponent(name)}`;
    const info = await rest.call("GET", path, Info);
    const status = await rest.call("GET", `${path}/status`, Status);
    // Deleted meanwhile.
    if (info !== undefined && status !== undefined) found.push({ name, info, status });
  }
  return found;
}

/** What it has really read or written, from Kafka 2.5 on (KIP-558); else what a sink was told. */
async function topicsOf(
  { name, info }: Seen,
  tellsTopics: boolean,
  rest: Rest,
): Promise<AssessedConnector["topics"]> {
  const named = namedTopics(info.config);
  if (!tellsTopics) {
    return named === undefined
      ? unknown("Kafka Connect tells them from 2.5 on (KIP-558)")
      : known([...named]);
  }
  try {
    const answer = await rest.call("GET", `/connectors/${encodeURIComponent(name)}/topics`, Topics);
    return known([...new Set([...(named ?? []), ...(answer?.[name]?.topics ?? [])])].toSorted());
  } catch (thrown) {
    return named === undefined ? unknown(asFerryError(thrown).message) : known([...named]);
  }
}

function row(
  { name, info, status }: Seen,
  topics: AssessedConnector["topics"],
  url: string,
): AssessedConnector {
  const { type, config } = info;
  return {
    cluster: url,
    name,
    type: type === "source" || type === "sink" ? type : "unknown",
    className: config["connector.class"] ?? "unknown",
    state: status.connector.state,
    tasks: {
      total: status.tasks.length,
      failed: status.tasks.filter(({ state }) => state === "FAILED").length,
    },
    topics,
    settings: safeSettings(config),
  };
}

function isNewer(version: string, major: number, minor: number): boolean {
  const [, first = "0", second = "0"] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
