import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { count } from "#domain/wording.ts";
import { ends } from "./wave-mirror.ts";

/** Counting means reading: up to so many offsets are read, more are only subtracted. */
const countable = 2000;

type Stretch = {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly until: number;
};

/**
 * What was written on the target since the producers moved, in words: counted where that is little, otherwise the
 * offsets, of which markers of transactions take some.
 */
export async function writtenOnTarget(
  wave: Wave,
  { boundary }: WaveState,
  target: KafkaCluster,
): Promise<string> {
  if (boundary === undefined) return "an unknown number of records: the boundary is not recorded";
  const now = await ends(target, wave);
  const grown: Stretch[] = [];
  for (const topic of wave.topics) {
    for (const [partition, from] of (boundary.target[topic] ?? []).entries()) {
      const until = now.get(topic)?.[partition];
      if (until === undefined)
        return `an unknown number of records: the end of ${topic}-${partition} did not come`;
      if (until < from) return `an unknown number of records: ${topic}-${partition} ends before the boundary`;
      if (until > from) grown.push({ topic, partition, from, until });
    }
  }
  const offsets = grown.reduce((sum, { from, until }) => sum + until - from, 0);
  const since = `since ${boundary.at}`;
  if (offsets > countable) {
    return `${count(offsets, "offset")} ${since}: as many records at most, transaction markers take some`;
  }
  let records = 0;
  for (const { topic, partition, from, until } of grown) {
    records += (await target.read({ topic, partition }, from, { max: until - from, until })).length;
  }
  return `${count(records, "record")} ${since}, counted by reading`;
}
