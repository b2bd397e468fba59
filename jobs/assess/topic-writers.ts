import type { AssessedTopic } from "#domain/assessment.ts";
import { type Known, known, type Transaction, unknown } from "#domain/topology.ts";
import type { ProducersSeen } from "./active-producers.ts";
import type { TopicSamples } from "./topic-samples.ts";

/** Who writes to each topic, by what leaders, coordinators and sampled batches tell. */

export type WritersSeen = ProducersSeen & {
  readonly transactions: Known<readonly Transaction[]>;
};

type Open = Extract<AssessedTopic["openTransactions"], { known: true }>["value"][number];

/** `unasked`: why the leaders of its partitions were not. */
export type WritersOf = (
  topic: string,
  samples: TopicSamples,
  unasked: string | undefined,
) => Pick<AssessedTopic, "writers" | "openTransactions">;

export function createWritersOf({ producers, withheld, transactions }: WritersSeen): WritersOf {
  const byTopic = Map.groupBy(producers.known ? producers.value : [], ({ topic }) => topic);
  const told = transactions.known ? transactions.value : [];
  const ids = new Map(told.map((each) => [each.producerId, each]));
  const underWay = Map.groupBy(
    told.flatMap((each) => each.partitions.map((where) => ({ ...where, each }))),
    ({ topic }) => topic,
  );

  function openOf(topic: string, leaders: Known<unknown>): Known<Open[]> {
    const rows = (byTopic.get(topic) ?? []).flatMap(({ partition, producerId, openSince }): Open[] => {
      if (openSince === undefined) return [];
      const by = ids.get(producerId);
      return [
        {
          partition,
          producerId,
          transactionalId: by?.transactionalId ?? null,
          firstOffset: openSince,
          since: timeOf(by?.startedAt),
        },
      ];
    });
    const seen = new Set(rows.map(({ partition, producerId }) => `${partition} ${producerId}`));
    for (const { partition, each } of underWay.get(topic) ?? []) {
      const { producerId, transactionalId, startedAt } = each;
      if (seen.has(`${partition} ${producerId}`)) continue;
      rows.push({ partition, producerId, transactionalId, firstOffset: null, since: timeOf(startedAt) });
    }
    const open = rows.toSorted((a, b) => a.partition - b.partition || a.producerId - b.producerId);
    if (open.length > 0) return known(open);
    if (!leaders.known) return leaders;
    return transactions.known ? known([]) : transactions;
  }

  return (topic, { samples, why }, unasked) => {
    const closed = unasked ?? withheld.get(topic);
    const leaders = closed === undefined ? producers : unknown(closed);
    const remembered = byTopic.get(topic) ?? [];
    const seen = (kind: "plain" | "idempotent" | "transactional") =>
      samples.some(({ batches }) => batches[kind] > 0);
    const transactional =
      seen("transactional") ||
      remembered.some(({ producerId, openSince }) => openSince !== undefined || ids.has(producerId));
    return {
      writers: {
        idempotent: yesOr(seen("idempotent") || remembered.length > 0, leaders),
        transactional: yesOr(transactional, leaders, transactions),
        plain: samples.length === 0 ? unknown(why) : known(seen("plain")),
      },
      openTransactions: openOf(topic, leaders),
    };
  };
}

/** What was not seen is not so only where all who would tell have answered. */
function yesOr(seen: boolean, ...answers: ReadonlyArray<Known<unknown>>): Known<boolean> {
  const silent = answers.find((answer) => !answer.known);
  if (seen || silent === undefined || silent.known) return known(seen);
  return unknown(silent.why);
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
