import type { KafkaCluster } from "#domain/ports.ts";
import { holds } from "#domain/switch/fence.ts";
import { readJournal } from "#jobs/run/journal.ts";
import type { Work } from "#jobs/work.ts";
import { clusterOf, type FenceDocument } from "./fence-document.ts";

/**
 * A request that was given up may still be carried out: a broker or its controller had it, the bot had lost patience or
 * was killed. So a fence that was lifted may be there again, and nothing on the cluster says whose it is but its list.
 */

/** No broker keeps a request that long (`request.timeout.ms`, 30 s); behind it, what is there is somebody else's. */
const lingerMs = 10 * 60_000;

type Reader = Pick<Work, "store" | "migration" | "clock" | "world">;

/** It was lifted, its run is not over or was a moment ago, and something of its own list is on the cluster. */
export async function hasReturned(fence: FenceDocument, work: Reader): Promise<boolean> {
  if (fence.state !== "lifted" || !(await mayReturn(fence, work))) return false;
  const cluster = await clusterOf(fence.side, work);
  return (await hasAcl(fence, cluster)) || (await hasConfig(fence, cluster));
}

async function mayReturn({ changedAt, run }: FenceDocument, { store, clock }: Reader): Promise<boolean> {
  if (clock.now() - Date.parse(changedAt) < lingerMs) return true;
  const state = (await readJournal(store, run))?.state;
  return state === "forward" || state === "undoing";
}

async function hasAcl({ allow, deny }: FenceDocument, cluster: KafkaCluster): Promise<boolean> {
  const own = [...allow, ...deny];
  if (own.length === 0) return false;
  const acls = await cluster.acls();
  return acls.known && own.some((acl) => holds(acls.value, acl));
}

async function hasConfig({ configs }: FenceDocument, cluster: KafkaCluster): Promise<boolean> {
  if (configs.length === 0) return false;
  const names = new Set((await cluster.listTopics()).map(({ name }) => name));
  const left = configs.filter(({ topic, value, before }) => names.has(topic) && value !== before);
  const now = await cluster.topicConfigs(left.map(({ topic }) => topic));
  return left.some(({ topic, name, value }) =>
    now.get(topic)?.some((entry) => entry.name === name && entry.value === value && entry.origin === "topic"),
  );
}
