import type { Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { mention } from "#domain/message.ts";
import { runIdOf } from "#jobs/run/run.ts";
import { askToTurnBack } from "#jobs/run/steps.ts";
import { isStuck, markRepaired } from "#jobs/run/stuck.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { mayCancel } from "./permissions.ts";
import { type AuditedChange, changeAudited } from "./request-audit.ts";
import { settle } from "./request-settle.ts";
import { aboutRequest, readRequest } from "./request-store.ts";

/**
 * Withdraws a waiting request; asks a running one to turn back, which it does before its point of no return; says of
 * one that is stuck half-way back that it was repaired by hand. For the requester and everybody who may approve.
 */
export async function cancel(job: JobOf<"cancel">, work: Work): Promise<Outcome> {
  const id = job.request.toUpperCase();
  const found = await readRequest(work.store, work.migration.name, id);
  if (found === undefined)
    throw new FerryError("E_USAGE", `there is no request ${id} in ${work.migration.name}`);
  await mayCancel(found.request, job.by, work);

  const cancelled = await changeAudited(id, work, (request) => withdrawn(request, job.by, work));
  if (cancelled !== undefined) {
    await settle(cancelled, work);
    return say(work, cancelled, `Cancelled by ${mention(job.by)}. Nothing was changed.`);
  }
  const now = (await readRequest(work.store, work.migration.name, id))?.request ?? found.request;
  if (await isStuck(now, work)) {
    await markRepaired(now, job.by, work);
    return say(work, now, `Repaired by hand, says ${mention(job.by)}. Requests may run again.`);
  }
  if (now.state !== "executing") {
    throw new FerryError("E_USAGE", `request ${id} is already ${now.state}; there is nothing to cancel`);
  }
  const what = "run.turn-back";
  const change = { before: now.state, after: "turning-back", reason: "cancelled" };
  await work.audit({ what, actor: job.by, ...aboutRequest(now), ...change, detail: { request: id } });
  await askToTurnBack(work.store, runIdOf(now), job.by);
  return say(work, now, "It turns back at its next step, unless its point of no return is behind it.");
}

function withdrawn(request: Request, by: string, { clock }: Work): AuditedChange | undefined {
  const { state: before } = request;
  if (before !== "open" && before !== "approved") return undefined;
  const state = "cancelled";
  return {
    next: { ...request, state, decidedBy: [by], decidedAt: clock.now(), reason: undefined },
    entries: [{ what: "request.cancelled", actor: by, before, after: state, reason: "cancelled" }],
  };
}

async function say(work: Work, request: Request, text: string): Promise<Outcome> {
  await work.card.finish({
    subject: `${request.migration} · cancel`,
    tone: "stopped",
    note: `request ${request.id}`,
    parts: [{ kind: "text", text: `${request.proposal.title}: ${text}` }],
  });
  return done;
}
