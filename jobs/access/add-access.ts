import { aclText } from "#domain/access/acl-matching.ts";
import { aclKey } from "#domain/access/copy.ts";
import { entityKey, entityText } from "#domain/access/quotas.ts";
import { FerryError } from "#domain/errors.ts";
import { type KafkaCluster, type Lease, type QuotaChange } from "#domain/ports.ts";
import type { Acl } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { among, forgetAcls, forgetQuotas, noteAcls, noteQuotas, readAdded } from "./access-document.ts";

/** Changing the target's access: noted before it is done, audited after it. Each call can be repeated. */

type Place = Pick<Work, "world" | "migration" | "store" | "audit">;
type Under = { readonly lease?: Lease; readonly reason: "asked" | "run" | "undone" };

/** In this order, the mirror's own first. What is on the target already is neither added nor noted as the bot's. */
export async function addAcls(acls: readonly Acl[], work: Place, under: Under): Promise<readonly Acl[]> {
  const target = await work.world.target();
  const held = await target.acls();
  if (!held.known) throw new FerryError("E_KAFKA", `ACLs were not added: ${held.why}.`);
  const has = new Set(held.value.map(aclKey));
  const missing = acls.filter((acl) => !has.has(aclKey(acl)));
  if (missing.length === 0) return [];
  await noteAcls(missing, work, under);
  await target.addAcls(missing);
  await auditAcls(missing, "added", work, under);
  return missing;
}

/** Only what the bot added; the mirror's own last, so that the bot keeps the right to go on. */
export async function removeAcls(acls: readonly Acl[], work: Place, under: Under): Promise<void> {
  if (acls.length === 0) return;
  const target = await work.world.target();
  const noted = new Set((await readAdded(work)).acls.map(aclKey));
  const own = acls.filter((acl) => noted.has(aclKey(acl)));
  await target.removeAcls(own.toReversed());
  await auditAcls(own, "removed", work, under);
  await forgetAcls(own, work, under);
}

/** One entry for each principal. */
async function auditAcls(
  acls: readonly Acl[],
  what: "added" | "removed",
  work: Place,
  { reason }: Under,
): Promise<void> {
  for (const [subject, own] of Map.groupBy(acls, ({ principal }) => principal)) {
    const texts = own.map(aclText);
    const [before, after] = what === "added" ? [[], texts] : [texts, []];
    await work.audit({ what: `access.acls-${what}`, subject, before, after, reason });
  }
}

/** Limits that the target lacks, as the plan says; one that somebody has set since is left as it is. */
export async function setQuotas(wanted: readonly QuotaChange[], work: Place, under: Under): Promise<void> {
  if (wanted.length === 0) return;
  const target = await work.world.target();
  const now = await limitsOn(target);
  const changes = wanted.flatMap(({ entity, limits }): readonly QuotaChange[] => {
    const there = now.get(entityKey(entity)) ?? {};
    const missing = Object.entries(limits).filter(([key]) => there[key] === undefined);
    return missing.length === 0 ? [] : [{ entity, limits: Object.fromEntries(missing) }];
  });
  if (changes.length === 0) return;
  await noteQuotas(changes, work, under);
  await target.alterQuotas(changes);
  for (const { entity, limits } of changes) {
    const before = Object.fromEntries(Object.keys(limits).map((key) => [key, null]));
    const subject = entityText(entity);
    await work.audit({ what: "access.quota-set", subject, before, after: limits, reason: under.reason });
  }
}

/** Of these, only what the bot has set; a limit that somebody has changed since is left as it is. */
export async function removeQuotas(quotas: readonly QuotaChange[], work: Place, under: Under): Promise<void> {
  const mine = among(quotas, (await readAdded(work)).quotas);
  if (mine.length === 0) return;
  const target = await work.world.target();
  const now = await limitsOn(target);
  const gone = mine.flatMap(({ entity, limits }): readonly QuotaChange[] => {
    const there = now.get(entityKey(entity)) ?? {};
    const own = Object.keys(limits).filter((key) => there[key] !== undefined && there[key] === limits[key]);
    if (own.length === 0) return [];
    return [{ entity, limits: Object.fromEntries(own.map((key) => [key, null])) }];
  });
  await target.alterQuotas(gone);
  for (const { entity, limits } of gone) {
    const before = now.get(entityKey(entity)) ?? {};
    const subject = entityText(entity);
    await work.audit({ what: "access.quota-removed", subject, before, after: limits, reason: under.reason });
  }
  await forgetQuotas(mine, work, under);
}

/** By entity. What is not known is neither set nor taken for removed. */
async function limitsOn(target: Pick<KafkaCluster, "quotas">) {
  const held = await target.quotas();
  if (!held.known) throw new FerryError("E_KAFKA", `Quotas were not changed: ${held.why}.`);
  return new Map(held.value.map(({ entity, limits }) => [entityKey(entity), limits]));
}
