import type { Request } from "#domain/approval/approval.ts";
import { type Message, mention, mentionGroup } from "#domain/message.ts";
import { about } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { postOnce } from "./once.ts";

/** When a request is to be reminded of, ms since the epoch; undefined: never. */
export function remindAt(request: Request, remindMs: number): number | undefined {
  const { createdAt, expiresAt } = request;
  return remindMs <= 0 || remindMs >= expiresAt - createdAt ? undefined : expiresAt - remindMs;
}

/** Mentions those who have not reacted, once, in the request's thread, shortly before it expires. */
export async function remind(request: Request, work: Work): Promise<void> {
  const { state, ts, channel, nonce, lacking } = request;
  const due = remindAt(request, work.migration.settings.approvals.remind);
  if (state !== "open" || ts === undefined || due === undefined || work.clock.now() < due) return;
  if (lacking === undefined || lacking.people === 0) return;
  await postOnce(work, { channel, thread: ts }, `reminder:${nonce}`, reminder(request, work));
}

function reminder(request: Request, work: Work): Message {
  const { usergroup, users } = request.approvers;
  const silent = new Set(request.lacking?.silent);
  const listed = usergroup === undefined ? [...silent] : users.filter((user) => silent.has(user));
  const names = [...(usergroup === undefined ? [] : [mentionGroup(usergroup)]), ...listed.map(mention)];
  const people = request.lacking?.people ?? request.quorum;
  const left = about(Math.max(0, request.expiresAt - work.clock.now()));
  const roles = request.lacking?.roles ?? [];
  const among = roles.length === 0 ? "" : ` (${roles.join(", ")})`;
  const text = `${names.join(" ")} ${people} more ✅ needed${among}, on the message above. It expires in ${left}.`;
  return {
    subject: `${request.migration} · ${request.proposal.title}`,
    tone: "waiting",
    note: `request ${request.id}`,
    parts: [{ kind: "text", text: text.trim() }],
  };
}
