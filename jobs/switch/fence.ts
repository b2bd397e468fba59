import { aclText } from "#domain/access/acl-matching.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster, Lease } from "#domain/ports.ts";
import { holds } from "#domain/switch/fence.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import {
  clusterOf,
  type FenceConfig,
  type FenceDocument,
  type FenceSide,
  fenceSize,
  readFence,
  writeFence,
} from "./fence-document.ts";
import { isNothing, type WantedFence, wantedFence } from "./fence-plan.ts";
import { hasReturned } from "./fence-returned.ts";

/**
 * The fence of one wave on one cluster. It belongs to its run's lease: every change is written down under the lease
 * first, and whoever takes the lease next can take the fence away exactly, or finds it gone and sets it again.
 */
export type FenceSite = {
  readonly wave: Wave;
  readonly side: FenceSide;
  /** The run's step of no return. */
  readonly noReturn: string;
  /** ACLs that were approved, in words; `undefined`: nobody was shown any. */
  readonly approved?: readonly string[] | undefined;
};

type Holder = Pick<Work, "store" | "migration" | "clock" | "world" | "audit" | "log">;

/** Nothing of it is left to do: it stands as written down, there is nothing to add, or it was released on purpose. */
export async function isFenced(site: FenceSite, work: Work, run: Run): Promise<boolean> {
  const fence = await readFence(work, site.wave.name, site.side);
  const own = fence?.run === run.id;
  if (own && fence.state === "lifted") return fence.released;
  if (own && (fence.state === "set" || fence.state === "standing")) {
    return await isInPlace(fence, await clusterOf(site.side, work));
  }
  if (fence !== undefined && fence.state !== "lifted") return false;
  return isNothing(await approvedFence(site, work));
}

/**
 * Sets it. What an earlier attempt of this run had begun is done again as it was written down; what another run left is
 * lifted first. `E_PLAN_STALE` when the ACLs differ from the approved ones. `look`: what must be seen while the cluster
 * is still open; asked only where something will be set.
 */
export async function setFence(
  site: FenceSite,
  work: Work,
  run: Run,
  look: () => Promise<void>,
): Promise<void> {
  const { wave, side, noReturn } = site;
  const earlier = await readFence(work, wave.name, side);
  const own = earlier?.run === run.id && (earlier.state === "setting" || earlier.state === "set");
  if (earlier !== undefined && !own) await liftRest(earlier, work, run.lease);
  const wanted = async () => (own ? earlier : contentOf(await approvedFence(site, work)));
  if ((await wanted()) === undefined) return;
  await look();
  const content = await wanted();
  if (content === undefined) return;
  const generation = (earlier?.generation ?? 0) + 1;
  await raise(
    { ...content, run: run.id, wave: wave.name, side, noReturn, generation, state: "setting" },
    work,
    run.lease,
  );
}

type Content = Pick<FenceDocument, "allow" | "deny" | "configs" | "stopsMirror" | "released">;

function contentOf(wanted: WantedFence): Content | undefined {
  if (isNothing(wanted)) return undefined;
  const { allow, deny, stopsMirror } = wanted.acl;
  return { allow: [...allow], deny: [...deny], configs: [...wanted.configs], stopsMirror, released: false };
}

async function approvedFence({ wave, side, approved }: FenceSite, work: Work): Promise<WantedFence> {
  const wanted = await wantedFence(wave.topics, side, work);
  if (approved === undefined) return wanted;
  if (wanted.refused !== undefined && approved.length > 0) throw wanted.refused;
  const now = aclTexts(wanted);
  if (now.join("\n") === approved.join("\n")) return wanted;
  throw new FerryError(
    "E_PLAN_STALE",
    `The ACLs of these topics changed: approved was ${approved.join(", ") || "none"}; now it would be ${now.join(", ") || "none"}.`,
  );
}

/** Every ACL that it adds, in words, sorted: what an approval is bound to. */
export function aclTexts({ acl }: Pick<WantedFence, "acl">): readonly string[] {
  return [...acl.allow, ...acl.deny].map(aclText).toSorted();
}

