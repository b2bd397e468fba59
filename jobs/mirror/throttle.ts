import { asFerryError, FerryError } from "#domain/errors.ts";
import { mirrorClientId, slowestRate } from "#domain/mirror/flow.ts";
import { count } from "#domain/wording.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { ownFlows } from "./own-flows.ts";

/**
 * A limit on what the forward mirrors of a migration copy together. Of what MirrorMaker 2 can be told only a client quota
 * on the cluster it writes to holds to bytes (KIP-13): sizes of polls and fetches bound a request, not a rate. It holds at
 * once, for every task, without a restart.
 */

/** A quota is averaged over so many seconds (`quota.window.num`): as much as they allow passes at once. */
const burstSeconds = 10;

/** `bytesPerSecond` for all brokers together; `undefined` takes the limit away. `E_PHASE` where it would fail the tasks. */
export async function throttle(bytesPerSecond: number | undefined, work: Work): Promise<Outcome> {
  if (bytesPerSecond !== undefined) refuseReplicator(work);
  const target = await work.world.target();
  const { brokers } = await target.describe();
  const id = mirrorClientId(work.migration.name);
  const before = await target.produceQuota(id);
  if (bytesPerSecond !== undefined) await refuseTooSlow(bytesPerSecond, work);
  const share = bytesPerSecond === undefined ? undefined : Math.ceil(bytesPerSecond / brokers.length);
  await target.limitProduce(id, share);
  await work.audit({
    what: "mirror.throttled",
    subject: id,
    before: before.known ? (before.value ?? null) : "unknown",
    after: share ?? null,
    reason: "asked",
    detail: { bytesPerSecond: bytesPerSecond ?? null, brokers: brokers.length },
  });
  const text =
    share === undefined
      ? "No limit any more: the mirrors copy as fast as they can."
      : `At most ${megabytes(share * brokers.length)} copied: each of ${count(brokers.length, "broker")} of MSK takes ${megabytes(share)} from the forward mirrors, all waves together. It holds at once; ${burstSeconds} seconds' worth passes before it is felt. Mirrors back to the source are not limited. A cutover drains at this rate, too.`;
  await work.card.finish({
    subject: `${work.migration.name} · replicate throttle`,
    tone: "done",
    parts: [{ kind: "text", text }],
    next: share === undefined ? ["lag"] : ["lag", "replicate throttle off"],
  });
  return done;
}

/** Says that a limit holds; `undefined` where none does, or where that is not known. */
export async function throttled(work: Work): Promise<string | undefined> {
  const target = await work.world.target();
  const quota = await target.produceQuota(mirrorClientId(work.migration.name));
  if (!quota.known || quota.value === undefined) return undefined;
  return `Throttled to ${megabytes(quota.value)} a broker of MSK; \`/ferry replicate throttle off\` ends that.`;
}

/** For the end of a migration: a quota that was never set, or may not be removed, keeps nothing from ending. */
export async function unthrottle(work: Work): Promise<void> {
  const target = await work.world.target();
  const id = mirrorClientId(work.migration.name);
  const quota = await target.produceQuota(id);
  if (!quota.known || quota.value === undefined) return;
  try {
    await target.limitProduce(id, undefined);
    await work.audit({
      what: "mirror.throttled",
      subject: id,
      before: quota.value,
      after: null,
      reason: "run",
    });
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ clientId: id, code, error: message }, "the mirrors' quota could not be removed");
  }
}

/** A Replicator writes under no client id of ours: the quota would hold to nothing. */
function refuseReplicator({ migration, world }: Work): void {
  if (migration.settings.replication.engine !== "replicator") return;
  const bootstrap = world.source.access.bootstrap[0] ?? "";
  throw new FerryError(
    "E_REPLICATOR",
    `AWS has no throttle for a Replicator. What it reads can be limited by a quota of the user that it logs in as on the source: kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type users --entity-name USER --add-config consumer_byte_rate=BYTES_PER_SECOND_AND_BROKER; undo it by --delete-config consumer_byte_rate.`,
  );
}

async function refuseTooSlow(bytesPerSecond: number, work: Work): Promise<void> {
  const engine = await work.world.engine();
  const flows = await ownFlows(engine, work);
  const tasks = flows
    .filter(({ kind }) => kind === "forward")
    .reduce((sum, flow) => sum + flow.tasks.length, 0);
  const slowest = slowestRate(tasks);
  if (bytesPerSecond >= slowest) return;
  throw new FerryError(
    "E_PHASE",
    `${megabytes(bytesPerSecond)} is too little for ${count(tasks, "task")}: what they hold could not be sent within one transaction, and they would fail. At least ${megabytes(slowest)}, or \`/ferry replicate pause\`.`,
  );
}

/** "6.7 MB/s". */
function megabytes(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1_000_000).toFixed(1)} MB/s`;
}
