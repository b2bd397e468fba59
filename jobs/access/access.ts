import { diffAccess, planAccess } from "#domain/access/plan.ts";
import type { JobOf } from "#domain/job.ts";
import type { Check, Part } from "#domain/message.ts";
import { count } from "#domain/wording.ts";
import { ask } from "#jobs/approval/request.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { readAdded } from "./access-document.ts";
import {
  addedRows,
  diffRows,
  leftRows,
  listed,
  openChecks,
  unknownLines,
  userChecks,
} from "./access-parts.ts";
import { access as change } from "./copy.ts";
import { handOut } from "./hand-out.ts";
import { readAccess } from "./read-access.ts";

/** Who may what on the target: what is missing, what differs from the source, and the question whether to change it. */
export async function access(job: JobOf<"access">, work: Work): Promise<Outcome> {
  if (job.action === "diff") return await diff(work);
  if (job.action === "show") return await show(work);
  return await ask(change, "access", { choice: job.action, by: job.by }, work, { dryRun: job.dryRun });
}

async function show(work: Work): Promise<Outcome> {
  const plan = planAccess(await readAccess(work));
  const added = addedRows(plan);
  const policies = await handOut(plan.policies, work, { onlyChanged: false });
  const { acls } = plan;
  const there =
    acls.known && acls.value.present.length > 0
      ? `; ${count(acls.value.present.length, "ACL")} are there already`
      : "";
  const text =
    added.length === 0
      ? `Nothing would be added${there}.`
      : `${count(added.length, "addition")} would be added${there}.`;
  const parts: readonly Part[] = [
    { kind: "text", text },
    ...unknownLines(plan).map((line): Part => ({ kind: "text", text: line })),
    ...policies,
    ...(await listed(
      { name: "access-missing", title: "Missing on MSK", columns: ["kind", "for", "what"], rows: added },
      work.card,
    )),
    ...(await listed(
      { name: "access-left-out", title: "Left out", columns: ["what", "why"], rows: leftRows(plan) },
      work.card,
    )),
    ...(await checked("Open", "access-open", openChecks(plan), work)),
    ...(await checked(
      "SCRAM users, made anew: nobody can read a hash",
      "access-users",
      userChecks(plan.users),
      work,
    )),
  ];
  const next = added.length === 0 ? ["access diff"] : ["access copy", "access diff"];
  await work.card.finish({ subject: `${work.migration.name} · access`, tone: "info", parts, next });
  return done;
}

const checksShown = 10;

/** Long lists of checks go into a file, too. */
async function checked(
  title: string,
  name: string,
  items: readonly Check[],
  work: Work,
): Promise<readonly Part[]> {
  if (items.length === 0) return [];
  const shown: Part = { kind: "checks", title, items: items.slice(0, checksShown) };
  if (items.length <= checksShown) return [shown];
  const lines = items.map(({ state, text }) => `${state}: ${text}\n`).join("");
  await work.card.file({ name: `${name}.txt`, title, content: Buffer.from(lines) });
  return [
    shown,
    { kind: "note", text: `${checksShown} of ${items.length}; all in ${name}.txt, in the thread` },
  ];
}

async function diff(work: Work): Promise<Outcome> {
  const reading = await readAccess(work);
  const { policies } = await readAdded(work);
  const found = diffAccess(reading, new Map(Object.entries(policies)));
  const subject = `${work.migration.name} · access diff`;
  if (!found.known) {
    const text = `Not compared: ${found.why}.`;
    await work.card.finish({ subject, tone: "info", parts: [{ kind: "text", text }], next: ["access"] });
    return done;
  }
  const rows = diffRows(found.value);
  const columns = ["principal", "resource", "operations", "source", "MSK", "why"];
  const title = rows.length === 0 ? "" : count(rows.length, "difference");
  const parts: readonly Part[] = [
    {
      kind: "text",
      text:
        rows.length === 0
          ? "Empty: what each may do is the same on both."
          : "Whoever is not listed may on MSK what they may on the source.",
    },
    ...(await listed({ name: "access-diff", title, columns, rows }, work.card)),
    ...found.value.notes.map((text): Part => ({ kind: "note", text })),
  ];
  const tone = rows.length === 0 ? "done" : "info";
  await work.card.finish({ subject, tone, parts, next: rows.length === 0 ? ["status"] : ["access"] });
  return done;
}
