import { z } from "zod";
import type { Proposal, Request } from "#domain/approval/approval.ts";
import type { MessageRef } from "#domain/ports.ts";
import type { Work } from "#jobs/work.ts";
import { rowsShown } from "./request-message.ts";

/** Uploads the table of a proposal into the thread of its request, once, when the message does not show all of it. */
export async function attachTable(request: Request, ref: MessageRef, work: Work): Promise<void> {
  const file = tableFile(request.proposal, request.id);
  if (file === undefined) return;
  const key = `table:${request.nonce}`;
  const stored = (await work.store.read(key))?.value;
  if (stored === true) return;
  await work.chat.upload({ channel: ref.channel, thread: ref.ts }, file, {
    earlier: z.string().safeParse(stored).data,
    take: async (id) => void (await work.store.write(key, id)),
  });
  await work.store.write(key, true);
}

/** The whole table as a file; `undefined` when the message shows it. */
export function tableFile(
  { table, title }: Proposal,
  id: string,
): { readonly name: string; readonly title: string; readonly content: Buffer } | undefined {
  if (table === undefined || table.rows.length <= rowsShown) return undefined;
  const lines = [table.columns.map((column) => column.title), ...table.rows];
  const content = Buffer.from(`${lines.map((line) => line.map(quoted).join(",")).join("\n")}\n`);
  return { name: `${id}.csv`, title: `${title}: ${table.rows.length} rows`, content };
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
