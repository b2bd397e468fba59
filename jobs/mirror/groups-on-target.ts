import { asFerryError, FerryError } from "#domain/errors.ts";
import { behind, type LagSum, type PartitionLag, sumLags } from "#domain/lag/lag.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type OffsetTable } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag } from "./migration-lag.ts";

/** Lag of consumer groups themselves: what lies between their committed offset and the end, where they read now. */

export type GroupLag = {
  readonly group: string;
  readonly wave: string;
  readonly lags: readonly PartitionLag[];
  readonly sum: LagSum;
  /** Why nothing is known of it. */
  readonly failure?: FerryError;
};

/** Groups of the waves whose consumers have moved, on MSK. */
export async function groupsOnTarget({ waves }: MigrationLag, work: Work): Promise<readonly GroupLag[]> {
  const moved = waves.filter(({ phase }) => phase === "consumers-moved" || phase === "producers-moved");
  const found: GroupLag[] = [];
  for (const { wave } of moved) {
    try {
      found.push(...(await groupLags(wave, wave.groups, await work.world.target())));
    } catch (thrown) {
      const failure = asFerryError(thrown);
      found.push(
        ...wave.groups.map((group) => ({ group, wave: wave.name, lags: [], sum: sumLags([]), failure })),
      );
    }
  }
  return found;
}

/**
 * Committed offsets before ends, so that lag is never under-reported. Every partition of the wave's topics that the group
 * reads; what did not answer is incomplete, and why.
 */
export async function groupLags(
  wave: Wave,
  groups: readonly string[],
  cluster: KafkaCluster,
): Promise<readonly GroupLag[]> {
  if (groups.length === 0) return [];
  const { committed, starts, ends, missing } = await cluster.sweep({ topics: wave.topics, groups });
  return groups.map((group) => {
    const unread = missing.find((piece) => piece.of === "committed" && piece.group === group);
    if (unread !== undefined) {
      const failure = new FerryError("E_INCOMPLETE", `Offsets of ${group}: ${unread.why}`);
      return { group, wave: wave.name, lags: [], sum: sumLags([]), failure };
    }
    const own = committed.get(group) ?? new Map();
    const topics = wave.topics.filter((topic) => own.has(topic));
    const lags = topics.flatMap((topic) => topicLags(topic, own, starts, ends));
    return { group, wave: wave.name, lags, sum: sumLags(lags) };
  });
}

function topicLags(
  topic: string,
  committed: OffsetTable,
  starts: OffsetTable,
  ends: OffsetTable,
): readonly PartitionLag[] {
  const count = Math.max(ends.get(topic)?.length ?? 0, committed.get(topic)?.length ?? 0);
  return Array.from({ length: count }, (_, partition) =>
    groupLag(
      { topic, partition },
      {
        committed: at(committed, topic, partition),
        start: at(starts, topic, partition),
        end: at(ends, topic, partition),
      },
    ),
  );
}

type Places = {
  readonly committed: number | undefined;
  readonly start: number | undefined;
  readonly end: number | undefined;
};

function groupLag(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  { committed, start, end }: Places,
): PartitionLag {
  const where = { topic, partition, lost: 0 };
  if (end === undefined || start === undefined)
    return { ...where, state: "incomplete", records: null, why: "its ends did not come" };
  if (committed === undefined) {
    // Where there is nothing to read there is nothing to commit.
    if (start === end) return { ...where, state: "in-step", records: 0 };
    return { ...where, state: "incomplete", records: null, why: "the group has committed nothing on it" };
  }
  if (committed > end) {
    const why = `committed ${committed}, but the log ends at ${end}`;
    return { ...where, state: "ahead", records: null, why };
  }
  if (committed < start) {
    const why = `offsets ${committed} to ${start - 1} expired before the group read them`;
    return { ...where, state: "truncated", records: end - start, lost: start - committed, why };
  }
  return { ...where, state: committed === end ? "in-step" : "behind", records: end - committed };
}

/** "shipping-app: 120, most on parcels-2 (80)"; offsets, markers of transactions among them. */
export function groupLine({ group, lags, sum, failure }: GroupLag): string {
  if (failure !== undefined) return `${group}: unknown, ${failure.code}`;
  if (lags.length === 0) return `${group}: nothing committed on MSK`;
  const [worst] = sum.worst;
  const most =
    worst === undefined ? "" : `, most on ${worst.topic}-${worst.partition} (${figure(worst.records ?? 0)})`;
  return `${group}: ${behind(sum)}${most}`;
}
