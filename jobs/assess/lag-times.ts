import type { AssessedGroup } from "#domain/assessment.ts";
import type { RecordSample, SampleQuestion } from "#domain/inventory.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type Known, known, type OffsetTable, type TopicPartition, unknown } from "#domain/topology.ts";

/** How old the oldest record is that a group has not read: by the timestamp of the record at its committed offset. */

/** Of each group, those with most lag. */
const partitionsPerGroup = 20;
const placesForAll = 4000;
const bytesEach = 16_384;
/** A batch may be larger than that: so many are asked for again, whole. */
const askedAgain = 100;
const wholeBatch = 1_048_576;

type Place = TopicPartition & { readonly from: number; readonly behind: number };
type Answers = ReadonlyMap<string, Known<RecordSample>>;

export async function oldestUnread(
  groups: ReadonlyMap<string, OffsetTable>,
  starts: OffsetTable,
  ends: OffsetTable,
  source: KafkaCluster,
): Promise<(group: string) => AssessedGroup["oldestUnread"]> {
  const lagging = new Map(
    [...groups].map(([group, table]) => [group, placesOf(table, starts, ends)] as const),
  );
  const wanted = new Map(
    [...lagging.values()].flatMap((places) =>
      places.slice(0, partitionsPerGroup).map((place) => [keyOf(place), place] as const),
    ),
  );
  const answers = await lookAt([...wanted.values()].slice(0, placesForAll), source);
  return (group) => oldestOf(lagging.get(group) ?? [], answers);
}

/** Partitions with records that it has not read, most of them first. What retention removed is not unread any more. */
function placesOf(table: OffsetTable, starts: OffsetTable, ends: OffsetTable): readonly Place[] {
  return [...table]
    .flatMap(([topic, row]) =>
      row.flatMap((committed, partition): Place[] => {
        const end = ends.get(topic)?.[partition];
        if (committed === undefined || end === undefined) return [];
        const from = Math.max(committed, starts.get(topic)?.[partition] ?? 0);
        return from < end ? [{ topic, partition, from, behind: end - from }] : [];
      }),
    )
    .toSorted((a, b) => b.behind - a.behind || (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function lookAt(places: readonly Place[], source: KafkaCluster): Promise<Answers> {
  const found = new Map<string, Known<RecordSample>>();
  const ask = async (mine: readonly Place[], bytes: number) => {
    const answers = await source.samples(mine.map((place) => question(place, bytes)));
    for (const [index, place] of mine.entries()) found.set(keyOf(place), answers[index] ?? notAsked);
  };
  await ask(places, bytesEach);
  const empty = places.filter((place) => isEmpty(found.get(keyOf(place))));
  await ask(empty.slice(0, askedAgain), wholeBatch);
  for (const place of empty.slice(askedAgain)) found.set(keyOf(place), notAsked);
  return found;
}

const notAsked = unknown("not looked at: too many partitions lag");

function question({ topic, partition, from }: Place, bytes: number): SampleQuestion {
  return { topic, partition, from, bytes, max: 1 };
}

function isEmpty(answer: Known<RecordSample> | undefined): boolean {
  return answer?.known === true && answer.value.records === 0;
}

/** Where only control records are left there is nothing to read. */
function oldestOf(places: readonly Place[], answers: Answers): AssessedGroup["oldestUnread"] {
  const seen = places.flatMap((place) => {
    const answer = answers.get(keyOf(place));
    return answer?.known ? [answer.value] : [];
  });
  if (places.length > 0 && seen.length === 0) {
    const first = places.map((place) => answers.get(keyOf(place))).find((answer) => answer !== undefined);
    return first && !first.known ? first : notAsked;
  }
  const times = seen.flatMap(({ firstTimestamp }) => (firstTimestamp === undefined ? [] : [firstTimestamp]));
  const at = times.length === 0 ? null : new Date(Math.min(...times)).toISOString();
  return known({ at, looked: seen.length, lagging: places.length });
}

function keyOf({ topic, partition, from }: Pick<Place, "topic" | "partition" | "from">): string {
  return `${topic} ${partition} ${from}`;
}
