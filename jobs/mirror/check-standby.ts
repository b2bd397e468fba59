import { asFerryError } from "#domain/errors.ts";
import { advanceFloors } from "#domain/mirror/standby-floors.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { mirrorProducerIds } from "#domain/switch/rogue.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import {
  at,
  isCompacted,
  type KafkaRecord,
  type OffsetTable,
  type TopicPartition,
  type Writer,
} from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { type Compared, type Comparison, compareStretch } from "./compare-standby.ts";
import { mergePlaces, type Place, type Standby } from "./standby-record.ts";

/**
 * Reads what came onto the source of a wave whose producers have moved, and finds what the reverse mirror did not write.
 * A producer id that Connect's transactional ids give away is the mirror's; what has another, or none, is looked for on
 * the target by content. After a rollback the same is done with the roles changed: then MSK may grow only by what the
 * forward mirror writes, and "source" below is MSK.
 */

type Boundary = NonNullable<WaveState["boundary"]>;

export type Check = {
  readonly wave: Wave;
  readonly boundary: Boundary;
  readonly previous: Standby;
  /** `target` after a rollback: `boundary.source` then holds MSK's ends, `boundary.target` the source's. */
  readonly side?: "source" | "target";
  /** Offsets of the source from which on nothing is looked at; to its ends when absent. */
  readonly until?: Readonly<Record<string, readonly number[]>>;
};

/** What one check found, beside the document as it is now. */
export type Found = {
  readonly standby: Standby;
  /** Rogue records of this check. */
  readonly fresh: readonly Place[];
};

/** Offsets of one partition looked at in one go. */
const stretch = 10_000;
/** Records of the target read in search of the originals of a thousand records. */
const searchLimit = 50_000;
/** Partitions looked at at a time. */
const width = 8;
/** A check ends after this long, behind or not: the next one comes soon. */
const budgetMs = 6_000;

type Scan = {
  readonly check: Check;
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  readonly work: Work;
  readonly ids: Set<number>;
  readonly cursors: Record<string, number[]>;
  readonly rogue: Place[];
  readonly unsettled: Place[];
  readonly doubtful: Place[];
  readonly lost: string[];
  undecided: number;
  unchecked: number;
  /** Asked at most once a check. */
  readonly learn: () => Promise<void>;
  readonly topicFacts: (topic: string) => Promise<{ readonly stamped: boolean; readonly compacted: boolean }>;
};

type Task = TopicPartition & { readonly end: number; readonly stable: number };

/**
 * `undefined`: the forward mirror is not stopped, so that the source is no standby; applications may write there.
 * Everything up to the ends that were read first is looked at, or counted as behind.
 */
export async function checkStandby(check: Check, work: Work): Promise<Found | undefined> {
  const { wave, previous } = check;
  const { source, target, mirror, opposite } = await rolesOf(check, work);
  const copied = await copiedBack(mirror, work);
  const stable = await source.offsets(wave.topics, "stable");
  const ends = await source.offsets(wave.topics, "end");
  const starts = await source.offsets(wave.topics, "start");
  // After the ends: a rollback starts forward before it lets anybody write to the source.
  const engine = await work.world.engine();
  const { state } = await engine.status(opposite);
  if (state !== "stopped" && state !== "absent") return undefined;
  const scan = openScan(check, { source, target, mirror }, work);
  const tasks = tasksOf(scan, stable, ends, starts);
  await carryOut(tasks, scan);
  const late = tasks.reduce((sum, task) => sum + Math.max(0, task.stable - cursorOf(scan, task)), 0);
  const standby = {
    ...previous,
    ...advanceFloors(previous, scan.cursors, ends, copied),
    ...sumUp(scan),
    behind: late + scan.unchecked,
    turn: tasks.length === 0 ? 0 : (previous.turn + 1) % tasks.length,
    checkedAt: work.clock.now(),
    failure: undefined,
  };
  return { standby, fresh: [...scan.rogue, ...scan.unsettled] };
}

type Roles = {
  readonly source: KafkaCluster;
  readonly target: KafkaCluster;
  /** The flow that may write to `source`, and the one that must not run meanwhile. */
  readonly mirror: string;
  readonly opposite: string;
};

async function rolesOf({ wave, side = "source" }: Check, work: Work): Promise<Roles> {
  const { source } = work.world;
  const target = await work.world.target();
  const forward = flowName(work.migration.name, wave.name, "forward");
  const reverse = flowName(work.migration.name, wave.name, "reverse");
  return side === "source"
    ? { source, target, mirror: reverse, opposite: forward }
    : { source: target, target: source, mirror: forward, opposite: reverse };
}

