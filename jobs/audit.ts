import { type ChainCheck, verifyChain } from "#domain/audit.ts";
import type { JobOf } from "#domain/job.ts";
import { type Message, mention, type Part } from "#domain/message.ts";
import type { ChainedEntry } from "#domain/ports.ts";
import { done, type Outcome, type Work } from "./work.ts";

const shown = 30;

/** Who did what when: the newest entries in the thread, or the whole chain as a JSON file. */
export async function audit(job: JobOf<"audit">, work: Work): Promise<Outcome> {
  const { name } = work.migration;
  const trail = await work.store.auditTrail(name);
  const check = verifyChain(trail);
  const message: Message = {
    subject: `${name} · audit`,
    tone: check.intact ? "done" : "alarm",
    note: `${trail.length} entries`,
    parts: [{ kind: "text", text: verdict(check) }],
  };
  await work.card.update(message);
  if (job.export) {
    const at = new Date(work.clock.now()).toISOString();
    const bundle = { migration: name, exportedAt: at, verification: check, entries: trail };
    const file = `audit-${name}-${at.slice(0, 19).replaceAll(":", "")}.json`;
    const content = Buffer.from(`${JSON.stringify(bundle, undefined, 2)}\n`);
    await work.card.file({ name: file, title: `Audit of ${name}`, content });
  } else if (trail.length > 0) {
    await work.card.thread("story", { ...message, parts: [story(trail.slice(-shown))] });
  }
  await work.card.finish(message);
  return done;
}

function verdict(check: ChainCheck): string {
  if (!check.intact) return `*The chain is broken* at entry ${check.sequence}: ${check.why}.`;
  if (check.entries === 0) return "Nothing was recorded yet.";
  return `The chain of ${check.entries} entries is whole; it ends in \`${check.head.slice(0, 12)}\`.`;
}

function story(entries: readonly ChainedEntry[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "#", align: "right" },
      { title: "when (UTC)", align: "left" },
      { title: "who", align: "left" },
      { title: "what", align: "left" },
      { title: "why", align: "left" },
    ],
    rows: entries.map(({ sequence, at, actor, what, reason = "" }) => [
      String(sequence),
      at.slice(0, 19).replace("T", " "),
      /^[UW][A-Z0-9]+$/.test(actor) ? mention(actor) : actor,
      what,
      reason,
    ]),
  };
}
