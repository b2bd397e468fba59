import { z } from "zod";
import { aclKey } from "#domain/access/copy.ts";
import type { PolicyDocument } from "#domain/access/policy.ts";
import { entityKey } from "#domain/access/quotas.ts";
import { type Lease, type QuotaChange } from "#domain/ports.ts";
import type { Acl } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";

/** What the bot has added to the target's access, or is about to: written before it is done, so that it is taken away exactly. */

const AclText = z.object({
  resourceType: z.string(),
  resourceName: z.string(),
  patternType: z.string(),
  principal: z.string(),
  host: z.string(),
  operation: z.string(),
  permission: z.string(),
});

const QuotaText = z.object({
  entity: z.array(z.object({ type: z.string(), name: z.string().nullable() })),
  limits: z.record(z.string(), z.number().nullable()),
});

const PolicyText = z.object({
  Version: z.literal("2012-10-17"),
  Statement: z.array(
    z.object({
      Effect: z.enum(["Allow", "Deny"]),
      Action: z.array(z.string()),
      Resource: z.array(z.string()),
      Condition: z.object({ IpAddress: z.record(z.string(), z.array(z.string())) }).exactOptional(),
    }),
  ),
});

export const AccessDocument = z.object({
  /** In the order in which they were added: the mirror's own first. */
  acls: z.array(AclText),
  /** Limits that were set where there was none. */
  quotas: z.array(QuotaText),
  /** Policies that were handed out, by principal of the source. */
  policies: z.record(z.string(), z.array(PolicyText)),
});
export type AccessDocument = z.infer<typeof AccessDocument>;

function accessKey(migration: string): string {
  return `access:${migration}`;
}

export async function readAdded({
  store,
  migration,
}: Pick<Work, "store" | "migration">): Promise<AccessDocument> {
  return parsed((await store.read(accessKey(migration.name)))?.value);
}

function parsed(value: unknown): AccessDocument {
  return value === undefined ? { acls: [], quotas: [], policies: {} } : AccessDocument.parse(value);
}

type Place = Pick<Work, "store" | "migration">;
type Fence = { readonly lease?: Lease };

export async function noteAcls(acls: readonly Acl[], work: Place, fence: Fence = {}): Promise<void> {
  await change(work, fence, (before) => {
    const has = new Set(before.acls.map(aclKey));
    return { ...before, acls: [...before.acls, ...acls.filter((acl) => !has.has(aclKey(acl)))] };
  });
}

export async function forgetAcls(acls: readonly Acl[], work: Place, fence: Fence = {}): Promise<void> {
  const gone = new Set(acls.map(aclKey));
  await change(work, fence, (before) => ({
    ...before,
    acls: before.acls.filter((acl) => !gone.has(aclKey(acl))),
  }));
}

export async function noteQuotas(
  quotas: readonly QuotaChange[],
  work: Place,
  fence: Fence = {},
): Promise<void> {
  await change(work, fence, (before) => {
    const held = new Map(before.quotas.map((quota) => [entityKey(quota.entity), quota]));
    for (const { entity, limits } of quotas) {
      const key = entityKey(entity);
      held.set(key, { entity: [...entity], limits: { ...held.get(key)?.limits, ...limits } });
    }
    return { ...before, quotas: [...held.values()] };
  });
}

export async function forgetQuotas(
  quotas: readonly QuotaChange[],
  work: Place,
  fence: Fence = {},
): Promise<void> {
  await change(work, fence, (before) => ({
    ...before,
    quotas: select(before.quotas, quotas, false).map(({ entity, limits }) => ({
      entity: [...entity],
      limits,
    })),
  }));
}

/** Limits of the first that are among the others, with the same value. */
export function among(quotas: readonly QuotaChange[], others: readonly QuotaChange[]) {
  return select(quotas, others, true);
}

function select(
  quotas: readonly QuotaChange[],
  others: readonly QuotaChange[],
  wanted: boolean,
): readonly QuotaChange[] {
  const held = new Map(others.map(({ entity, limits }) => [entityKey(entity), limits]));
  return quotas.flatMap(({ entity, limits }) => {
    const known = held.get(entityKey(entity)) ?? {};
    const chosen = Object.entries(limits).filter(([key, value]) => (known[key] === value) === wanted);
    return chosen.length === 0 ? [] : [{ entity, limits: Object.fromEntries(chosen) }];
  });
}

export async function notePolicies(
  policies: ReadonlyMap<string, readonly PolicyDocument[]>,
  work: Place,
): Promise<void> {
  const given = Object.fromEntries([...policies].map(([principal, documents]) => [principal, documents]));
  await change(work, {}, (before) => AccessDocument.parse({ ...before, policies: given }));
}

/** Two writers at once: the later one looks again. */
async function change(
  { store, migration }: Place,
  { lease }: Fence,
  next: (before: AccessDocument) => AccessDocument,
): Promise<void> {
  const key = accessKey(migration.name);
  for (;;) {
    const found = await store.read(key);
    const condition = { revision: found?.revision ?? 0, ...(lease === undefined ? {} : { lease }) };
    if ((await store.write(key, next(parsed(found?.value)), condition)) !== undefined) return;
  }
}
