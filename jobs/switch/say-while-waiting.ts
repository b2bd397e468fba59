import { asFerryError } from "#domain/errors.ts";
import { describeAllOpen } from "#domain/lag/open-transactions.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { TopicPartition } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { openOnes } from "./open-transactions.ts";

/** What a step waits for is said while it waits: in the card's thread, in one message that changes in place. */

/** Slack is asked no more often. */
const sayEveryMs = 10_000;

type Saying = (what: string, text: string, where: readonly TopicPartition[]) => Promise<void>;

/**
 * Says it, and says it again when the partitions change or after ten seconds. The audit gets the first word and each
 * change of partitions. The step never waits for Slack, nor fails with it.
 */
export function createSaying(key: string, wave: Wave, work: Work): Saying {
  let partitions: string | undefined;
  let saidAt = Number.NEGATIVE_INFINITY;
  return async (what, text, where) => {
    const now = [...new Set(where.map(({ topic, partition }) => `${topic}-${partition}`))].sort().join(", ");
    const isNews = now !== partitions;
    if (!isNews && work.clock.now() - saidAt < sayEveryMs) return;
    partitions = now;
    saidAt = work.clock.now();
    if (isNews)
      await work.audit({ what, wave: wave.name, subject: now || wave.name, detail: { message: text } });
    const message = {
      subject: `${work.migration.name} · wave ${wave.name} waits`,
      tone: "waiting",
      parts: [{ kind: "text", text }],
    } as const;
    void work.card.thread(key, message).catch((thrown: unknown) => {
      work.log.warn({ key, error: asFerryError(thrown).message }, "what a step waits for could not be said");
    });
  };
}

/** Transactions end within seconds as a rule: what lasts longer is named, and asked for this often. */
const patientMs = 5000;

/** Names what is open, at most every few seconds; in between the last answer. A transaction of a moment is not said. */
export function createOpenNames(wave: Wave, cluster: KafkaCluster, work: Work): () => Promise<string> {
  const said = createSaying(`open-transactions:${wave.name}:${cluster.role}`, wave, work);
  const began = work.clock.now();
  let askedAt = Number.NEGATIVE_INFINITY;
  let names = "";
  return async () => {
    const now = work.clock.now();
    if (now - askedAt < patientMs) return names;
    askedAt = now;
    const open = await openOnes(cluster, wave.topics);
    names = open.known ? describeAllOpen(open.value) : `which one is unknown: ${open.why}`;
    if (now - began < patientMs) return names;
    const where = open.known ? open.value.flatMap(({ partitions }) => partitions) : [];
    await said("transaction.waited-for", `The drain waits for open transactions: ${names}.`, where);
    return names;
  };
}
