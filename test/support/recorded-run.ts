import type { ActionName } from "#domain/action.ts";
import type { Request } from "#domain/approval/approval.ts";
import { factHashOf, planHashOf } from "#domain/approval/approval.ts";
import { requestKey } from "#jobs/approval/request-store.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { runIdOf } from "#jobs/run/run.ts";
import { attempt } from "./cutover-bench.ts";
import type { SampleMigration } from "./sample-migration.ts";

/** Carries out an action as its approved request would, and leaves that request in the store. */
export async function recordedRun(action: Approvable, sample: SampleMigration, id: string): Promise<void> {
  const work = await sample.openWork();
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
  const request = requestOf(proposal, id, work.clock.now());
  await sample.store.write(requestKey("orders", id), { ...request, state: "executing" });
  const result = await attempt(action, sample, work, runIdOf(request), proposal);
  if (result.kind !== "done") throw new Error(`${proposal.title} ended ${result.kind}`);
  await sample.store.write(requestKey("orders", id), {
    ...request,
    state: "done",
    decidedAt: work.clock.now(),
  });
}

/** A request for this proposal, as one that people have approved. */
export function requestOf(proposal: Request["proposal"], id: string, now: number): Request {
  const action: ActionName = proposal.action;
  return {
    id,
    nonce: id,
    migration: "orders",
    action,
    asked: { by: "UANA", ...(proposal.wave === undefined ? {} : { wave: proposal.wave }) },
    proposal,
    planHash: planHashOf(proposal),
    factHash: factHashOf(proposal),
    requester: "UANA",
    channel: "C1",
    approvers: { users: ["UBEN", "UCLEO"] },
    quorum: 2,
    createdAt: now,
    expiresAt: now + 3_600_000,
    grantedMs: 900_000,
    state: "open",
    round: 1,
    decidedBy: ["UBEN", "UCLEO"],
    seen: {},
    settled: false,
  };
}
