import {
  type Amount,
  misplacement,
  nothing,
  ownOffset,
  type Prediction,
} from "#domain/offsets/prediction.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type Known, known, type OffsetTable, type TopicPartition, unknown } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import type { GroupTranslation } from "./translate-groups.ts";

/** How many offsets of one partition, and of all together, are read to count the data records among them. */
const countedEach = 1000;
const countedAll = 10_000;

/** Per group and partition: what goes wrong under MirrorMaker's own sync, and under ours. Reads only. */
export async function predict(
  wave: Wave,
  results: readonly GroupTranslation[],
  target: KafkaCluster,
  work: Work,
): Promise<readonly Prediction[]> {
  const own = await readOwnSync(wave, target, work);
  const cells = results.flatMap((result) =>
    result.kind === "refused" ? [] : result.offsets.map((cell) => ({ ...cell, group: result.group })),
  );
  const count = createCounter(target);
  const predicted = await Promise.all(
    cells.map(async ({ group, topic, partition, committed, offset, again }): Promise<Prediction> => {
      const chosen = ownOffset(own, group, { topic, partition });
      return {
        group,
        topic,
        partition,
        committed,
        offset: known(offset),
        ours: known({ again: { records: again, exact: true }, skipped: nothing }),
        own: chosen.known
          ? known(
              misplacement(
                offset,
                chosen.value,
                await count(
                  { topic, partition },
                  Math.min(offset, chosen.value),
                  Math.max(offset, chosen.value),
                ),
              ),
            )
          : chosen,
      };
    }),
  );
  return [...predicted, ...results.flatMap(notCopiedYet)];
}

/** Where the right offset is not known, nothing is known of either way. */
function notCopiedYet(result: GroupTranslation): readonly Prediction[] {
  if (result.kind !== "waiting") return [];
  const notYet = unknown("the mirror has not copied it yet");
  return result.missing.map((cell) => ({
    ...cell,
    group: result.group,
    offset: notYet,
    ours: notYet,
    own: notYet,
  }));
}

/** A connector that does not run syncs nothing, whatever its last checkpoints say. */
async function readOwnSync(
  wave: Wave,
  target: KafkaCluster,
  work: Work,
): Promise<Known<ReadonlyMap<string, OffsetTable>>> {
  const engine = await work.world.engine();
  const name = flowName(work.migration.name, wave.name, "checkpoint");
  const { state } = await engine.status(name);
  return state === "running" ? await engine.ownSync(name, target) : unknown(`${name} is ${state}`);
}

/** Counts data records in `[from, until)`, as long as that does not take too many reads; else tells the offsets. */
export function createCounter(
  cluster: KafkaCluster,
): (where: TopicPartition, from: number, until: number) => Promise<Amount> {
  let left = countedAll;
  return async (where, from, until) => {
    const offsets = until - from;
    if (offsets <= 0) return nothing;
    if (offsets > countedEach || offsets > left) return { records: offsets, exact: false };
    left -= offsets;
    const records = await cluster.read(where, from, {
      max: offsets,
      until,
      isolation: "read-committed",
    });
    return { records: records.length, exact: true };
  };
}

/** What the offsets that stand on the target cost, beside those that are right now. */
export async function observe(
  results: readonly GroupTranslation[],
  committed: ReadonlyMap<string, OffsetTable>,
  target: KafkaCluster,
): Promise<readonly Observed[]> {
  const count = createCounter(target);
  const cells = results.flatMap((result) =>
    result.kind === "exact" ? result.offsets.map((cell) => ({ ...cell, group: result.group })) : [],
  );
  return await Promise.all(
    cells.map(async ({ group, topic, partition, offset, again }): Promise<Observed> => {
      const chosen = committed.get(group)?.get(topic)?.[partition];
      if (chosen === undefined) return { group, topic, partition, offset, chosen: undefined };
      const between = await count({ topic, partition }, Math.min(offset, chosen), Math.max(offset, chosen));
      const { again: rewound, skipped } = misplacement(offset, chosen, between);
      return {
        group,
        topic,
        partition,
        offset,
        chosen: { again: rewound.records + again, skipped: skipped.records },
      };
    }),
  );
}

/** One offset on the target as it was found right before the start. `chosen` undefined: nothing is committed there. */
export type Observed = TopicPartition & {
  readonly group: string;
  readonly offset: number;
  readonly chosen: { readonly again: number; readonly skipped: number } | undefined;
};