/** Committed offsets of the mirror back; empty where they cannot be read: then more of the target is searched. */
async function copiedBack(mirror: string, work: Work): Promise<OffsetTable> {
  try {
    return await (await work.world.engine()).copied(mirror);
  } catch (thrown) {
    work.log.info({ flow: mirror, error: asFerryError(thrown).message }, "copied offsets could not be read");
    return new Map();
  }
}

function sumUp(scan: Scan) {
  const { previous } = scan.check;
  return {
    cursors: scan.cursors,
    mirrorIds: [...scan.ids],
    rogue: mergePlaces(previous.rogue, scan.rogue),
    unsettled: scan.unsettled,
    undecided: previous.undecided + scan.undecided,
    doubtful: mergePlaces(previous.doubtful, scan.doubtful),
    why: previous.why ?? scan.lost[0],
  };
}

function openScan(
  check: Check,
  { source, target, mirror }: Pick<Roles, "source" | "target" | "mirror">,
  work: Work,
): Scan {
  const { previous } = check;
  const ids = new Set(previous.mirrorIds);
  const facts = new Map<string, Promise<{ readonly stamped: boolean; readonly compacted: boolean }>>();
  let learned: Promise<void> | undefined;
  const scan: Scan = {
    check,
    source,
    target,
    work,
    ids,
    cursors: Object.fromEntries(Object.entries(previous.cursors).map(([topic, row]) => [topic, [...row]])),
    rogue: [],
    unsettled: [],
    doubtful: [],
    lost: [],
    undecided: 0,
    unchecked: 0,
    learn: () => {
      learned ??= learnIds(source, mirror, ids);
      return learned;
    },
    topicFacts: (topic) => {
      const known = facts.get(topic) ?? readTopicFacts(topic, source, target);
      facts.set(topic, known);
      return known;
    },
  };
  return scan;
}

async function learnIds(source: KafkaCluster, flow: string, ids: Set<number>): Promise<void> {
  const transactions = await source.transactions();
  if (transactions.known) for (const id of mirrorProducerIds(transactions.value, flow)) ids.add(id);
}

async function readTopicFacts(
  topic: string,
  source: KafkaCluster,
  target: KafkaCluster,
): Promise<{ readonly stamped: boolean; readonly compacted: boolean }> {
  const [there, here] = [await source.topicConfigs([topic]), await target.topicConfigs([topic])];
  const type = there.get(topic)?.find(({ name }) => name === "message.timestamp.type")?.value;
  return {
    stamped: type === "LogAppendTime",
    compacted: isCompacted(here.get(topic) ?? []),
  };
}

/** Partitions with something to look at. What expired before it was looked at is said. */
function tasksOf(scan: Scan, stable: OffsetTable, ends: OffsetTable, starts: OffsetTable): readonly Task[] {
  const tasks: Task[] = [];
  for (const [topic, row] of ends) {
    for (const [partition, end = 0] of row.entries()) {
      const where = { topic, partition };
      const cursor = cursorOf(scan, where);
      const start = at(starts, topic, partition) ?? 0;
      if (start > cursor) lose(scan, where, start - cursor, `its log starts at ${start} now`, start);
      if (end < cursor) lose(scan, where, cursor - end, `its log ends at ${end} now`, end);
      const until = Math.min(end, scan.check.until?.[topic]?.[partition] ?? end);
      const settled = Math.min(until, at(stable, topic, partition) ?? until);
      if (until > cursorOf(scan, where)) tasks.push({ ...where, end: until, stable: settled });
    }
  }
  const { turn } = scan.check.previous;
  return [...tasks.slice(turn), ...tasks.slice(0, turn)];
}

function lose(
  scan: Scan,
  { topic, partition }: TopicPartition,
  offsets: number,
  why: string,
  cursor: number,
): void {
  scan.undecided += offsets;
  scan.lost.push(`${topic}-${partition} could not be looked at in full, ${why}`);
  moveCursor(scan, { topic, partition }, cursor);
}

/** One stretch of each partition, then the next of each, until all is looked at or time is up. */
async function carryOut(tasks: readonly Task[], scan: Scan): Promise<void> {
  const deadline = scan.work.clock.now() + budgetMs;
  const isLate = () => scan.work.clock.now() >= deadline || scan.work.signal.aborted;
  let left = tasks;
  while (left.length > 0 && !isLate()) {
    for (let from = 0; from < left.length && !isLate(); from += width) {
      await Promise.all(left.slice(from, from + width).map((task) => lookAt(task, scan)));
    }
    left = left.filter((task) => cursorOf(scan, task) < task.stable);
  }
}

