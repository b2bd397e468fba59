import { randomInt, randomUUID } from "node:crypto";
import { z } from "zod";
import { type ActionName } from "#domain/action.ts";
import {
  factHashOf,
  isFinal,
  type Proposal,
  planHashOf,
  quorumOf,
  type Request,
  requestAlphabet,
} from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { startTime } from "#domain/start-time.ts";
import { zoneOf } from "#domain/wording.ts";
import type { Approvable, Asked } from "#jobs/run/approvable.ts";
import { refuseWhileStuck } from "#jobs/run/stuck.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { remindAt } from "./remind.ts";
import { changeAudited, writeAudited } from "./request-audit.ts";
import { proposalMessage, requestMessage } from "./request-message.ts";
import { settle } from "./request-settle.ts";
import { changeRequest, listRequests, readRequest, requestKey } from "./request-store.ts";
import { attachTable, tableFile } from "./request-table.ts";
import { placesOf, proposeWithRules, rolesFor } from "./rules.ts";

/**
 * Asks people to approve an action: proposes it from the world as it is now, stores the request, posts its message.
 * A repeated call of the same job finds the request that it already made. An open request for the same action and
 * wave is void from then on. `dryRun` shows the proposal and asks nobody. `at`: not to be carried out before. `expires`: ms that it
 * waits, at most `approvals.expires`.
 */
export async function ask(
  approvable: Approvable,
  action: ActionName,
  asked: Asked,
  work: Work,
  options: {
    readonly dryRun?: boolean | undefined;
    readonly at?: string | undefined;
    readonly expires?: number | undefined;
  } = {},
): Promise<Outcome> {
  const earlier = await ownRequest(work);
  if (earlier !== undefined) return publish(earlier, work);
  const startAt = options.at === undefined ? undefined : startOf(options.at, work);
  const proposal = await proposeWithRules(approvable, asked, work);
  if (options.dryRun === true) {
    await work.card.finish(
      proposalMessage(work.migration.name, proposal, planHashOf(proposal), work.clock.now()),
    );
    const file = tableFile(proposal, "dry-run");
    if (file !== undefined) await work.card.file(file);
    return done;
  }
  await refuseWhileStuck(work);
  const request = await create({ action, asked, proposal, startAt, expires: options.expires }, work);
  return publish(request, work);
}

/** The request that an earlier attempt of this very job made. */
async function ownRequest(work: Work): Promise<Request | undefined> {
  const found = await work.store.read(askedKey(work));
  if (found === undefined) return undefined;
  return (await readRequest(work.store, work.migration.name, z.string().parse(found.value)))?.request;
}

function askedKey({ jobId }: Work): string {
  return `asked:${jobId}`;
}

/** `E_USAGE` for what is no time, or not one to come. */
function startOf(at: string, work: Work): number {
  const zone = timezoneOf(work);
  const start = startTime(at, work.clock.now(), zone);
  if (start === undefined) {
    throw new FerryError("E_USAGE", `"${at}" is no time in ${zone} such as 22:30 or 2026-11-24T22:30`);
  }
  if (start > work.clock.now()) return start;
  throw new FerryError("E_USAGE", `${new Date(start).toISOString()} is in the past`);
}

function timezoneOf({ migration }: Work): string {
  return migration.settings.approvals.timezone ?? zoneOf(migration.settings);
}

type Question = {
  readonly action: ActionName;
  readonly asked: Asked;
  readonly proposal: Proposal;
  readonly startAt: number | undefined;
  readonly expires: number | undefined;
};