async function raise(
  next: Omit<FenceDocument, "changedAt">,
  work: Holder,
  lease: Lease,
): Promise<FenceDocument> {
  const { state: before = "absent" } = (await readFence(work, next.wave, next.side)) ?? {};
  const fence = await writeFence({ ...next, state: "setting" }, work, lease);
  const cluster = await clusterOf(fence.side, work);
  await work.audit({ what: "fence.intent", ...fenceChange(fence, before, "setting"), detail: fence });
  try {
    if (fence.allow.length + fence.deny.length > 0) await cluster.addAcls([...fence.allow, ...fence.deny]);
    if (fence.configs.length > 0) await cluster.alterTopicConfigs(fence.configs);
    const set = await writeFence({ ...fence, state: "set" }, work, lease);
    const detail = fenceDetail(fence);
    await work.audit({ what: "fence.set", ...fenceChange(fence, "setting", "set"), detail });
    return set;
  } catch (thrown) {
    // A failed call may have been carried out.
    await takeBackLate(fence, cluster, work);
    throw thrown;
  }
}

/** What the audit says of every change of a fence. */
function fenceChange({ wave, side }: Pick<FenceDocument, "wave" | "side">, before: string, after: string) {
  return { wave, subject: `fence of ${wave} on the ${side}`, before, after, reason: "run" };
}

/**
 * Somebody lifted it while it was being set: what came after that must not stay. A newer attempt sets its own. What
 * fails here the sweep finds (`hasReturned`).
 */
async function takeBackLate(fence: FenceDocument, cluster: KafkaCluster, work: Holder): Promise<void> {
  try {
    const now = await readFence(work, fence.wave, fence.side);
    if (now?.generation !== fence.generation || now.state !== "lifted") return;
    await takeAway(fence, cluster);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn(
      { code, error: message },
      "a fence that came late was not taken back; the next watch does it",
    );
  }
}

/** What is left of it: all, or what came back after it was lifted. */
async function liftRest(fence: FenceDocument, work: Holder, lease: Lease): Promise<void> {
  if (fence.state !== "lifted") await liftFence(fence, work, lease);
  else if (await hasReturned(fence, work)) await liftFence(fence, work, lease, { released: fence.released });
}

/** Whether all of it is there. Unreadable ACLs are not there: adding them again changes nothing. */
async function isInPlace(fence: FenceDocument, cluster: KafkaCluster): Promise<boolean> {
  const wanted = [...fence.allow, ...fence.deny];
  const acls = wanted.length === 0 ? undefined : await cluster.acls();
  if (acls !== undefined && !(acls.known && wanted.every((acl) => holds(acls.value, acl)))) return false;
  if (fence.configs.length === 0) return true;
  const configs = await cluster.topicConfigs(fence.configs.map(({ topic }) => topic));
  return fence.configs.every(({ topic, name, value }) =>
    configs.get(topic)?.some((entry) => entry.name === name && entry.value === value),
  );
}

/** Takes away exactly what it added, the DENY before the ALLOW. Repeatable. */
export async function liftFence(
  fence: FenceDocument,
  work: Holder,
  lease: Lease,
  why: { readonly released?: boolean; readonly reason?: string } = {},
): Promise<void> {
  const { released = false, reason } = why;
  const going = await writeFence({ ...fence, state: "lifting", released: false }, work, lease);
  await takeAway(going, await clusterOf(going.side, work));
  await writeFence({ ...going, state: "lifted", released }, work, lease);
  await work.audit({
    what: "fence.lifted",
    ...fenceChange(fence, fence.state, "lifted"),
    ...(reason === undefined ? {} : { reason }),
    detail: fenceDetail(going),
  });
}

async function takeAway(fence: FenceDocument, cluster: KafkaCluster): Promise<void> {
  if (fence.deny.length > 0) await cluster.removeAcls(fence.deny);
  if (fence.allow.length > 0) await cluster.removeAcls(fence.allow);
  await restoreConfigs(fence.configs, cluster);
}

/** A topic that was deleted meanwhile has nothing to restore. */
async function restoreConfigs(configs: readonly FenceConfig[], cluster: KafkaCluster): Promise<void> {
  if (configs.length === 0) return;
  const names = new Set((await cluster.listTopics()).map(({ name }) => name));
  const left = configs.filter(({ topic }) => names.has(topic));
  await cluster.alterTopicConfigs(left.map(({ topic, name, before }) => ({ topic, name, value: before })));
}

