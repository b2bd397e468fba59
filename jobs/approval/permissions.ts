import type { Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { mention } from "#domain/message.ts";
import type { Work } from "#jobs/work.ts";
import { eligiblePeople } from "./observe.ts";

/** Who may do to a request what is done by command. */

/** Fails with `E_APPROVAL` for anybody but the requester and those who may approve it. */
export async function mayCancel(request: Request, user: string, work: Work): Promise<void> {
  if (user === request.requester) return;
  const person = await work.chat.person(user);
  const { action, proposal } = request;
  if (person.kind === "member" && (await eligiblePeople(action, proposal.wave, work)).has(user)) return;
  const message = `request ${request.id} can be cancelled by @{${request.requester}} and by those who may approve it`;
  throw new FerryError("E_APPROVAL", message);
}

/** Fails with `E_APPROVAL` unless this person is named for it and a member of this workspace. */
export async function mayBreakGlass(user: string, work: Work): Promise<void> {
  const named = work.migration.settings.approvals.breakGlass?.users;
  if (named === undefined) {
    throw new FerryError("E_APPROVAL", "there is no break-glass here: approvals.breakGlass is not set");
  }
  if (!named.includes(user)) {
    const who = named.map((each) => mention(each)).join(", ");
    throw new FerryError("E_APPROVAL", `break-glass is for ${who}`);
  }
  const { kind } = await work.chat.person(user);
  if (kind !== "member") throw new FerryError("E_APPROVAL", `break-glass is for members; you are: ${kind}`);
}