async function lookAt(task: Task, scan: Scan): Promise<void> {
  const from = cursorOf(scan, task);
  const until = Math.min(task.end, from + stretch);
  const settled = Math.max(from, Math.min(until, task.stable));
  const found = await strangersIn(task, from, until, scan);
  if (found.strangers.length > 0) {
    const about = await comparedOf(task, scan);
    if (settled > from) await settle(about, found, from, settled, scan);
    if (until > settled) await preview(about, found, settled, until, scan);
  }
  // Beyond this stretch, above the last stable offset: not looked at, and not settled either.
  if (settled >= task.stable) scan.unchecked += task.end - until;
  moveCursor(scan, task, settled);
}

type Strangers = {
  readonly strangers: readonly Writer[];
  /** One stranger, and nobody else: what is compared is what it wrote. */
  readonly isAlone: boolean;
};

/** Writers that are not known to be the mirror. */
async function strangersIn(where: Task, from: number, until: number, scan: Scan): Promise<Strangers> {
  const { topic, partition } = where;
  const writers = await scan.source.writers({ topic, partition }, from, until);
  const isStranger = ({ producerId }: Writer) => !scan.ids.has(producerId);
  // The writers first, the ids afterwards: a task that was started in between has its id by then.
  if (writers.some((writer) => writer.producerId >= 0 && isStranger(writer))) await scan.learn();
  const strangers = writers.filter((writer) => isStranger(writer) && writer.records > 0);
  return { strangers, isAlone: strangers.length === 1 && writers.length === 1 };
}

async function comparedOf({ topic, partition }: Task, scan: Scan): Promise<Compared> {
  const { source, target, check, work } = scan;
  return {
    source,
    target,
    where: { topic, partition },
    boundary: check.boundary.target[topic]?.[partition] ?? 0,
    floor: check.previous.floors[topic]?.[partition] ?? 0,
    ...(await scan.topicFacts(topic)),
    now: work.clock.now(),
    limit: searchLimit,
  };
}

/** What is final: committed records below the last stable offset. */
async function settle(
  about: Compared,
  found: Strangers,
  from: number,
  until: number,
  scan: Scan,
): Promise<void> {
  const result = await compareRange(about, found, from, until, "read-committed");
  scan.undecided += result.undecided;
  if (result.why !== undefined) scan.lost.push(result.why);
  if (result.rogue.length > 0) scan.rogue.push(placeOf(about.where, result.rogue));
  if (result.doubtful.length > 0) scan.doubtful.push(placeOf(about.where, result.doubtful));
  learnFrom(result, found, until, scan);
}

/** What stands beside transactions that are open: an alarm is due now, the count comes when they have ended. */
async function preview(
  about: Compared,
  found: Strangers,
  from: number,
  until: number,
  scan: Scan,
): Promise<void> {
  const { rogue } = await compareRange(about, found, from, until, "read-uncommitted");
  if (rogue.length > 0) scan.unsettled.push(placeOf(about.where, rogue));
}

async function compareRange(
  about: Compared,
  { strangers }: Strangers,
  from: number,
  until: number,
  isolation: "read-committed" | "read-uncommitted",
): Promise<Comparison> {
  const first = Math.max(from, Math.min(...strangers.map(({ firstOffset }) => firstOffset)));
  const last = Math.min(until, Math.max(...strangers.map(({ lastOffset }) => lastOffset)) + 1);
  return await compareStretch(about, first, last, isolation);
}

/**
 * A producer id whose every record is a copy is the mirror's, as one of a life before, or without exactly-once: it need
 * not be compared again. Ids are never used twice, and nobody else copies with times and all.
 */
function learnFrom(result: Comparison, { strangers, isAlone }: Strangers, until: number, scan: Scan): void {
  const [only] = strangers;
  if (only === undefined || !isAlone || only.producerId < 0) return;
  const isWhole = only.lastOffset < until && result.compared === only.records;
  if (isWhole && result.rogue.length === 0 && result.undecided === 0) scan.ids.add(only.producerId);
}

function placeOf({ topic, partition }: TopicPartition, records: readonly KafkaRecord[]): Place {
  const offsets = records.map(({ offset }) => offset);
  const [first = 0] = offsets;
  return { topic, partition, records: records.length, first, last: offsets.at(-1) ?? first };
}

function cursorOf({ cursors }: Scan, { topic, partition }: TopicPartition): number {
  return cursors[topic]?.[partition] ?? 0;
}

function moveCursor({ cursors }: Scan, { topic, partition }: TopicPartition, offset: number): void {
  const row = (cursors[topic] ??= []);
  while (row.length < partition) row.push(0);
  row[partition] = offset;
}