/** Lifts what this run has set there, if anything is left of it. */
export async function liftOwn({ wave, side }: FenceSite, work: Work, run: Run): Promise<void> {
  const fence = await readFence(work, wave.name, side);
  if (fence !== undefined && fence.run === run.id) await liftRest(fence, work, run.lease);
}

/** Lifts whatever stands there, whoever set it; for a run that holds the migration's lease. */
export async function liftAny(wave: string, side: FenceSide, work: Work, run: Run): Promise<void> {
  const fence = await readFence(work, wave, side);
  if (fence !== undefined) await liftRest(fence, work, run.lease);
}

export async function isLifted(wave: string, side: FenceSide, work: Work): Promise<boolean> {
  const fence = await readFence(work, wave, side);
  return fence === undefined || fence.state === "lifted";
}

/** Nothing of the fence would keep the mirror from writing to this cluster. */
export async function isClearOfMirror({ wave, side }: FenceSite, work: Work): Promise<boolean> {
  const fence = await readFence(work, wave.name, side);
  if (fence === undefined) return true;
  if (fence.state === "lifted") return !(await hasReturned(fence, work));
  return !fence.stopsMirror && fence.configs.length === 0;
}

/** Takes away what would stop the mirror: all of it, or only the size limit where the mirror passes the ACLs. */
export async function releaseForMirror({ wave, side }: FenceSite, work: Work, run: Run): Promise<void> {
  const fence = await readFence(work, wave.name, side);
  if (fence === undefined) return;
  if (fence.state === "lifted") {
    await liftRest(fence, work, run.lease);
    return;
  }
  const acls = fence.allow.length + fence.deny.length;
  if (fence.stopsMirror || acls === 0) {
    await liftFence(fence, work, run.lease, { released: true, reason: "stops-mirror" });
    return;
  }
  await restoreConfigs(fence.configs, await clusterOf(side, work));
  await writeFence({ ...fence, configs: [], released: true }, work, run.lease);
  await work.audit({
    what: "fence.released",
    ...fenceChange(fence, fence.state, "released"),
    reason: "stops-mirror",
    detail: fenceDetail(fence),
  });
}

/**
 * Behind the point of no return: what is left of the fence outlives its run. One that was lifted meanwhile, because
 * the run's lease had run out, is set again; so is one that the cluster no longer has, whatever is written down: a
 * sweeper's removal may have come late.
 */
export async function keepStanding({ wave, side }: FenceSite, work: Work, run: Run): Promise<void> {
  const fence = await readFence(work, wave.name, side);
  if (fence === undefined || fence.run !== run.id || !mayStand(fence)) return;
  const isNoted = fence.state === "set" || fence.state === "standing";
  const stands = isNoted && (await isInPlace(fence, await clusterOf(side, work)));
  if (stands && fence.state === "standing") return;
  const configs = isNoted ? fence.configs : [];
  const next = { ...fence, configs, generation: fence.generation + 1 };
  const set = stands ? fence : await raise(next, work, run.lease);
  await writeFence({ ...set, state: "standing" }, work, run.lease);
  await work.audit({
    what: "fence.standing",
    ...fenceChange(fence, fence.state, "standing"),
    detail: fenceDetail(set),
  });
}

function mayStand({ state, released, stopsMirror, allow, deny }: FenceDocument): boolean {
  if (state === "lifted" && (released || stopsMirror)) return false;
  return allow.length + deny.length > 0;
}

/** Of the fence as this run left it; 0: none. A proof of silence of another generation is worth nothing. */
export async function fenceGeneration({ wave, side }: FenceSite, work: Work, run: Run): Promise<number> {
  const fence = await readFence(work, wave.name, side);
  return fence?.run === run.id ? fence.generation : 0;
}

function fenceDetail(fence: FenceDocument) {
  const { run, side, generation, allow, deny, configs } = fence;
  const acls = [...allow, ...deny].map(aclText);
  return { run, cluster: side, generation, size: fenceSize(fence), acls, configs };
}
