import type { AckedRecord, Cluster, ConsumedRecord } from "../apps/journal.ts";

/** The counting itself, with no I/O: from logs and from what both clusters hold to the figures of the report. */

/** One record as read back. `digest` covers timestamp, key, value and headers in order. */
export type HeldRecord = {
  readonly offset: number;
  readonly key: string | null;
  readonly id: string | null;
  readonly digest: string;
  readonly tombstone: boolean;
};

/** One topic of one cluster: records by partition. Null: the topic is not there. */
export type HeldTopic = readonly (readonly HeldRecord[])[] | null;

export type GroupCount = {
  readonly name: string;
  /** Records logged, each time one was read. */
  readonly consumed: number;
  readonly lost: number;
  readonly duplicated: number;
  /** From the last record read on the source to the first on the target; null when the group did not move. */
  readonly pauseMs: number | null;
};

export type TopicCount = {
  readonly name: string;
  /** Partitions on the source. */
  readonly partitions: number;
  readonly source: number;
  readonly target: number;
  readonly equal: boolean;
};

export type GroupFacts = {
  readonly name: string;
  readonly topics: readonly string[];
  readonly compacted: ReadonlySet<string>;
  /** Everything that was acknowledged, in the order of acknowledgement. */
  readonly acked: readonly AckedRecord[];
  /** What the group logged, in order. */
  readonly consumed: readonly ConsumedRecord[];
  /** Topic to source offset by partition: what lies before, the group never had to see. */
  readonly start: Readonly<Record<string, readonly number[]>>;
};

function placeOf(record: ConsumedRecord): string {
  return record.id ?? `${record.cluster} ${record.topic}-${record.partition} ${record.offset}`;
}

/** Ids that compaction may have removed before anybody read them: a newer record of the same key exists. */
function supersededIds(acked: readonly AckedRecord[], compacted: ReadonlySet<string>): ReadonlySet<string> {
  const latest = new Map<string, string>();
  const superseded = new Set<string>();
  for (const { topic, key, id } of acked) {
    if (key === null || !compacted.has(topic)) continue;
    const place = `${topic} ${key}`;
    const before = latest.get(place);
    if (before !== undefined) superseded.add(before);
    latest.set(place, id);
  }
  return superseded;
}

function hadToSee(record: AckedRecord, facts: GroupFacts): boolean {
  if (!facts.topics.includes(record.topic)) return false;
  if (record.cluster === "target" || record.offset === null) return true;
  return record.offset >= (facts.start[record.topic]?.[record.partition] ?? 0);
}

/** Ids that the group had to see and never logged. Empty means that it has caught up. */
export function missingIds(facts: GroupFacts): string[] {
  const seen = new Set(facts.consumed.map(placeOf));
  const superseded = supersededIds(facts.acked, facts.compacted);
  return facts.acked
    .filter((record) => hadToSee(record, facts) && !seen.has(record.id) && !superseded.has(record.id))
    .map(({ id }) => id);
}

/** The last move from source to target counts; reads are in the order of the log. */
function pauseOf(consumed: readonly ConsumedRecord[]): number | null {
  const first = consumed.findLastIndex(
    (record, index) => record.cluster === "target" && consumed[index - 1]?.cluster === "source",
  );
  const [before, after] = [consumed[first - 1], consumed[first]];
  return before === undefined || after === undefined ? null : after.ts - before.ts;
}

/** Counts one group with members. `duplicated` counts every reading of an id after the first. */
export function tallyGroup(facts: GroupFacts): GroupCount {
  const { name, consumed } = facts;
  const distinct = new Set(consumed.map(placeOf)).size;
  return {
    name,
    consumed: consumed.length,
    lost: missingIds(facts).length,
    duplicated: consumed.length - distinct,
    pauseMs: pauseOf(consumed),
  };
}

/** Where a group without members stands: topic to committed offset by partition, undefined where none. */
export type Position = Readonly<Record<string, readonly (number | undefined)[]>>;

function pendingIds(held: HeldTopic, committed: readonly (number | undefined)[]): string[] {
  return (held ?? []).flatMap((records, partition) =>
    records.flatMap(({ offset, id }) => (id !== null && offset >= (committed[partition] ?? 0) ? [id] : [])),
  );
}

