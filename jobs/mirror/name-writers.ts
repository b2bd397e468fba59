import { authorizerFacts, toldAuthorizer } from "#domain/access/acl-matching.ts";
import { asFerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  describeWriters,
  type Growth,
  mayWrite,
  producersOfTopic,
  transactionalIds,
  type WriterNames,
} from "#domain/switch/rogue.ts";
import { type Known, known, unknown, type Writer } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";

/** Naming a producer, as far as the brokers tell. Whoever asks has found growth already: naming it never fails. */

/** Partitions named in detail; the others are counted. */
const namedInDetail = 3;
/** Offsets of one partition that are looked at: the newest ones. */
const looked = 20_000;

export type NamedWriters = {
  readonly named: readonly WriterNames[];
  /** Growing partitions beyond those. */
  readonly more: number;
  /** For a message: one clause a partition, and what no broker tells. */
  readonly text: string;
};

/**
 * Who made these partitions grow: records and rate, producer ids, transactional ids, principals that may write,
 * applications of ferry.yaml. Each part that could not be read says why instead. `except`: producer ids that may write,
 * the mirror's.
 */
export async function nameWriters(
  cluster: KafkaCluster,
  growths: readonly Growth[],
  work: Pick<Work, "migration" | "log">,
  except: ReadonlySet<number> = new Set(),
): Promise<NamedWriters> {
  const largest = growths.toSorted((a, b) => b.until - b.from - (a.until - a.from)).slice(0, namedInDetail);
  const read = await Promise.all(
    largest.map(async (growth) => ({ growth, writers: await writersOf(cluster, growth, except) })),
  );
  const isTransactional = read.some(
    ({ writers }) => writers.known && writers.value.some(({ transactional }) => transactional),
  );
  const [transactions, acls, broker] = await Promise.all([
    isTransactional ? unfailing(() => cluster.transactions()) : known([]),
    unfailing(() => cluster.acls()),
    unfailing(async () => known(await cluster.brokerConfigs())),
  ]);
  const transactional = transactions.known ? known(transactionalIds(transactions.value)) : transactions;
  const facts = authorizerFacts(broker, toldAuthorizer(cluster.role, work.migration.settings));
  const named = read.map(({ growth, writers }) => ({
    growth,
    writers,
    sampled: growth.until - growth.from > looked,
    transactional,
    principals: mayWrite(growth.topic, acls, facts),
    applications: producersOfTopic(growth.topic, work.migration.settings.clients),
  }));
  const more = growths.length - named.length;
  const names = { named, more, text: inWords(named, more) };
  work.log.info({ cluster: cluster.role, partitions: growths.length, text: names.text }, "writers named");
  return names;
}

function inWords(named: readonly WriterNames[], more: number): string {
  const rest = more === 0 ? "" : ` and ${figure(more)} more partitions`;
  return `${named.map(describeWriters).join(" · ")}${rest}. Client id and host are not known: no Kafka API tells them of a producer`;
}

async function writersOf(
  cluster: KafkaCluster,
  { topic, partition, from, until }: Growth,
  except: ReadonlySet<number>,
): Promise<Known<readonly Writer[]>> {
  return await unfailing(async () => {
    const writers = await cluster.writers({ topic, partition }, Math.max(from, until - looked), until);
    return known(writers.filter(({ producerId }) => !except.has(producerId)));
  });
}

/** An answer that could not be had is unknown, with the reason. */
async function unfailing<T>(ask: () => Promise<Known<T>>): Promise<Known<T>> {
  try {
    return await ask();
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return unknown(`${code} ${message}`);
  }
}
