import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { OffsetTable } from "#domain/topology.ts";

/** Copied offsets as Connect's REST API shows and takes them (KIP-875). */

export const Offsets = z.object({
  offsets: z.array(
    z.object({
      partition: z.record(z.string(), z.unknown()),
      offset: z.record(z.string(), z.unknown()).nullable(),
    }),
  ),
});
export type Offsets = z.infer<typeof Offsets>;

const MirrorPartition = z.object({ cluster: z.string(), topic: z.string(), partition: z.int().min(0) });
const MirrorOffset = z.object({ offset: z.int() });

/** Offsets under this alias; entries of another alias or of a checkpoint connector are none of ours. */
export function toTable(answer: Offsets, alias: string): OffsetTable {
  const table = new Map<string, Array<number | undefined>>();
  for (const entry of answer.offsets) {
    const partition = MirrorPartition.safeParse(entry.partition);
    const offset = MirrorOffset.safeParse(entry.offset);
    if (!partition.success || !offset.success || partition.data.cluster !== alias) continue;
    const row = table.get(partition.data.topic) ?? [];
    while (row.length <= partition.data.partition) row.push(undefined);
    row[partition.data.partition] = offset.data.offset;
    table.set(partition.data.topic, row);
  }
  return table;
}

/**
 * Body of the PATCH that turns `now` into `wanted` on the topics of `wanted`: a partition that has an offset and
 * should have none is reset with `null`.
 */
export function toPatch(alias: string, wanted: OffsetTable, now: OffsetTable): Offsets {
  const offsets: Offsets["offsets"] = [];
  for (const [topic, row] of wanted) {
    const had = now.get(topic) ?? [];
    const partitions = Math.max(row.length, had.length);
    for (let partition = 0; partition < partitions; partition += 1) {
      const offset = row[partition];
      if (offset === undefined && had[partition] === undefined) continue;
      offsets.push({
        partition: { cluster: alias, topic, partition },
        offset: offset === undefined ? null : { offset },
      });
    }
  }
  return { offsets };
}

/** Refuses what no log can hold and topics that the flow does not carry: Connect answers both with 200. */
export function checkShape(flow: string, wanted: OffsetTable, topics: readonly string[]): void {
  for (const [topic, row] of wanted) {
    if (!topics.includes(topic)) {
      throw new FerryError("E_SEED_BOUNDS", `${flow} does not carry topic ${topic}.`);
    }
    row.forEach((offset, partition) => {
      if (offset === undefined || (Number.isSafeInteger(offset) && offset >= 0)) return;
      throw new FerryError(
        "E_SEED_BOUNDS",
        `${flow}: ${topic}-${partition} cannot have been copied up to ${offset}.`,
      );
    });
  }
}

/** First partition on which the two differ, over the topics of `wanted`. */
export function firstDifference(wanted: OffsetTable, found: OffsetTable): string | undefined {
  for (const [topic, row] of wanted) {
    const other = found.get(topic) ?? [];
    const partitions = Math.max(row.length, other.length);
    for (let partition = 0; partition < partitions; partition += 1) {
      if (row[partition] === other[partition]) continue;
      return `${topic}-${partition} is ${other[partition] ?? "unset"}, not ${row[partition] ?? "unset"}`;
    }
  }
  return undefined;
}
