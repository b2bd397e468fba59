import type { ActiveProducer, Known, OffsetTable, TopicPartition, Transaction } from "#domain/topology.ts";
import { figure, took } from "#domain/wording.ts";

/**
 * Transactions that are open on some topics. Three parts of a cluster know something of them (KIP-664): the last stable
 * offset that one is open, the partition's leader whose producer id it has, the coordinator its transactional id.
 */
export type OpenTransaction = {
  /** `undefined`: the leaders do not tell (before Kafka 2.8). */
  readonly producerId: number | undefined;
  /** Unknown before Kafka 3.0, and of a transaction that no coordinator knows. */
  readonly transactionalId: Known<string>;
  /** Of the coordinator, "Ongoing". */
  readonly state: string | undefined;
  /** Milliseconds since the epoch. */
  readonly openedAt: number | undefined;
  readonly timeoutMs: number | undefined;
  /** `from`: its first offset there; `undefined`: nothing written yet, or not told. */
  readonly partitions: ReadonlyArray<TopicPartition & { readonly from: number | undefined }>;
  /** Open at a leader and known to no coordinator: nothing will ever end it by itself (KAFKA-12483, KIP-664). */
  readonly hanging: boolean;
};

export type OpenReading = {
  readonly topics: readonly string[];
  readonly stable: OffsetTable;
  readonly ends: OffsetTable;
  readonly producers: Known<readonly ActiveProducer[]>;
  readonly transactions: Known<readonly Transaction[]>;
  /** What the leaders said after the coordinators had answered; what ended in between is not hanging. */
  readonly producersAfter: Known<readonly ActiveProducer[]>;
};

const underWay: ReadonlySet<string> = new Set(["Ongoing", "PrepareCommit", "PrepareAbort"]);

/** Joins what the three know; every partition whose last stable offset is held back occurs in some entry. */
export function joinOpen(reading: OpenReading): readonly OpenTransaction[] {
  const coordinated = coordinatedOnes(reading);
  const seen = new Set(coordinated.flatMap(({ partitions }) => partitions.map(nameOf)));
  const led = ledOnes(reading, coordinated);
  for (const { partitions } of led) for (const where of partitions) seen.add(nameOf(where));
  const rest = heldBack(reading).filter((where) => !seen.has(nameOf(where)));
  if (rest.length === 0) return [...coordinated, ...led];
  return [...coordinated, ...led, unnamed(rest, reading)];
}

function coordinatedOnes({ topics, transactions, producers }: OpenReading): readonly OpenTransaction[] {
  if (!transactions.known) return [];
  return transactions.value
    .filter(({ state }) => underWay.has(state))
    .flatMap((transaction) => {
      const own = transaction.partitions.filter(({ topic }) => topics.includes(topic));
      if (own.length === 0) return [];
      const { producerId, transactionalId, state, startedAt, timeoutMs } = transaction;
      return [
        {
          producerId,
          transactionalId: { known: true, value: transactionalId } as const,
          state,
          openedAt: startedAt,
          timeoutMs,
          partitions: own.map((where) => ({ ...where, from: openFrom(producers, producerId, where) })),
          hanging: false,
        },
      ];
    });
}

/** Open at a leader, and not among those of the coordinators. */
function ledOnes(
  { producers, producersAfter, transactions }: OpenReading,
  coordinated: readonly OpenTransaction[],
): readonly OpenTransaction[] {
  if (!producers.known) return [];
  const known = new Set(
    coordinated.flatMap(({ producerId, partitions }) =>
      partitions.map((where) => `${producerId}:${nameOf(where)}`),
    ),
  );
  return producers.value
    .filter(
      ({ openSince, producerId, ...where }) =>
        openSince !== undefined && !known.has(`${producerId}:${nameOf(where)}`),
    )
    .filter(
      ({ producerId, openSince, ...where }) =>
        !producersAfter.known || openFrom(producersAfter, producerId, where) === openSince,
    )
    .map(({ topic, partition, producerId, openSince, lastTimestamp }) => ({
      producerId,
      transactionalId: {
        known: false,
        why: transactions.known ? "no coordinator knows it" : transactions.why,
      } as const,
      state: undefined,
      openedAt: lastTimestamp,
      timeoutMs: undefined,
      partitions: [{ topic, partition, from: openSince }],
      hanging: transactions.known && producersAfter.known,
    }));
}

