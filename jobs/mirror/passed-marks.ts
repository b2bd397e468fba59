import { asFerryError } from "#domain/errors.ts";
import type { LostRange } from "#domain/lag/lost-ranges.ts";
import { contentDigest, sameRecord } from "#domain/offsets/log-view.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  at,
  type ConfigEntry,
  isCompacted,
  type KafkaRecord,
  type TopicPartition,
} from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { inTurns } from "./in-turns.ts";
import { mirrorOf, type WaveLag } from "./migration-lag.ts";
import { cellKey, type Mark } from "./waiting-records.ts";

/**
 * What expired between two looks. A mirror whose next record has expired goes on silently at the first one that is left
 * (auto.offset.reset=earliest in MirrorMaker's consumer), and a moment later nothing in its offsets tells of it. So what
 * waited at the look before is looked for among the copies once retention has passed it.
 */

/** Partitions that are looked into at one look. */
const mostLooked = 64;
/** Copies that are read of one partition before the search is given up. */
const mostRead = 50_000;
/** At a time: of records as large as they may be, no more than memory bears. */
const chunk = 250;
/** Offsets of the origin that tell whether it has gaps: markers and aborted records take some. */
const sampled = 200;
const committed = { isolation: "read-committed" } as const;

type Sides = { readonly origin: KafkaCluster; readonly destination: KafkaCluster };
type Passed = TopicPartition & {
  readonly mark: Mark;
  readonly start: number;
  readonly end: number;
  readonly copied: number;
};

/** `marks` are of the look before, by `cellKey`. What cannot be told is logged and is no loss. */
export async function lossesPassed(
  wave: WaveLag,
  marks: ReadonlyMap<string, Mark>,
  now: number,
  work: Work,
): Promise<readonly LostRange[]> {
  const passed = passedIn(wave, marks).slice(0, mostLooked);
  if (passed.length === 0) return [];
  const { origin } = await mirrorOf(wave.wave, wave.phase, work);
  const destination = origin.role === "source" ? await work.world.target() : work.world.source;
  const found: LostRange[] = [];
  await inTurns(passed, async (place) => {
    const { topic, partition, start, copied, mark } = place;
    const missing = await missingOf(place, { origin, destination }, work);
    if (missing === undefined) {
      work.log.warn({ topic, partition, from: mark.offset, until: start }, "expired: were these copied?");
      return;
    }
    if (missing === 0) return;
    const range = { topic, partition, from: start - missing, until: start, copied, at: now };
    found.push({ flow: wave.flow.name, wave: wave.wave.name, ...range });
  });
  return found;
}

/** Where the log begins behind the mark, and what is left of it is being copied. A mirror that stands is told by its lag. */
function passedIn({ flow, lags, reading }: WaveLag, marks: ReadonlyMap<string, Mark>): readonly Passed[] {
  if (reading === undefined || marks.size === 0) return [];
  return lags.flatMap(({ topic, partition, state }) => {
    const mark = marks.get(cellKey({ topic, partition }));
    // A record without a timestamp has no place in the copies' index.
    if (mark === undefined || mark.flow !== flow.name || mark.timestamp < 0) return [];
    const start = at(reading.starts, topic, partition);
    const copied = at(reading.copied, topic, partition);
    const end = at(reading.ends, topic, partition);
    if (copied === undefined || start === undefined || end === undefined) return [];
    const goesOn = (state === "in-step" || state === "behind") && start > mark.offset;
    return goesOn ? [{ topic, partition, mark, start, end, copied }] : [];
  });
}

/** Offsets from the mark to the log's start whose records are not among the copies; `undefined`: cannot be told. */
async function missingOf(place: Passed, sides: Sides, work: Work): Promise<number | undefined> {
  const { topic, partition, mark, start, end } = place;
  const expired = start - mark.offset;
  try {
    if (await isChangedOnTheWay(topic, sides)) return undefined;
    const until = Math.min(end, start + sampled);
    const left = await sides.origin.read(place, start, { max: sampled, until, ...committed });
    const copies = await copiesSince(place, left[0], sides.destination);
    if (copies === undefined) return undefined;
    // Never copied, and a mirror keeps the order: neither was anything between it and the start.
    if (copies === 0) return expired;
    if (copies >= expired) return 0;
    // What expired may have been markers and aborted records, as in what is left; with nothing left nobody knows.
    const isDense = until > start && left.length === until - start;
    const writers = isDense ? await sides.origin.writers(place, start, until) : [];
    return isDense && !writers.some(({ transactional }) => transactional) ? expired - copies : undefined;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ topic, partition, code, error: message }, "copies of what expired could not be read");
    return undefined;
  }
}

/** Compaction may have taken a copy away, and a broker that stamps what it is given changes all of them. */
async function isChangedOnTheWay(topic: string, { origin, destination }: Sides): Promise<boolean> {
  const configs = async (cluster: KafkaCluster): Promise<readonly ConfigEntry[]> =>
    (await cluster.topicConfigs([topic])).get(topic) ?? [];
  const [from, to] = await Promise.all([configs(origin), configs(destination)]);
  const stamps = to.some(({ name, value }) => name === "message.timestamp.type" && value === "LogAppendTime");
  return stamps || isCompacted(from) || isCompacted(to);
}

/**
 * Copies from that of the mark to that of the first record left, the latter not counted; 0: the mark has no copy. Between
 * equal records the earliest counts. `undefined`: too many to read, or the copies themselves may have expired.
 */
async function copiesSince(
  { topic, partition, mark }: Passed,
  first: KafkaRecord | undefined,
  destination: KafkaCluster,
): Promise<number | undefined> {
  const where = { topic, partition };
  const held = at(await destination.offsets([topic], "start"), topic, partition) ?? 0;
  const from = await destination.offsetAt(where, mark.timestamp);
  // An older record that is held stands before all that was copied later.
  const mayHaveExpired = held > 0 && (from === undefined || from <= held);
  const copies = from === undefined ? 0 : await countCopies(where, from, { mark, first, destination });
  return copies === 0 && mayHaveExpired ? undefined : copies;
}

type Search = {
  readonly mark: Mark;
  readonly first: KafkaRecord | undefined;
  readonly destination: KafkaCluster;
};

async function countCopies(
  where: TopicPartition,
  from: number,
  { mark, first, destination }: Search,
): Promise<number | undefined> {
  const isFirst = (record: KafkaRecord) => first !== undefined && sameRecord(record, first);
  let copies = 0;
  for (let [next, read] = [from, 0]; read < mostRead; ) {
    const records = await destination.read(where, next, { max: chunk, ...committed });
    for (const record of records) {
      if (copies > 0 && isFirst(record)) return copies;
      if (copies > 0 || contentDigest(record) === mark.digest) copies += 1;
    }
    const last = records.at(-1);
    if (last === undefined) return copies;
    read += records.length;
    next = last.offset + 1;
  }
  return undefined;
}