/**
 * Counts a group that never reads, by what it would read next. Lost: waiting on the source at its start, not waiting
 * where it stands now. Duplicated: waiting now although its start was already past it. A partition with no committed
 * offset would be read from the beginning.
 */
export function tallyIdleGroup(facts: {
  readonly name: string;
  readonly topics: readonly string[];
  readonly start: Position;
  readonly now: Position;
  readonly source: ReadonlyMap<string, HeldTopic>;
  readonly there: ReadonlyMap<string, HeldTopic>;
}): GroupCount {
  let lost = 0;
  let duplicated = 0;
  for (const topic of facts.topics) {
    const held = facts.source.get(topic) ?? null;
    const due = pendingIds(held, facts.start[topic] ?? []);
    const dueIds = new Set(due);
    const past = new Set(pendingIds(held, []).filter((id) => !dueIds.has(id)));
    const waiting = pendingIds(facts.there.get(topic) ?? null, facts.now[topic] ?? []);
    const waitingIds = new Set(waiting);
    lost += due.filter((id) => !waitingIds.has(id)).length;
    duplicated += waiting.length - waitingIds.size + [...waitingIds].filter((id) => past.has(id)).length;
  }
  return { name: facts.name, consumed: 0, lost, duplicated, pauseMs: null };
}

export type TopicFacts = {
  readonly name: string;
  readonly compacted: boolean;
  readonly source: HeldTopic;
  readonly target: HeldTopic;
  /** The cluster that was written last: it may hold more, the other must be an exact prefix of it. */
  readonly ahead: Cluster;
  /** Ids acknowledged on the cluster that is ahead. */
  readonly writtenAhead: ReadonlySet<string>;
};

/** Every record of `shorter` at the same place in `longer`, and none of them a second time behind it. */
function isPrefix(shorter: readonly HeldRecord[], longer: readonly HeldRecord[]): boolean {
  if (shorter.some((record, index) => record.digest !== longer[index]?.digest)) return false;
  const copied = new Set(shorter.map(({ digest }) => digest));
  return longer.slice(shorter.length).every(({ digest }) => !copied.has(digest));
}

/** `last`: the newest record of a key behind; `copies`: all records of this key ahead. */
function keyHolds(
  last: HeldRecord,
  copies: readonly HeldRecord[],
  known: ReadonlySet<string>,
  writtenAhead: ReadonlySet<string>,
): boolean {
  const at = copies.findLastIndex(({ digest }) => digest === last.digest);
  if (at !== -1) return copies.slice(at + 1).every(({ digest }) => !known.has(digest));
  const newest = copies.at(-1);
  // Compaction may drop an old tombstone, and a value that a newer one has replaced.
  if (newest === undefined) return last.tombstone;
  return newest.id !== null && writtenAhead.has(newest.id);
}

function isCompactedPrefix(
  behind: readonly HeldRecord[],
  ahead: readonly HeldRecord[],
  writtenAhead: ReadonlySet<string>,
): boolean {
  const known = new Set(behind.map(({ digest }) => digest));
  const copies = Map.groupBy(ahead, ({ key }) => key);
  const newest = new Map(behind.map((record) => [record.key, record]));
  return [...newest].every(([key, last]) => keyHolds(last, copies.get(key) ?? [], known, writtenAhead));
}

function countOf(held: HeldTopic): number {
  return (held ?? []).reduce((sum, records) => sum + records.length, 0);
}

/** Compares one topic by content, partition by partition. */
export function tallyTopic(facts: TopicFacts): TopicCount {
  const { name, source, target } = facts;
  const counts = {
    name,
    partitions: source?.length ?? 0,
    source: countOf(source),
    target: countOf(target),
  };
  if (source === null || target === null || source.length !== target.length)
    return { ...counts, equal: false };
  const [behind, ahead] = facts.ahead === "target" ? [source, target] : [target, source];
  const equal = behind.every((records, partition) => {
    const there = ahead[partition] ?? [];
    return facts.compacted ? isCompactedPrefix(records, there, facts.writtenAhead) : isPrefix(records, there);
  });
  return { ...counts, equal };
}
