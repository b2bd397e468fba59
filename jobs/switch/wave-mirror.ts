import { FerryError } from "#domain/errors.ts";
import { type LagReading, partitionLags, sumLags } from "#domain/lag/lag.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type Growth, growthsBetween } from "#domain/switch/rogue.ts";
import { at, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import { goOn, refuseLoop, startGuarded } from "#jobs/mirror/loop-guard.ts";
import { caughtUp, readLag } from "#jobs/mirror/mirror-readings.ts";
import { nameWriters } from "#jobs/mirror/name-writers.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { createOpenNames, createSaying } from "./say-while-waiting.ts";

/** The mirror of one wave during its cutover: its ends, its silence, its draining. */

export type PlainEnds = Readonly<Record<string, readonly number[]>>;

/** End offsets of the wave's topics; fails with `E_INCOMPLETE` when one is missing. */
export async function ends(cluster: KafkaCluster, wave: Wave): Promise<OffsetTable> {
  return await cluster.offsets(wave.topics, "end");
}

export function plainEnds(table: OffsetTable): Record<string, number[]> {
  return Object.fromEntries(
    [...table].map(([topic, row]) => [
      topic,
      row.map((end, partition) => {
        if (end !== undefined) return end;
        throw new FerryError("E_INCOMPLETE", `The end of ${topic}-${partition} is not known.`);
      }),
    ]),
  );
}

/** Records per topic by which the ends have grown. */
export function growth(before: PlainEnds, now: OffsetTable): ReadonlyMap<string, number> {
  return new Map(
    [...now].map(([topic, row]) => [
      topic,
      row.reduce<number>((sum, end, partition) => sum + (end ?? 0) - (before[topic]?.[partition] ?? 0), 0),
    ]),
  );
}

/** Ends are read at least this often while silence is being proved: who still writes is named within seconds. */
export const lookEveryMs = 3000;

/**
 * Two reads of every end, `flatFor` ms apart, must be equal, and those in between. Who still writes is named at
 * once, in the card's thread; after `cutover.patience` without silence it fails with `E_ROGUE_PRODUCER` and the names.
 */
export async function flatEnds(
  cluster: KafkaCluster,
  wave: Wave,
  work: Work,
  flatFor: number = work.migration.settings.cutover.flatFor,
): Promise<OffsetTable> {
  const { patience } = work.migration.settings.cutover;
  const everyMs = flatFor / Math.max(1, Math.ceil(flatFor / lookEveryMs));
  const said = createSaying(`still-writing:${wave.name}:${cluster.role}`, wave, work);
  let before = await ends(cluster, wave);
  let readAt = work.clock.now();
  let flatSince = readAt;
  let last = `its ends were not read over ${flatFor / 1000} s yet`;
  return await until(
    work,
    { deadlineMs: patience, everyMs, code: "E_ROGUE_PRODUCER", what: `The ${cluster.role} still grows` },
    async () => {
      const now = work.clock.now();
      if (now <= readAt) return notYet(last);
      const read = await ends(cluster, wave);
      const { grown, unread } = growthsBetween(before, read, now - readAt);
      before = read;
      readAt = now;
      if (grown.length === 0 && unread.length === 0) {
        return now - flatSince >= flatFor ? holds(read) : notYet(last);
      }
      flatSince = now;
      last = await wordsOf(grown, unread, cluster, work);
      if (grown.length > 0)
        await said("producer.still-writing", `The ${cluster.role} still grows: ${last}.`, grown);
      return notYet(last);
    },
  );
}

async function wordsOf(
  grown: readonly Growth[],
  unread: readonly TopicPartition[],
  cluster: KafkaCluster,
  work: Work,
): Promise<string> {
  const missing = unread.length === 0 ? [] : [`${unread.length} ends did not come`];
  const names = grown.length === 0 ? [] : [(await nameWriters(cluster, grown, work)).text];
  return [...names, ...missing].join("; ");
}

/**
 * Waits until the flow has copied everything that its origin holds, by the five proofs of being caught up. A transaction
 * that is open there holds it up: it is named while it is waited for, and when patience ends.
 */
export async function untilDrained(
  wave: Wave,
  flow: string,
  origin: KafkaCluster,
  destination: KafkaCluster,
  work: Work,
): Promise<void> {
  const namesOpen = createOpenNames(wave, origin, work);
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 500,
      code: "E_NOT_CAUGHT_UP",
      what: `${flow} does not drain`,
    },
    async () => {
      // On the way back a producer that ignores the switch may have written to the source after the mirror.
      const destinationShared = origin.role === "target";
      const question = { flow, topics: wave.topics, origin, destination, destinationShared };
      const verdict = await caughtUp(question, work);
      if (verdict.caughtUp) return holds(undefined);
      const open = verdict.proofs.some(
        ({ name, state }) => name === "no-open-transaction" && state === "fail",
      );
      return notYet(open ? `${verdict.why}; ${await namesOpen()}` : verdict.why);
    },
  );
}

