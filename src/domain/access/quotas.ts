import type { ClientQuota } from "#domain/inventory.ts";
import type { QuotaChange } from "#domain/ports.ts";
import { mapPrincipal, type PrincipalRules, userNameOf } from "./principals.ts";

/** Client quotas of the source on the target. Limits hold per broker (KIP-13). Pure. */

export type QuotaLeft = { readonly quota: ClientQuota; readonly why: string };

export type QuotaCopy = {
  readonly set: readonly QuotaChange[];
  readonly present: readonly ClientQuota[];
  readonly left: readonly QuotaLeft[];
};

export type QuotaQuestion = {
  readonly source: readonly ClientQuota[];
  readonly target: readonly ClientQuota[];
  readonly rules: PrincipalRules;
  readonly kind: "standard" | "express" | "serverless";
  /** Its quota is the throttle's. */
  readonly mirrorClientId: string;
  /** Who the mirror is on the source: what limits it there is not the target's affair. */
  readonly mirrorOnSource?: string;
};

/** A limit that the target has already is left as it is, whoever set it. */
export function planQuotaCopy(question: QuotaQuestion): QuotaCopy {
  const { source, target } = question;
  const has = new Map(target.map((quota) => [entityKey(quota.entity), quota.limits]));
  const set: QuotaChange[] = [];
  const present: ClientQuota[] = [];
  const left: QuotaLeft[] = [];
  for (const quota of source) {
    const carried = carry(quota, question);
    if ("why" in carried) {
      left.push({ quota, why: carried.why });
      continue;
    }
    const there = has.get(entityKey(carried.entity)) ?? {};
    const differing = Object.entries(carried.limits).filter(
      ([key, value]) => (there[key] ?? value) !== value,
    );
    if (differing.length > 0) {
      const own = differing.map(([key]) => `${key} ${there[key]}`).join(", ");
      left.push({ quota, why: `the target has limits of its own for it: ${own}` });
    }
    const missing = Object.entries(carried.limits).filter(([key]) => there[key] === undefined);
    if (missing.length > 0) set.push({ entity: carried.entity, limits: Object.fromEntries(missing) });
    else if (differing.length === 0) present.push(carried);
  }
  return { set, present, left };
}

function carry(quota: ClientQuota, question: QuotaQuestion): ClientQuota | { readonly why: string } {
  const { rules, kind, mirrorClientId, mirrorOnSource } = question;
  if (kind === "serverless") return { why: "MSK Serverless has limits of its own and takes no quotas" };
  if (quota.entity.some(({ type, name }) => type === "client-id" && name === mirrorClientId)) {
    return { why: "the bot's own throttle" };
  }
  if (quota.entity.some(({ type, name }) => type === "user" && `User:${name}` === mirrorOnSource)) {
    return { why: "of the mirror's own user on the source" };
  }
  const entity: Array<ClientQuota["entity"][number]> = [];
  for (const part of quota.entity) {
    if (part.type !== "user" || part.name === null) {
      entity.push(part);
      continue;
    }
    if (rules.auth === "iam") {
      return { why: "which user name MSK gives an IAM role is not documented; limit its client-id instead" };
    }
    const mapped = mapPrincipal(`User:${part.name}`, rules);
    const name = mapped.known ? userNameOf(mapped.to) : undefined;
    if (name === undefined) return { why: mapped.known ? `${mapped.to} is no user` : mapped.why };
    entity.push({ type: "user", name });
  }
  return { entity, limits: quota.limits };
}

export function entityKey(entity: ClientQuota["entity"]): string {
  return JSON.stringify(entity.map(({ type, name }) => JSON.stringify([type, name])).toSorted(byText));
}

/** "user billing, client-id app"; "default client-id". */
export function entityText(entity: ClientQuota["entity"]): string {
  return entity.map(({ type, name }) => (name === null ? `default ${type}` : `${type} ${name}`)).join(", ");
}

/** "producer_byte_rate 1048576, request_percentage 50"; "none" for a limit that is removed. */
export function limitsText(limits: QuotaChange["limits"]): string {
  return Object.entries(limits)
    .map(([key, value]) => `${key} ${value ?? "none"}`)
    .join(", ");
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
