import { FerryError } from "#domain/errors.ts";
import { partitionLags, sumLags } from "#domain/lag.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { refuseLoop } from "#jobs/mirror/loop-guard.ts";
import { caughtUp, readLag } from "#jobs/mirror/mirror-readings.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";

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

/**
 * Two reads of every end, `cutover.flatFor` apart, must be equal. Keeps trying for `cutover.patience`; then fails with
 * `E_ROGUE_PRODUCER` and names the partitions that still grow and how fast.
 */
export async function flatEnds(cluster: KafkaCluster, wave: Wave, work: Work): Promise<OffsetTable> {
  const { flatFor, patience } = work.migration.settings.cutover;
  let before = await ends(cluster, wave);
  return await until(
    work,
    {
      deadlineMs: patience,
      everyMs: flatFor,
      code: "E_ROGUE_PRODUCER",
      what: `The ${cluster.role} still grows`,
    },
    async () => {
      await work.clock.sleep(flatFor, work.signal);
      const now = await ends(cluster, wave);
      const grown = growing(before, now, flatFor);
      before = now;
      return grown.length === 0 ? holds(now) : notYet(grown.join(", "));
    },
  );
}

function growing(before: OffsetTable, now: OffsetTable, ms: number): readonly string[] {
  return [...now].flatMap(([topic, row]) =>
    row.flatMap((end, partition) => {
      const earlier = before.get(topic)?.[partition];
      if (end === earlier) return [];
      const rate =
        end === undefined || earlier === undefined ? "?" : ((end - earlier) / (ms / 1000)).toFixed(1);
      return [`${topic}-${partition} (${rate} offsets/s)`];
    }),
  );
}

/** Waits until the flow has copied everything that its origin holds, by the five proofs of being caught up. */
export async function untilDrained(
  wave: Wave,
  flow: string,
  origin: KafkaCluster,
  destination: KafkaCluster,
  work: Work,
): Promise<void> {
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 500,
      code: "E_NOT_CAUGHT_UP",
      what: `${flow} does not drain`,
    },
    async () => {
      const verdict = await caughtUp({ flow, topics: wave.topics, origin, destination }, work);
      return verdict.caughtUp ? holds(undefined) : notYet(verdict.why);
    },
  );
}

/** Stops forward or checkpoint; returns only when its tasks are gone and their offsets committed. */
export async function stopMirror(wave: Wave, kind: "forward" | "checkpoint", work: Work): Promise<void> {
  const engine = await work.world.engine();
  const name = flowName(work.migration.name, wave.name, kind);
  if ((await engine.status(name)).state !== "absent") await engine.stop(name);
  await work.audit({ what: "mirror.stopped", wave: wave.name, detail: { flow: name } });
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
  const lag = sumLags(partitionLags(await readLag({ flow, topics: wave.topics, origin }, engine, work)));
  if (lag.records === 0 && lag.findings.length === 0) return;
  const [worst] = [...lag.findings, ...lag.worst];
  const where = worst === undefined ? "" : `, on ${worst.topic}-${worst.partition}`;
  throw new FerryError(
    "E_ROGUE_PRODUCER",
    `${flow} is stopped and ${lag.records ?? "an unknown number of"} offsets came after it had drained${where}.`,
  );
}

/**
 * Starts forward again where the source ends now, so that records which the reverse mirror wrote there are not copied a
 * second time. Right once, after the reverse mirror has written: `seeded` is called when the offsets stand.
 */
export async function startForward(wave: Wave, work: Work, seeded: () => Promise<void>): Promise<void> {
  const engine = await work.world.engine();
  const forward = flowName(work.migration.name, wave.name, "forward");
  await refuseLoop(forward, wave, engine);
  const { state } = await engine.status(forward);
  if (state !== "stopped") await engine.stop(forward);
  await engine.seed(forward, lastOffsets(await ends(work.world.source, wave)));
  await seeded();
  await resumeForward(wave, work);
}

/** Lets forward go on from where it was stopped: nothing is skipped. */
export async function resumeForward(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const forward = flowName(work.migration.name, wave.name, "forward");
  await refuseLoop(forward, wave, engine);
  const { state } = await engine.status(forward);
  if (state === "failed") await engine.restartFailed(forward);
  else if (state !== "running") await engine.start(forward);
  await resumeCheckpoint(wave, work);
  await work.audit({ what: "mirror.started", wave: wave.name, detail: { flow: forward } });
}

export async function resumeCheckpoint(wave: Wave, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const checkpoint = flowName(work.migration.name, wave.name, "checkpoint");
  if ((await engine.status(checkpoint)).state === "stopped") await engine.start(checkpoint);
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