function openFrom(
  producers: Known<readonly ActiveProducer[]>,
  producerId: number,
  { topic, partition }: TopicPartition,
): number | undefined {
  if (!producers.known) return undefined;
  return producers.value.find(
    (one) => one.producerId === producerId && one.topic === topic && one.partition === partition,
  )?.openSince;
}

/** Where the last stable offset stands below the end. The stable offsets were read beside the ends. */
function heldBack({
  topics,
  stable,
  ends,
}: OpenReading): ReadonlyArray<TopicPartition & { readonly from: number }> {
  return topics.flatMap((topic) =>
    (ends.get(topic) ?? []).flatMap((end, partition) => {
      const from = stable.get(topic)?.[partition];
      return from !== undefined && end !== undefined && from < end ? [{ topic, partition, from }] : [];
    }),
  );
}

function unnamed(partitions: OpenTransaction["partitions"], { producers }: OpenReading): OpenTransaction {
  return {
    producerId: undefined,
    transactionalId: {
      known: false,
      why: producers.known ? "its leader and its coordinator name none" : producers.why,
    },
    state: undefined,
    openedAt: undefined,
    timeoutMs: undefined,
    partitions,
    hanging: false,
  };
}

const partitionsNamed = 3;

/** One transaction in words. */
function describeOpen(open: OpenTransaction): string {
  const { transactionalId, producerId, state, timeoutMs, hanging } = open;
  const parts = [
    transactionalId.known
      ? `transactional id ${transactionalId.value}`
      : `transactional id unknown (${transactionalId.why})`,
    producerId === undefined ? "producer id unknown" : `producer id ${producerId}`,
    sinceOf(open),
    `on ${wherein(open)}`,
    ...(state === undefined ? [] : [state]),
    ...(timeoutMs === undefined ? [] : [`ends by itself after ${took(timeoutMs)}`]),
  ];
  const text = parts.join(", ");
  return hanging ? `HANGING: ${text}; ${remedyOf(open)}` : text;
}

/** In absolute time: the same text for as long as nothing changes. */
function sinceOf({ openedAt, state }: OpenTransaction): string {
  if (openedAt === undefined) return "open since a time that is not told";
  const at = `${new Date(openedAt).toISOString().slice(0, 19)}Z`;
  return state === undefined ? `last written ${at}` : `open since ${at}`;
}

/** At most three of them in words. */
export function describeAllOpen(all: readonly OpenTransaction[]): string {
  const shown = all.slice(0, partitionsNamed).map(describeOpen);
  const more = all.length - shown.length;
  return `${shown.join(" · ")}${more === 0 ? "" : ` and ${figure(more)} more`}`;
}

function wherein({ partitions }: OpenTransaction): string {
  const shown = partitions
    .slice(0, partitionsNamed)
    .map(
      ({ topic, partition, from }) =>
        `${topic}-${partition}${from === undefined ? "" : ` from offset ${from}`}`,
    );
  const more = partitions.length - shown.length;
  return `${shown.join(", ")}${more === 0 ? "" : ` and ${figure(more)} more partitions`}`;
}

/** https://kafka.apache.org/documentation/#basic_ops_hanging_transactions; brokers before 3.0 want other arguments. */
function remedyOf({ partitions }: OpenTransaction): string {
  const [first] = partitions;
  if (first === undefined) return "";
  return `no coordinator will end it: abort it with \`kafka-transactions.sh --bootstrap-server <broker> abort --topic ${first.topic} --partition ${first.partition} --start-offset ${first.from}\``;
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
