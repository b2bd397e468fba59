import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { describeAllOpen } from "#domain/lag/open-transactions.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Growth } from "#domain/switch/rogue.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import { nameWriters } from "#jobs/mirror/name-writers.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { recallMirrorEnd } from "./beside-mirror.ts";
import { openOnes } from "./open-transactions.ts";
import { recallBoundary } from "./reverse-mirror.ts";
import { ends, type PlainEnds, plainEnds } from "./wave-mirror.ts";

/** The last look before producers may write on the other side: whatever happened since the ends were recorded counts. */

/** Waits until no transaction is open on the wave's topics; names those that are when `cutover.patience` ends. */
export async function untilNoTransaction(cluster: KafkaCluster, wave: Wave, work: Work): Promise<void> {
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 500,
      code: "E_ROGUE_PRODUCER",
      what: `A transaction is open on the ${cluster.role}`,
    },
    async () => {
      const open = await openOnes(cluster, wave.topics);
      if (!open.known) return notYet(`not known, ${open.why}`);
      return open.value.length === 0 ? holds(undefined) : notYet(describeAllOpen(open.value));
    },
  );
}

/** A producer may have been started on the target by this run: from then on its records are expected there. */
export async function noteFirstStart(run: Run): Promise<void> {
  await run.remember("first-start", true);
}

export async function isFirstStartNoted(run: Run): Promise<boolean> {
  return (await run.recall("first-start")) === true;
}

/**
 * Nothing was written on either side since the ends were recorded, and no transaction of a source producer is open. For
 * a run that has begun to start producers, only what cannot come from them is refused. `E_ROGUE_PRODUCER`.
 */
export async function lookOnceMore(wave: Wave, work: Work, run: Run): Promise<void> {
  const { source } = work.world;
  if (!(await isFirstStartNoted(run))) await untilNoTransaction(source, wave, work);
  await refuseGrowth(wave, work, run);
}

/**
 * While the reverse mirror has nothing to copy, nothing may have come to the source; and nothing to the target before
 * the first producer was started there.
 */
export async function refuseGrowth(wave: Wave, work: Work, run: Run): Promise<void> {
  const boundary = await recallBoundary(run);
  if (boundary === undefined)
    throw new FerryError("E_PHASE", "The ends of both clusters are not recorded yet.");
  // The target is read first: what the reverse mirror writes on the source was on the target before.
  const target = await written(await work.world.target(), wave, boundary.target);
  if (target.length > 0 && (await isFirstStartNoted(run))) return;
  const source = await written(work.world.source, wave, boundary.source);
  if (target.length > 0) throw await rogue(await work.world.target(), target, boundary.at, work);
  if (source.length > 0) throw await rogue(work.world.source, source, boundary.at, work);
}

/** Partitions that got a record since; markers of transactions alone are none. */
async function written(cluster: KafkaCluster, wave: Wave, recorded: PlainEnds): Promise<readonly Growth[]> {
  const now = await ends(cluster, wave);
  const grown = [...now].flatMap(([topic, row]) =>
    row.flatMap((end, partition) => {
      const from = recorded[topic]?.[partition];
      if (end === undefined || from === undefined) {
        throw new FerryError("E_INCOMPLETE", `The end of ${topic}-${partition} is not known.`);
      }
      return end === from ? [] : [{ topic, partition, from, until: end, ms: undefined }];
    }),
  );
  const hasRecord = await Promise.all(
    grown.map(async ({ topic, partition, from, until: end }) => {
      // Fewer than were recorded: the topic was made anew.
      if (end < from) return true;
      const isolation = "read-uncommitted";
      const found = await cluster.read({ topic, partition }, from, { max: 1, until: end, isolation });
      return found.length > 0;
    }),
  );
  return grown.filter((_, index) => hasRecord[index]);
}

async function rogue(
  cluster: KafkaCluster,
  grown: readonly Growth[],
  at: string,
  work: Work,
): Promise<FerryError> {
  return new FerryError(
    "E_ROGUE_PRODUCER",
    `${offsetsOf(grown)} offsets came to the ${cluster.role} after its ends were recorded at ${at}: ${await writersOf(cluster, grown, work)}`,
  );
}

