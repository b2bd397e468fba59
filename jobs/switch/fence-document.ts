import { z } from "zod";
import type { KafkaCluster, Lease } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";

/** What a fence has added to a cluster, or is about to: written before it is done, so that it can be taken away exactly. */

export type FenceSide = "source" | "target";

const AclText = z.object({
  resourceType: z.string(),
  resourceName: z.string(),
  patternType: z.string(),
  principal: z.string(),
  host: z.string(),
  operation: z.string(),
  permission: z.string(),
});

const FenceConfig = z.object({
  topic: z.string(),
  name: z.string(),
  value: z.string(),
  /** The topic's own value; `null`: it had none. */
  before: z.string().nullable(),
});
export type FenceConfig = z.infer<typeof FenceConfig>;

export const FenceDocument = z.object({
  run: z.string(),
  wave: z.string(),
  side: z.enum(["source", "target"]),
  /** Grows each time it is set: a proof of silence of an older one says nothing about this one. */
  generation: z.int().positive(),
  /** `standing`: it outlives its run. */
  state: z.enum(["setting", "set", "standing", "lifting", "lifted"]),
  allow: z.array(AclText),
  deny: z.array(AclText),
  configs: z.array(FenceConfig),
  /** Its ACLs would keep the mirror from writing too. */
  stopsMirror: z.boolean(),
  /** What stops the mirror was taken away on purpose, after the drain was proved. */
  released: z.boolean(),
  /** The run's step of no return, as its journal names it. */
  noReturn: z.string(),
  /** ISO 8601. */
  changedAt: z.string(),
});
export type FenceDocument = z.infer<typeof FenceDocument>;

function fenceKey(migration: string, wave: string, side: FenceSide): string {
  return `fence:${migration}:${wave}:${side}`;
}

export async function readFence(
  { store, migration }: Pick<Work, "store" | "migration">,
  wave: string,
  side: FenceSide,
): Promise<FenceDocument | undefined> {
  const found = await store.read(fenceKey(migration.name, wave, side));
  return found && FenceDocument.parse(found.value);
}

/** Fenced: fails with `E_LEASE_LOST` when the lease no longer holds. Returns what was written. */
export async function writeFence(
  fence: Omit<FenceDocument, "changedAt">,
  work: Pick<Work, "store" | "migration" | "clock">,
  lease: Lease,
): Promise<FenceDocument> {
  const next = { ...fence, changedAt: new Date(work.clock.now()).toISOString() };
  await work.store.write(fenceKey(work.migration.name, fence.wave, fence.side), next, { lease });
  return next;
}

/** Every fence of this migration that was ever set, as it was left last. */
export async function fencesKnown({
  store,
  migration,
}: Pick<Work, "store" | "migration">): Promise<readonly FenceDocument[]> {
  return await fencesUnder(`fence:${migration.name}:`, store);
}

async function fencesUnder(prefix: string, store: Work["store"]): Promise<readonly FenceDocument[]> {
  const found = await Promise.all((await store.keys(prefix)).map((key) => store.read(key)));
  return found.flatMap((each) => (each === undefined ? [] : [FenceDocument.parse(each.value)]));
}

/** Fences of this migration that are, or may be, on a cluster. */
export async function fencesLeft(work: Pick<Work, "store" | "migration">): Promise<readonly FenceDocument[]> {
  return (await fencesKnown(work)).filter(isLeft);
}

/** Those of every migration: several may share a cluster. */
export async function fencesOfAll({ store }: Pick<Work, "store">): Promise<readonly FenceDocument[]> {
  return (await fencesUnder("fence:", store)).filter(isLeft);
}

function isLeft({ state }: FenceDocument): boolean {
  return state !== "lifted";
}

export async function clusterOf(side: FenceSide, work: Pick<Work, "world">): Promise<KafkaCluster> {
  return side === "source" ? work.world.source : await work.world.target();
}

/** "6 ACLs", "6 ACLs and max.message.bytes on 3 topics". */
export function fenceSize({ allow, deny, configs }: FenceDocument): string {
  const acls = allow.length + deny.length;
  const parts = [
    ...(acls > 0 ? [`${acls} ACLs`] : []),
    ...(configs.length > 0 ? [`max.message.bytes on ${configs.length} topics`] : []),
  ];
  return parts.join(" and ") || "nothing";
}
