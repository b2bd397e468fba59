import type { ActiveProducer, TopicPartition, Transaction } from "#domain/topology.ts";
import type { Author, FakeLog } from "./fake-log.ts";

/** Who writes. Nothing given: an anonymous producer without idempotence. */
export type FakeClient = {
  /** "User:ANONYMOUS" when not given. */
  readonly principal?: string;
  readonly host?: string;
  /** Of an idempotent producer. */
  readonly producerId?: number;
  /** The record belongs to the open transaction of this id; a producer id is given out at its first use. */
  readonly transactionalId?: string;
};

type Held = {
  readonly producerId: number;
  state: string;
  startedAt: number | undefined;
  partitions: TopicPartition[];
};

/** Producer ids and the transaction coordinator in memory. */
export type FakeProducers = {
  /** What the log keeps of a writer. */
  author(client: FakeClient): Author;
  /** InitProducerId: the id is known from now on, without a transaction. Returns its producer id. */
  init(transactionalId: string): number;
  /** A record of this transaction was written there. */
  began(transactionalId: string, where: TopicPartition): void;
  ended(transactionalId: string, outcome: "commit" | "abort"): void;
  list(): readonly Transaction[];
};

const timeoutMs = 60_000;
/** Ids that the fake gives out begin here, so that a test's own small numbers do not meet them. */
const firstId = 1000;

export function createFakeProducers(now: () => number): FakeProducers {
  const transactions = new Map<string, Held>();
  let next = firstId;

  function open(transactionalId: string): Held {
    const held = transactions.get(transactionalId) ?? {
      producerId: next++,
      state: "Empty",
      startedAt: undefined,
      partitions: [],
    };
    transactions.set(transactionalId, held);
    return held;
  }

  return {
    author({ producerId = -1, transactionalId }) {
      if (transactionalId === undefined) return { producerId };
      return { producerId: open(transactionalId).producerId, transaction: transactionalId };
    },
    init: (transactionalId) => open(transactionalId).producerId,
    began(transactionalId, { topic, partition }) {
      const held = open(transactionalId);
      if (held.state !== "Ongoing") {
        held.state = "Ongoing";
        held.startedAt = now();
      }
      const has = held.partitions.some((each) => each.topic === topic && each.partition === partition);
      if (!has) held.partitions.push({ topic, partition });
    },
    ended(transactionalId, outcome) {
      const held = transactions.get(transactionalId);
      if (!held || held.state !== "Ongoing") return;
      held.state = outcome === "commit" ? "CompleteCommit" : "CompleteAbort";
      held.startedAt = undefined;
      held.partitions = [];
    },
    list: () => [...transactions].map(([id, held]) => describe(id, held)).sort(byId),
  };
}

/** What the leaders of these logs remember. */
export function activeProducers(topic: string, logs: readonly FakeLog[]): readonly ActiveProducer[] {
  return logs.flatMap((log, partition) =>
    log.producers().map((producer) => ({ topic, partition, ...producer })),
  );
}

function describe(transactionalId: string, { producerId, state, startedAt, partitions }: Held): Transaction {
  return {
    transactionalId,
    producerId,
    state,
    ...(startedAt === undefined ? {} : { startedAt }),
    timeoutMs,
    partitions: [...partitions],
  };
}

function byId(a: Transaction, b: Transaction): number {
  return a.transactionalId < b.transactionalId ? -1 : 1;
}