async function create({ action, asked, proposal, startAt, expires }: Question, work: Work): Promise<Request> {
  const { settings } = work.migration;
  const { approvals, approvers, channel } = settings;
  const now = work.clock.now();
  const { users, usergroup } = approvers;
  const places = placesOf(rolesFor(action, proposal.wave, settings));
  const expiresAt = now + Math.min(approvals.expires, expires ?? approvals.expires);
  const request: Request = {
    id: await freeId(work),
    nonce: randomUUID(),
    migration: work.migration.name,
    action,
    asked: { ...asked },
    proposal,
    planHash: planHashOf(proposal),
    factHash: factHashOf(proposal),
    requester: asked.by,
    channel,
    approvers: { users, usergroup },
    quorum: quorumOf(proposal, approvals.quorum, places),
    createdAt: now,
    expiresAt: startAt === undefined ? expiresAt : Math.min(expiresAt, startAt + approvals.granted),
    ...(startAt === undefined ? {} : { startAt }),
    timezone: timezoneOf(work),
    grantedMs: approvals.granted,
    state: "open",
    round: 0,
    decidedBy: [],
    seen: {},
    settled: false,
  };
  // The job's note first: after a crash in between it points to a request that is not there, and a new one is made.
  await work.store.write(askedKey(work), request.id);
  const { planHash, factHash } = request;
  const detail = { action, planHash, factHash, startAt, facts: proposal.facts };
  const change = { before: "none", after: request.state, reason: "asked" };
  const opened = { what: "request.opened", actor: asked.by, ...change, detail };
  const written = await writeAudited({ request, revision: 0 }, { next: request, entries: [opened] }, work);
  if (written === undefined) {
    throw new FerryError("E_STORE", `two requests took the id ${request.id} at once`);
  }
  return written.request;
}

async function freeId(work: Work): Promise<string> {
  for (;;) {
    const letters = Array.from({ length: 4 }, () => requestAlphabet[randomInt(requestAlphabet.length)]);
    const id = letters.join("");
    if ((await work.store.read(requestKey(work.migration.name, id))) === undefined) return id;
  }
}

/** Asking again restarts the question: what was given to the earlier one does not count for this one. */
async function supersede(request: Request, work: Work): Promise<void> {
  const { store, migration, clock } = work;
  const rivals = (await listRequests(store, migration.name)).filter(
    (other) =>
      other.id !== request.id &&
      !isFinal(other.state) &&
      other.action === request.action &&
      other.asked.wave === request.asked.wave,
  );
  for (const { id } of rivals) {
    const reason = `asked again as request ${request.id}`;
    const changed = await changeAudited(id, work, (rival) => {
      if (rival.state !== "open" && rival.state !== "approved") return undefined;
      const next: Request = { ...rival, state: "void", reason, decidedAt: clock.now(), decidedBy: [] };
      const change = { before: rival.state, after: next.state, reason: "asked-again" };
      const detail = { message: reason };
      return { next, entries: [{ what: "request.void", actor: work.by, ...change, detail }] };
    });
    if (changed !== undefined) await settle(changed, work);
  }
}

async function publish(request: Request, work: Work): Promise<Outcome> {
  if (isFinal(request.state)) return done;
  await supersede(request, work);
  const { chat, store, migration } = work;
  const view = { readAt: request.createdAt, approved: [] };
  const key = `request:${request.nonce}`;
  const ref =
    (await chat.find(request.channel, key)) ??
    (await chat.post(request.channel, requestMessage(request, view), { key }));
  await changeRequest(store, migration.name, request.id, (current) =>
    current.ts === ref.ts ? undefined : { ...current, ts: ref.ts },
  );
  await chat.seed(ref, ["white_check_mark", "x"]);
  await reviewLater(request, "expiry", request.expiresAt, work);
  const reminder = remindAt(request, migration.settings.approvals.remind);
  if (reminder !== undefined) await reviewLater(request, "reminder", reminder, work);
  await attachTable(request, ref, work);
  return done;
}

/** Half a second late rather than a moment early. */
async function reviewLater({ id }: Request, why: string, at: number, work: Work): Promise<void> {
  const migration = work.migration.name;
  const delayMs = Math.max(0, at - work.clock.now()) + 500;
  const job = { name: "review", migration, by: "schedule", request: id } as const;
  await work.queue.add(job, { id: `review-${migration}-${id}-${why}`, delayMs });
}