function offsetsOf(grown: readonly Growth[]): string {
  return figure(grown.reduce((sum, { from, until: end }) => sum + end - from, 0));
}

async function writersOf(cluster: KafkaCluster, grown: readonly Growth[], work: Work): Promise<string> {
  return (await nameWriters(cluster, grown, work)).text;
}

const MskEnd = z.object({ ends: z.record(z.string(), z.array(z.int())), at: z.string() });

/** Remembers where MSK ended when everything up to there was on the source: what comes behind is on MSK only. */
export async function noteMskEnd(table: OffsetTable, work: Work, run: Run): Promise<void> {
  const at = new Date(work.clock.now()).toISOString();
  await run.remember("msk-end", { ends: plainEnds(table), at });
}

/** Where MSK ended then; `undefined` where this run stopped no reverse mirror. */
export async function recallMskEnd(run: Run): Promise<z.infer<typeof MskEnd> | undefined> {
  return MskEnd.safeParse(await run.recall("msk-end")).data;
}

/** What came to MSK since the reverse mirror was proved to have copied all of it. `E_PHASE` when that is not recorded. */
async function grownOnMsk(wave: Wave, work: Work, run: Run) {
  const recorded = await recallMskEnd(run);
  if (recorded === undefined)
    throw new FerryError("E_PHASE", "Where MSK ended at the stop of the reverse mirror is not recorded.");
  return { grown: await written(await work.world.target(), wave, recorded.ends), at: recorded.at };
}

/** The last look before a rollback's point of no return: nothing came to MSK that nobody carries back. `E_ROGUE_PRODUCER`. */
export async function refuseGrowthOnMsk(wave: Wave, work: Work, run: Run): Promise<void> {
  const { grown, at } = await grownOnMsk(wave, work, run);
  if (grown.length > 0) throw await rogue(await work.world.target(), grown, at, work);
}

/**
 * Before producers start on the source nothing can be taken back any more: what is on MSK only is kept for the summary.
 * Once: behind their start the forward mirror writes there. What cannot be read does not hold the producers up.
 */
export async function noteLateOnMsk(wave: Wave, work: Work, run: Run): Promise<void> {
  if ((await run.recall("msk-late")) !== undefined) return;
  await run.remember("msk-late", await lateOnMsk(wave, work, run));
}

async function lateOnMsk(wave: Wave, work: Work, run: Run): Promise<string> {
  try {
    const { grown, at } = await grownOnMsk(wave, work, run);
    if (grown.length === 0) return "";
    const copied = await grownOnSource(wave, work, run);
    const isDoubtful = grown.some(({ topic, partition }) => copied.has(`${topic}-${partition}`));
    const doubt = isDoubtful
      ? "; the source grew there too, so some may be copies of the forward mirror"
      : "";
    const who = await writersOf(await work.world.target(), grown, work);
    return `${offsetsOf(grown)} offsets came to MSK after its ends were recorded at ${at}, and nothing carried them to the source: ${who}${doubt}`;
  } catch (thrown) {
    if (!(thrown instanceof FerryError)) throw thrown;
    return `not known whether anything came after the reverse mirror was stopped: ${thrown.code} ${thrown.message}`;
  }
}

/** Partitions where the forward mirror, which runs by then, had something to copy. */
async function grownOnSource(wave: Wave, work: Work, run: Run): Promise<ReadonlySet<string>> {
  const mirrorEnd = await recallMirrorEnd(run);
  if (mirrorEnd === undefined)
    throw new FerryError(
      "E_PHASE",
      "Where the source ended at the stop of the reverse mirror is not recorded.",
    );
  const grown = await written(work.world.source, wave, mirrorEnd);
  return new Set(grown.map(({ topic, partition }) => `${topic}-${partition}`));
}

/** A row for the summary: what came to MSK too late, none when there was nothing. */
export async function lateRows(run: Run): Promise<ReadonlyArray<{ label: string; value: string }>> {
  const text = z
    .string()
    .min(1)
    .safeParse(await run.recall("msk-late")).data;
  return text === undefined ? [] : [{ label: "Late on MSK", value: text }];
}
