import type { AssessedTopic } from "#domain/assessment.ts";
import { count, short, took } from "#domain/wording.ts";
import { type Check, kafkaPage, mskPage, ofCluster, ofTopics, type Verdict, whenKnown } from "./check.ts";
import { findOut } from "./find-out.ts";
import type { View } from "./view.ts";

/** Writers whose transactions or memory of duplicates do not come along. */

/** Longer than any client's transaction may be by default (transaction.max.timeout.ms). */
const longestTransactionMs = 15 * 60_000;

/** An open transaction that no coordinator knows, or that outlived every timeout. */
function isHanging(
  view: View,
  open: { readonly transactionalId: string | null; readonly since: string | null },
): boolean {
  if (open.since === null) return false;
  const age = view.now - Date.parse(open.since);
  return (
    age > longestTransactionMs &&
    (open.transactionalId === null || age > timeoutOf(view, open.transactionalId))
  );
}

function timeoutOf({ transactions }: View, id: string): number {
  const told = transactions.known
    ? transactions.value.find(({ transactionalId }) => transactionalId === id)
    : undefined;
  return told?.timeoutMs ?? longestTransactionMs;
}

function judgeOpen(view: View, topic: AssessedTopic, hanging: boolean): Verdict {
  return whenKnown(topic.openTransactions, (all) => {
    const open = all.filter((each) => isHanging(view, each) === hanging);
    if (open.length === 0) return undefined;
    const each = open.map(
      ({ partition, transactionalId, producerId, since }) =>
        `${topic.name}-${partition}: ${transactionalId ?? `producer ${producerId}, no transactional id known`}, since ${since ?? "a time that is not told"}`,
    );
    return `${count(open.length, "open transaction")}: ${short(each, 4)}`;
  });
}

function judgeTimeouts(view: View): Verdict {
  return whenKnown(view.transactions, (all) => {
    const long = all.filter(({ timeoutMs }) => timeoutMs > longestTransactionMs);
    if (long.length === 0) return undefined;
    return short(
      long.map(({ transactionalId, timeoutMs }) => `${transactionalId}: ${took(timeoutMs)}`),
      6,
    );
  });
}

function judgeIdempotent(view: View, topic: AssessedTopic): Verdict {
  if (topic.offsetsHeld.known && topic.offsetsHeld.value === 0) return undefined;
  return whenKnown(view.release, (release) => {
    if (release[0] > 2) return undefined;
    return whenKnown(topic.writers.idempotent, (uses) =>
      uses ? `idempotent writers on Kafka ${release.join(".")}` : undefined,
    );
  });
}

function transactionalText({ transactions }: View, topic: AssessedTopic): string {
  const ids = transactions.known
    ? transactions.value
        .filter(({ topics }) => topics.includes(topic.name))
        .map(({ transactionalId }) => transactionalId)
    : [];
  const named = ids.length === 0 ? "" : `: ${short(ids.toSorted(), 4)}`;
  return `transactional writers${named}`;
}

export const transactionChecks: readonly Check[] = [
  {
    code: "TRANSACTIONAL_WRITERS",
    severity: "warning",
    seen: "A leader remembers a transactional producer of the topic, or a batch of the sample is of one. Transactions are not copied: transaction state, producer ids and epochs begin anew on MSK.",
    remedy:
      "Move all topics of a transactional application in one wave, and stop it with no transaction open; keep replication.exactlyOnce on",
    find: findOut.producers,
    page: kafkaPage("semantics"),
    look: (view) =>
      ofTopics(view.wanted, (topic) => {
        if (topic.offsetsHeld.known && topic.offsetsHeld.value === 0) return undefined;
        return whenKnown(topic.writers.transactional, (uses) =>
          uses ? transactionalText(view, topic) : undefined,
        );
      }),
  },
  {
    code: "OPEN_TRANSACTIONS",
    severity: "warning",
    seen: "A transaction is open on the topic: what follows it is invisible to readers of committed records, the mirror among them, until it ends.",
    remedy: "Nothing while it is short; at the cutover all must have ended",
    find: findOut.transactions,
    page: kafkaPage("semantics"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeOpen(view, topic, false)),
  },
  {
    code: "HANGING_TRANSACTION",
    severity: "blocker",
    seen: "A transaction has been open for longer than 15 min and than its own timeout, or no coordinator knows it: it will not end by itself, and the mirror never passes it (KIP-664).",
    remedy: "Run kafka-transactions.sh find-hanging and abort it on the source",
    find: findOut.transactions,
    page: kafkaPage("semantics"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeOpen(view, topic, true)),
  },
  {
    code: "TRANSACTION_TIMEOUT",
    severity: "warning",
    seen: "A transactional id whose timeout is above 15 min, MSK's transaction.max.timeout.ms unless configured: its producer would be refused there.",
    remedy:
      "Carry transaction.max.timeout.ms over in the MSK configuration, or lower transaction.timeout.ms of the producer",
    find: "Grant the bot DESCRIBE on transactional ids, from Kafka 3.0 on, or ask the owners for transaction.timeout.ms",
    page: mskPage("msk-configuration-properties"),
    look: (view) => ofCluster("timeouts of transactional ids", judgeTimeouts(view)),
  },
  {
    code: "IDEMPOTENT_WRITERS",
    severity: "info",
    seen: "Idempotent producers on a source of Kafka 2: before 2.8 they need IDEMPOTENT_WRITE on the cluster (KIP-679), and brokers before 2.8 do not list them. What is remembered against duplicates is not copied.",
    remedy: "Let them flush and stop before they start on MSK, so that no retry is under way",
    find: findOut.producers,
    page: kafkaPage("producerconfigs_enable.idempotence"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeIdempotent(view, topic)),
  },
];
