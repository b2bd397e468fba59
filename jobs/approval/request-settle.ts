import { isFinal, type Request } from "#domain/approval.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Work } from "#jobs/work.ts";
import { type RequestView, requestMessage } from "./request-message.ts";
import { changeRequest } from "./request-store.ts";

/** Brings the message to what the request says. False when somebody deleted the message. */
export async function show(request: Request, work: Work, view?: RequestView): Promise<boolean> {
  const { channel, ts } = request;
  if (ts === undefined) return true;
  const shown = view ?? { readAt: request.createdAt, approved: request.decidedBy };
  try {
    await work.chat.update({ channel, ts }, requestMessage(request, shown));
    return true;
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code !== "E_MESSAGE_GONE") throw error;
    return false;
  }
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
