import { aclText } from "#domain/access/acl-matching.ts";
import { principalText } from "#domain/access/decision.ts";
import type { AccessDiff, AccessDifference } from "#domain/access/diff.ts";
import type { AccessPlan } from "#domain/access/plan.ts";
import { entityText, limitsText } from "#domain/access/quotas.ts";
import { type ScramItem, secretName } from "#domain/access/scram.ts";
import type { Check, Column, Part } from "#domain/message.ts";
import { count } from "#domain/wording.ts";
import type { Card } from "#jobs/work.ts";

/** What the bot says of access. Lists that are longer than a message shows go whole into a file in its thread. */

export type Listing = {
  /** Of the file: "access-diff". */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly string[]>;
  /** What the message shows of them in fewer rows; the rows themselves when absent. */
  readonly short?: ReadonlyArray<readonly string[]>;
};

const rowsShown = 12;

/** The table's first rows as a part; all of them as a CSV file in the card's thread when there are more. */
export async function listed(listing: Listing, card: Pick<Card, "file">): Promise<readonly Part[]> {
  const { name, title, columns, rows, short = rows } = listing;
  if (rows.length === 0) return [];
  const heads = columns.map((each): Column => ({ title: each, align: "left" }));
  const table: Part = { kind: "table", columns: heads, rows: short.slice(0, rowsShown) };
  const said: Part = { kind: "text", text: `*${title}*` };
  if (rows.length <= rowsShown && short.length === rows.length) return [said, table];
  const lines = [columns, ...rows].map((line) => line.map(quoted).join(","));
  await card.file({ name: `${name}.csv`, title, content: Buffer.from(`${lines.join("\n")}\n`) });
  return [
    said,
    table,
    { kind: "note", text: `Shortened: all ${count(rows.length, "row")} are in ${name}.csv, in the thread` },
  ];
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What a copy would add: kind, to whom, what. */
export function addedRows({
  acls,
  quotas,
}: Pick<AccessPlan, "acls" | "quotas">): ReadonlyArray<readonly string[]> {
  const rows: string[][] = [];
  if (acls.known) {
    rows.push(...acls.value.keep.map((acl) => ["mirror's ACL", acl.principal, aclText(acl)]));
    rows.push(...acls.value.add.map((acl) => ["ACL", acl.principal, aclText(acl)]));
  }
  if (quotas.known) {
    rows.push(
      ...quotas.value.set.map(({ entity, limits }) => ["quota", entityText(entity), limitsText(limits)]),
    );
  }
  return rows;
}

/** ACLs and quotas that are not carried over, and why. */
export function leftRows({ acls, quotas, policies }: AccessPlan): ReadonlyArray<readonly string[]> {
  const rows: string[][] = [];
  if (acls.known) rows.push(...acls.value.left.map(({ acl, why }) => [aclText(acl), why]));
  if (quotas.known) {
    rows.push(
      ...quotas.value.left.map(({ quota, why }) => [
        `${entityText(quota.entity)}: ${limitsText(quota.limits)}`,
        why,
      ]),
    );
  }
  for (const { principal, gaps } of policies) {
    rows.push(
      ...gaps.filter(({ acl }) => acl.principal === principal).map(({ acl, why }) => [aclText(acl), why]),
    );
  }
  return rows;
}

export function userChecks(users: readonly ScramItem[]): readonly Check[] {
  return users.map(({ user, owner, done, why }): Check => {
    if (done.known && done.value) return { state: "pass", text: `${user}: ${why}` };
    const who = owner ?? "nobody is named in access.owners or clients";
    const text = `${user} (${who}): ${why}. Secret ${secretName(user)}, encrypted with a key of your own, not the default one; then BatchAssociateScramSecret.`;
    return { state: done.known ? "warn" : "unknown", text };
  });
}

export function openChecks({ open }: AccessPlan): readonly Check[] {
  return open.map(({ what, why }): Check => ({ state: "warn", text: `${what}: ${why}` }));
}

/** What was not read or is not possible, a sentence each. */
export function unknownLines({ acls, quotas }: AccessPlan): readonly string[] {
  return [
    ...(acls.known ? [] : [acls.why]),
    ...(quotas.known ? [] : [`Client quotas were not copied: ${quotas.why}.`]),
  ];
}

export function diffRows({ differences }: AccessDiff): ReadonlyArray<readonly string[]> {
  return differences.map(
    ({ principal, resource, host, operations, source, target, why }: AccessDifference) => [
      `${principalText(principal)}${host === undefined ? "" : ` from ${host}`}`,
      resource,
      operations.join(", "),
      source,
      target,
      why,
    ],
  );
}
