import { brokerSettings, clusterMode } from "#domain/assess/broker-settings.ts";
import { clientsSeen } from "#domain/assess/clients-seen.ts";
import type { AssessedTransaction, Assessment } from "#domain/assessment.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import { findings } from "#domain/findings/findings.ts";
import type { JobOf } from "#domain/job.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type ActiveProducer,
  type ClusterDescription,
  type ConfigEntry,
  type Known,
  known,
  type Topic,
  type Transaction,
} from "#domain/topology.ts";
import { activeProducers, allowed } from "./assess/active-producers.ts";
import { connectorsOf } from "./assess/connectors.ts";
import { assessGroups } from "./assess/groups.ts";
import { sampleTopics } from "./assess/topic-samples.ts";
import { createWritersOf } from "./assess/topic-writers.ts";
import { assessTopic, readsOf, topicDefaults } from "./assess/topics.ts";
import { assessContext } from "./assess-context.ts";
import { keepAssessment } from "./assess-memory.ts";
import { reportAssessment } from "./assess-message.ts";
import {
  closeWindow,
  type FirstReading,
  measure,
  ofTopicsNow,
  openWindow,
  readable,
} from "./assess-window.ts";
import { again, done, type Outcome, type Work } from "./work.ts";

/**
 * Step 1: inventory and findings of the source; throughput is measured over `assess.window`. Changes nothing. What
 * cannot be read of a topic with an offline partition is unknown; the findings say why, and name the topics that were
 * deleted meanwhile.
 */
export async function assess(_job: JobOf<"assess">, work: Work): Promise<Outcome> {
  const { source } = work.world;
  const cluster = await source.describe();
  const first = await openWindow(work, cluster.clusterId);
  const left = first.at + work.migration.settings.assess.window - work.clock.now();
  if (left > 0) {
    await progress(work, `measuring throughput, ${Math.ceil(left / 1000)} s left`, 1);
    return again(left);
  }
  const { found: inventory, vanished } = await ofTopicsNow(source, (topics) =>
    takeInventory(cluster, first, topics, work),
  );
  const present = new Set(inventory.topics.map(({ name }) => name));
  const gone = new Set([...vanished, ...Object.keys(first.ends)].filter((name) => !present.has(name)));
  const context = await assessContext(inventory, cluster, [...gone], work);
  const assessment: Assessment = { ...inventory, findings: [...findings(inventory, context)] };
  await keepAssessment(assessment, first.began, work);
  await reportAssessment(assessment, work, first.began);
  await closeWindow(work);
  return done;
}

const steps = 7;

async function takeInventory(
  cluster: ClusterDescription,
  first: FirstReading,
  topics: readonly Topic[],
  work: Work,
): Promise<Omit<Assessment, "findings">> {
  const { source } = work.world;
  const names = readable(topics);
  await progress(work, "groups and their offsets", 2);
  const now = () => work.clock.now();
  const { groups, advances, commitsMs } = await assessGroups(source, topics, first, () => now() - first.at);
  await progress(work, "offsets and configurations", 3);
  const measured = await measure(first, names, source, now);
  const configs = await settingsOf(topics, source);
  await progress(work, "sizes and ages", 4);
  const sizes = await source.logSizes(names);
  const oldest = await source.oldestTimestamps(names);
  await progress(work, "samples of records", 5);
  const samples = await sampleTopics(topics, measured, source);
  await progress(work, "producers and transactions", 6);
  const { producers, withheld } = await activeProducers(names, source);
  const transactions = await source.transactions();
  await progress(work, "brokers, users and rights", 7);
  const about = await aboutCluster(cluster, work);
  const connectors = await connectorsOf(work);
  const parts = {
    configs,
    measured,
    sizes,
    oldest,
    samples,
    writersOf: createWritersOf({ producers, withheld, transactions }),
    commitsMs,
    applications: groups.map(({ id }) => id),
  };
  const reads = readsOf(advances);
  const ids = transactions.known ? known(transactionRows(transactions.value, producers)) : transactions;
  return {
    migration: work.migration.name,
    taken: { at: new Date(now()).toISOString(), windowMs: measured.windowMs },
    ...about,
    topicDefaults: topicDefaults(configs),
    topics: topics.map((topic) => assessTopic(topic, reads, parts)),
    groups: [...groups],
    transactions: ids,
    ...connectors,
    clients: clientsSeen({
      groups,
      producers,
      withheld: [...withheld.keys()],
      transactions: ids,
      acls: about.acls,
      rights: await allowed("DESCRIBE on the cluster", () => source.rights([])),
      topics: topics.filter(({ internal }) => !internal).map(({ name }) => name),
    }),
  };
}

