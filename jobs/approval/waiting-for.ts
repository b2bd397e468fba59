import type { Request } from "#domain/approval/approval.ts";
import { asFerryError } from "#domain/errors.ts";
import { timeOfDay, took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { liveRequests } from "./request-store.ts";

/** So many names, then a number. */
const namesShown = 4;

/**
 * What waits for people, a line each: "cut over CONSUMERS of wave billing for one more ✅ of cat, dan (request 7K3Q, 40
 * min left)". Names are written, not mentioned: this is read every hour and must not call anybody.
 */
export async function waitingFor(work: Work): Promise<readonly string[]> {
  const live = await liveRequests(work.store, work.migration.name);
  const waiting = live.filter(({ state }) => state === "open" || state === "approved");
  return await Promise.all(waiting.map((request) => line(request, work)));
}

async function line(request: Request, work: Work): Promise<string> {
  const { id, proposal, lacking } = request;
  const left = Math.max(0, request.expiresAt - work.clock.now());
  const blocked = lacking?.blocked === undefined ? "" : `; not yet: ${lacking.blocked}`;
  if (request.state === "approved") {
    return `${proposal.title}, approved, starts ${startOf(request)} (request ${id}${blocked})`;
  }
  return `${proposal.title} for ${await wanted(request, work)} (request ${id}, ${took(left)} left${blocked})`;
}

function startOf({ startAt, timezone = "UTC" }: Request): string {
  return startAt === undefined ? "now" : `at ${timeOfDay(startAt, timezone)} ${timezone}`;
}

async function wanted({ quorum, lacking }: Request, work: Work): Promise<string> {
  const people = lacking?.people ?? quorum;
  if (people === 0) return "its gate";
  const roles = new Set(lacking?.roles);
  const among = roles.size === 0 ? "" : ` (${[...roles].join(", ")})`;
  const who = await names(lacking?.silent ?? [], work);
  return `${people === 1 ? "one" : people} more ✅${among}${who === "" ? "" : ` of ${who}`}`;
}

async function names(users: readonly string[], work: Work): Promise<string> {
  const shown = await Promise.all(users.slice(0, namesShown).map((user) => nameOf(user, work)));
  const more = users.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

/** A name is a courtesy: its lack hides nothing. */
async function nameOf(user: string, work: Work): Promise<string> {
  try {
    return (await work.chat.person(user)).name;
  } catch (thrown) {
    work.log.debug({ user, error: asFerryError(thrown).message }, "name could not be read");
    return user;
  }
}
