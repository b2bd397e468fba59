import { z } from "zod";
import type { Proposal } from "#domain/approval/approval.ts";
import { predictedAmounts } from "#domain/offsets/prediction.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Committed } from "#domain/switch/group-findings.ts";
import { type Amounts, Observation } from "#domain/switch/observation.ts";
import { at } from "#domain/topology.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { recallTranslated } from "./consumers-offsets.ts";
import { createCounter } from "./predict.ts";
import type { Exact } from "./translate-all.ts";
import type { TranslatedOffset } from "./translate-groups.ts";

/** What the groups' own commits on the target show, from their start on, beside what the request predicted. */

const Sightings = z.array(
  z.object({
    group: z.string(),
    topic: z.string(),
    partition: z.int(),
    /** The first committed offset that was another than the run's. */
    first: z.int(),
    /** The lowest one seen. */
    lowest: z.int(),
  }),
);
type Sighting = z.infer<typeof Sightings>[number];

export type Sighted = {
  note(now: Committed): void;
  list(): readonly Sighting[];
};

/** What earlier looks of this run have seen. */
export async function recallSightings(run: Run): Promise<readonly Sighting[]> {
  return Sightings.safeParse(await run.recall("sightings")).data ?? [];
}

/** Notes per partition the first commit that is not the run's own, and the lowest one. */
export function createSighted(translated: readonly Exact[], earlier: readonly Sighting[]): Sighted {
  const seen = new Map(earlier.map((sighting) => [keyOf(sighting), sighting]));
  return {
    note(now) {
      for (const { group, offsets } of translated) {
        const table = now.get(group) ?? new Map();
        for (const { topic, partition, offset } of offsets) {
          const found = at(table, topic, partition);
          const before = seen.get(keyOf({ group, topic, partition }));
          if (found === undefined || (before === undefined && found === offset)) continue;
          const { first = found, lowest = found } = before ?? {};
          const sighting = { group, topic, partition, first, lowest: Math.min(lowest, found) };
          seen.set(keyOf(sighting), sighting);
        }
      }
    },
    list: () => [...seen.values()],
  };
}

function keyOf({ group, topic, partition }: Pick<Observation, "group" | "topic" | "partition">): string {
  return `${group} ${topic}-${partition}`;
}

/**
 * One row per committed offset. A group goes on at the offset that is committed for it as long as its log still holds
 * that: a commit beyond it shows that it did, one below it that it was set back. Without a commit nothing is known.
 */
export async function observeMove(
  proposal: Proposal,
  wave: Wave,
  target: KafkaCluster,
  run: Run,
): Promise<readonly Observation[]> {
  const translated = (await recallTranslated(run)) ?? [];
  const sightings = new Map((await recallSightings(run)).map((sighting) => [keyOf(sighting), sighting]));
  const predicted = predictedAmounts(proposal.table);
  const starts = await target.offsets(wave.topics, "start");
  const count = createCounter(target);

  async function observe(
    cell: TranslatedOffset,
    sighting: Sighting | undefined,
  ): Promise<{ readonly observed: Amounts | null; readonly why?: string }> {
    const { topic, partition, offset } = cell;
    const start = at(starts, topic, partition);
    if (sighting === undefined) return { observed: null, why: "no commit seen" };
    if (start === undefined || start > offset) {
      return { observed: null, why: `the log begins at ${start ?? "an unknown offset"}, behind ${offset}` };
    }
    const rewound = await count({ topic, partition }, sighting.lowest, offset);
    if (!rewound.exact) return { observed: null, why: `set back to ${sighting.lowest}, too far to count` };
    return { observed: { again: rewound.records + cell.again, skipped: 0 } };
  }

  const cells = translated.flatMap(({ group, offsets }) => offsets.map((cell) => ({ group, cell })));
  return await Promise.all(
    cells.map(async ({ group, cell }) => {
      const where = { group, topic: cell.topic, partition: cell.partition };
      const key = keyOf(where);
      return {
        ...where,
        predicted: predicted.get(key) ?? null,
        ...(await observe(cell, sightings.get(key))),
      };
    }),
  );
}

/** The rows that this run has recorded, `undefined` before that. */
export async function recallObserved(run: Run): Promise<readonly Observation[] | undefined> {
  return z.array(Observation).safeParse(await run.recall("observed")).data;
}
