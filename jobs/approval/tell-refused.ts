import type { Request } from "#domain/approval/approval.ts";
import type { Tally } from "#domain/approval/votes.ts";
import type { Work } from "#jobs/work.ts";
import { refusalMessage } from "./request-message.ts";

/** Each person learns it alone and once. A whisper that could not be sent is tried at the next review. */
export async function tellRefused(
  request: Request,
  votes: Pick<Tally, "refused">,
  work: Work,
): Promise<void> {
  for (const { user, code } of votes.refused) {
    if (code === "bot") continue;
    const key = `told:${request.nonce}:${user}`;
    if ((await work.store.write(key, code, { revision: 0 })) === undefined) continue;
    try {
      await work.chat.whisper(request.channel, user, refusalMessage(request, code));
    } catch (thrown) {
      await work.store.remove(key);
      work.log.warn({ request: request.id, user, error: String(thrown) }, "refusal could not be told");
    }
  }
}