/** Stops forward or checkpoint; returns only when its tasks are gone and their offsets committed. */
export async function stopMirror(wave: Wave, kind: "forward" | "checkpoint", work: Work): Promise<void> {
  const engine = await work.world.engine();
  const name = flowName(work.migration.name, wave.name, kind);
  const { state: before } = await engine.status(name);
  if (before !== "absent") await engine.stop(name);
  const change = { subject: name, before, after: before === "absent" ? before : "stopped", reason: "run" };
  await work.audit({ what: "mirror.stopped", wave: wave.name, ...change, detail: { flow: name } });
}

/**
 * With the flow stopped and its origin silent: everything that the origin holds has been copied. What came after the
 * drain fails with `E_ROGUE_PRODUCER`: it would be on one side only.
 */
export async function proveAllCopied(
  wave: Wave,
  flow: string,
  origin: KafkaCluster,
  work: Work,
): Promise<void> {
  const engine = await work.world.engine();
  const reading = await readLag({ flow, topics: wave.topics, origin }, engine, work);
  const lag = sumLags(partitionLags(reading));
  if (lag.records === 0 && lag.findings.length === 0) return;
  const [worst] = [...lag.findings, ...lag.worst];
  const where = worst === undefined ? "" : `, on ${worst.topic}-${worst.partition}`;
  const late = growthsBehind(reading);
  const names = late.length === 0 ? "" : `: ${(await nameWriters(origin, late, work)).text}`;
  throw new FerryError(
    "E_ROGUE_PRODUCER",
    `${flow} is stopped and ${lag.records ?? "an unknown number of"} offsets came after it had drained${where}${names}.`,
  );
}

/** What the origin holds behind the copied offsets. */
function growthsBehind(reading: LagReading): readonly Growth[] {
  return partitionLags(reading).flatMap(({ topic, partition, records }) => {
    const until = at(reading.ends, topic, partition);
    const copied = at(reading.copied, topic, partition);
    const from = copied === undefined ? at(reading.starts, topic, partition) : copied + 1;
    if (records === 0 || from === undefined || until === undefined || from >= until) return [];
    return [{ topic, partition, from, until, ms: undefined }];
  });
}

/**
 * Starts forward again where the source ended when the reverse mirror was stopped, so that records which that wrote are
 * not copied a second time. Right only where it wrote everything up to there (`besideMirror`), and once: `seeded` is
 * called when the offsets stand.
 */
export async function startForward(
  wave: Wave,
  mirrorEnd: PlainEnds,
  work: Work,
  seeded: () => Promise<void>,
): Promise<void> {
  const engine = await work.world.engine();
  const forward = flowName(work.migration.name, wave.name, "forward");
  await refuseLoop(forward, wave, engine);
  const recorded: OffsetTable = new Map(Object.entries(mirrorEnd));
  refuseBeyond(recorded, await ends(work.world.source, wave));
  const { state } = await engine.status(forward);
  if (state !== "stopped") await engine.stop(forward);
  await engine.seed(forward, lastOffsets(recorded));
  await seeded();
  await resumeForward(wave, work);
}

/** Beyond the end of a log it would begin at its start. */
function refuseBeyond(recorded: OffsetTable, now: OffsetTable): void {
  for (const [topic, row] of recorded) {
    for (const [partition, end = 0] of row.entries()) {
      const last = at(now, topic, partition);
      if (last !== undefined && end <= last) continue;
      const text = `${topic}-${partition}: recorded end ${end}, but the source ends at ${last ?? "an unknown offset"}.`;
      throw new FerryError("E_SEED_BOUNDS", text);
    }
  }
}

/** Lets forward go on from where it was stopped: nothing is skipped. */
export async function resumeForward(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const forward = flowName(work.migration.name, wave.name, "forward");
  const { state: before } = await engine.status(forward);
  await startGuarded(forward, wave, engine);
  const change = { subject: forward, before, after: "running", reason: "run" };
  await work.audit({ what: "mirror.started", wave: wave.name, ...change, detail: { flow: forward } });
}

export async function resumeCheckpoint(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const checkpoint = flowName(work.migration.name, wave.name, "checkpoint");
  if ((await engine.status(checkpoint)).state !== "absent") await goOn(checkpoint, engine);
}

/** "Copied up to the end": the last offset of each partition, nothing for an empty one. */
export function lastOffsets(table: OffsetTable): OffsetTable {
  return new Map(
    [...table].map(([topic, row]) => [
      topic,
      row.map((end) => (end === undefined || end === 0 ? undefined : end - 1)),
    ]),
  );
}
