import { randomInt, randomUUID } from "node:crypto";
import { z } from "zod";
import {
  type ActionName,
  factHashOf,
  isFinal,
  type Proposal,
  planHashOf,
  quorumOf,
  type Request,
  requestAlphabet,
} from "#domain/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Approvable, Asked } from "#jobs/run/approvable.ts";
import { refuseWhileStuck } from "#jobs/run/stuck.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { proposalMessage, requestMessage } from "./request-message.ts";
import { settle } from "./request-settle.ts";
import {
  aboutRequest,
  changeRequest,
  listRequests,
  readRequest,
  requestKey,
  writeRequest,
} from "./request-store.ts";
import { attachTable, tableFile } from "./request-table.ts";

/**
 * Asks people to approve an action: proposes it from the world as it is now, stores the request, posts its message.
 * A repeated call of the same job finds the request that it already made. An open request for the same action and
 * wave is void from then on. `dryRun` shows the proposal and asks nobody.
 */
export async function ask(
  approvable: Approvable,
  action: ActionName,
  asked: Asked,
  work: Work,
  options: { readonly dryRun?: boolean } = {},
): Promise<Outcome> {
  const earlier = await ownRequest(work);
  if (earlier !== undefined) return publish(earlier, work);
  const proposal = await approvable.propose(asked, work);
  if (options.dryRun === true) {
    await work.card.finish(
      proposalMessage(work.migration.name, proposal, planHashOf(proposal), work.clock.now()),
    );
    const file = tableFile(proposal, "dry-run");
    if (file !== undefined) await work.card.file(file);
    return done;
  }
  await refuseWhileStuck(work);
  const request = await create(action, asked, proposal, work);
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

async function create(action: ActionName, asked: Asked, proposal: Proposal, work: Work): Promise<Request> {
  const { approvals, approvers, channel } = work.migration.settings;
  const now = work.clock.now();
  const { users, usergroup } = approvers;
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
    quorum: quorumOf(proposal, approvals.quorum),
    createdAt: now,
    expiresAt: now + approvals.expires,
    grantedMs: approvals.granted,
    state: "open",
    round: 0,
    decidedBy: [],
    seen: {},
    settled: false,
  };
  // The job's note first: after a crash in between it points to a request that is not there, and a new one is made.
  await work.store.write(askedKey(work), request.id);
  if ((await writeRequest(work.store, request, { revision: 0 })) === undefined) {
    throw new FerryError("E_STORE", `two requests took the id ${request.id} at once`);
  }
  await work.audit({
    what: "request.opened",
    actor: asked.by,
    ...aboutRequest(request),
    after: request.state,
    detail: { request: request.id, action, planHash: request.planHash, facts: proposal.facts },
  });
  return request;
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
    const changed = await changeRequest(store, migration.name, id, (rival) =>
      rival.state === "open" || rival.state === "approved"
        ? { ...rival, state: "void", reason, decidedAt: clock.now(), decidedBy: [] }
        : undefined,
    );
    if (changed === undefined) continue;
    const detail = { request: id };
    await work.audit({
      what: "request.void",
      ...aboutRequest(changed),
      after: changed.state,
      reason,
      detail,
    });
    await settle(changed, work);
  }
}

async function publish(request: Request, work: Work): Promise<Outcome> {
  if (isFinal(request.state)) return done;
  await supersede(request, work);
  const { chat, store, queue, migration } = work;
  const view = { readAt: request.createdAt, approved: [] };
  const key = `request:${request.nonce}`;
  const ref =
    (await chat.find(request.channel, key)) ??
    (await chat.post(request.channel, requestMessage(request, view), { key }));
  await changeRequest(store, migration.name, request.id, (current) =>
    current.ts === ref.ts ? undefined : { ...current, ts: ref.ts },
  );
  await chat.seed(ref, ["white_check_mark", "x"]);
  await queue.add(
    { name: "review", migration: migration.name, by: "schedule", request: request.id },
    {
      id: `review-${migration.name}-${request.id}-expiry`,
      delayMs: Math.max(0, request.expiresAt - work.clock.now()) + 500,
    },
  );
  await attachTable(request, ref, work);
  return done;
}