/** Of every topic or of none: what is planned for one without its settings would be wrong without a word. */
async function settingsOf(
  topics: readonly Topic[],
  source: KafkaCluster,
): Promise<ReadonlyMap<string, readonly ConfigEntry[]>> {
  try {
    return await source.topicConfigs(topics.map(({ name }) => name));
  } catch (thrown) {
    const refused = asFerryError(thrown);
    if (refused.code !== "E_KAFKA_AUTH") throw thrown;
    const words = `${refused.message} An assessment needs DESCRIBE_CONFIGS on every topic.`;
    throw new FerryError("E_KAFKA_AUTH", words, { cause: thrown });
  }
}

type AboutCluster = Pick<
  Assessment,
  | "clusterId"
  | "version"
  | "mode"
  | "features"
  | "brokers"
  | "brokerConfigs"
  | "brokerSettings"
  | "acls"
  | "scramUsers"
  | "quotas"
>;

async function aboutCluster(cluster: ClusterDescription, work: Work): Promise<AboutCluster> {
  const { source } = work.world;
  const configs = await source.everyBrokersConfigs();
  const [one = []] = configs.known ? configs.value.values() : [];
  const features = await source.features();
  const acls = await source.acls();
  const users = await source.scramUsers();
  const quotas = await source.quotas();
  return {
    clusterId: cluster.clusterId,
    version: cluster.version,
    mode: clusterMode(configs, features),
    features: features.known ? known([...features.value]) : features,
    brokers: cluster.brokers
      .map(({ id, host, rack }) => ({ id, host, rack }))
      .toSorted((a, b) => a.id - b.id),
    brokerConfigs: explicit(one),
    brokerSettings: configs.known ? known(brokerSettings(configs.value)) : configs,
    acls: acls.known ? known([...acls.value]) : acls,
    scramUsers: users.known
      ? known(users.value.map(({ name, mechanisms }) => ({ name, mechanisms: [...mechanisms] })))
      : users,
    quotas: quotas.known
      ? known(quotas.value.map(({ entity, limits }) => ({ entity: [...entity], limits: { ...limits } })))
      : quotas,
  };
}

function transactionRows(
  transactions: readonly Transaction[],
  producers: Known<readonly ActiveProducer[]>,
): AssessedTransaction[] {
  const remembered = Map.groupBy(producers.known ? producers.value : [], ({ producerId }) => producerId);
  return transactions.map(({ transactionalId, producerId, state, startedAt, timeoutMs, partitions }) => {
    const places = [...partitions, ...(remembered.get(producerId) ?? [])];
    return {
      transactionalId,
      producerId,
      state,
      since: startedAt === undefined ? null : new Date(startedAt).toISOString(),
      timeoutMs,
      topics: [...new Set(places.map(({ topic }) => topic))].sort(),
    };
  });
}

async function progress(work: Work, step: string, index: number): Promise<void> {
  await work.card.update({
    subject: `${work.migration.name} · assess`,
    tone: "working",
    parts: [{ kind: "progress", step, done: index - 1, of: steps }],
  });
}

/** Settings that somebody wrote down: what the broker does not inherit from Apache's defaults. */
function explicit(entries: readonly ConfigEntry[]): Record<string, string | null> {
  return Object.fromEntries(
    entries
      .filter(({ origin }) => origin !== "default")
      .map(({ name, value }) => [name, value] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}
