import type { PolicyDocument, PrincipalPolicy } from "#domain/access/policy.ts";
import { canonical } from "#domain/canonical.ts";
import type { Part } from "#domain/message.ts";
import { count, figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { notePolicies, readAdded } from "./access-document.ts";

/** Policies in place of ACLs: files in the thread, and noted, so that the diff is made with what was given. */

const filesAtMost = 10;

/** Uploads them and says so. `onlyChanged`: nothing where the same were given before. */
export async function handOut(
  policies: readonly PrincipalPolicy[],
  work: Pick<Work, "card" | "store" | "migration" | "audit">,
  options: { readonly onlyChanged: boolean },
): Promise<readonly Part[]> {
  if (policies.length === 0) return [];
  const next = new Map(policies.map(({ principal, documents }) => [principal, documents]));
  const { policies: before } = await readAdded(work);
  const isSame = canonical(before) === canonical(Object.fromEntries(next));
  if (isSame && options.onlyChanged) return [];
  for (const file of filesOf(next)) await work.card.file(file);
  if (!isSame) {
    await notePolicies(next, work);
    for (const [subject, documents] of next) {
      const earlier = before[subject] ?? null;
      if (canonical(earlier) === canonical(documents)) continue;
      await work.audit({
        what: "access.policy-given",
        subject,
        before: earlier,
        after: documents,
        reason: "asked",
      });
    }
  }
  const text = `${figure(policies.length)} IAM policies in the thread, one for each principal of the source${next.has("User:*") ? "; that of User:* is for whoever has no other" : ""}. The bot attaches none: give each application's role its own, all parts of it.`;
  return [{ kind: "text", text }];
}

type File = { readonly name: string; readonly title: string; readonly content: Buffer };

function filesOf(policies: ReadonlyMap<string, readonly PolicyDocument[]>): readonly File[] {
  const parts = [...policies].flatMap(([principal, documents]) =>
    documents.map((document, index) => ({ principal, document, index, of: documents.length })),
  );
  if (parts.length > filesAtMost) {
    const title = `IAM policies of ${count(policies.size, "principal")}`;
    return [{ name: "access-policies.json", title, content: text(Object.fromEntries(policies)) }];
  }
  return parts.map(({ principal, document, index, of }) => {
    const part = of === 1 ? "" : `-${index + 1}-of-${of}`;
    const name = `access-policy-${principal.replaceAll(/[^A-Za-z0-9]+/g, "-")}${part}.json`;
    return { name, title: `IAM policy for ${principal}`, content: text(document) };
  });
}

function text(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
