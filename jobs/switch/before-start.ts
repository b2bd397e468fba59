import { FerryError } from "#domain/errors.ts";
import { describeAllOpen } from "#domain/open-transactions.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Growth } from "#domain/rogue.ts";
import { figure } from "#domain/wording.ts";
import { nameWriters } from "#jobs/mirror/name-writers.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { openOnes } from "./open-transactions.ts";
import { type Boundary, recallBoundary } from "./reverse-mirror.ts";
import { ends, type PlainEnds } from "./wave-mirror.ts";

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
  if (target.length > 0) throw await rogue(await work.world.target(), target, boundary, work);
  if (source.length > 0) throw await rogue(work.world.source, source, boundary, work);
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
  { at }: Boundary,
  work: Work,
): Promise<FerryError> {
  const { text } = await nameWriters(cluster, grown, work);
  const offsets = grown.reduce((sum, { from, until: end }) => sum + end - from, 0);
  return new FerryError(
    "E_ROGUE_PRODUCER",
    `${figure(offsets)} offsets came to the ${cluster.role} after its ends were recorded at ${at}: ${text}`,
  );
}
