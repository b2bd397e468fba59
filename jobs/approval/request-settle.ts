import { isFinal, type Request } from "#domain/approval/approval.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Work } from "#jobs/work.ts";
import { type RequestView, requestMessage } from "./request-message.ts";
import { changeRequest, readRequest } from "./request-store.ts";

/** Brings the message to what the request says. False when somebody deleted the message. */
export async function show(request: Request, work: Work, view?: RequestView): Promise<boolean> {
  const { channel, ts } = request;
  if (ts === undefined) return true;
  const shown = view ?? { readAt: request.createdAt, approved: request.decidedBy };
  try {
    await work.chat.update({ channel, ts }, requestMessage(request, shown));
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code !== "E_MESSAGE_GONE") throw error;
    return false;
  }
  return await showOvertaker(request, work);
}

/** What was true before must not stay written over the word of whoever started or ended the request meanwhile. */
async function showOvertaker(shown: Request, work: Work): Promise<boolean> {
  if (isFinal(shown.state)) return true;
  const now = (await readRequest(work.store, shown.migration, shown.id))?.request;
  const isOvertaken = now !== undefined && now.state !== shown.state;
  return isOvertaken && (isFinal(now.state) || now.state === "executing") ? await show(now, work) : true;
}

/** Says how a request ended, and notes that this has been said. */
export async function settle(request: Request, work: Work): Promise<void> {
  if (!isFinal(request.state) || request.settled) return;
  await show(request, work);
  await changeRequest(work.store, request.migration, request.id, (current) => ({
    ...current,
    settled: true,
  }));
}
