import type { Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { aboutRequest, listRequests } from "#jobs/approval/request-store.ts";
import type { Work } from "#jobs/work.ts";
import { readJournal } from "./journal.ts";
import { runIdOf } from "./run.ts";

/** A way back that failed half-way leaves a world that no plan describes: nothing more runs until a person says so. */

/** Fails with `E_PHASE` while an earlier run of this migration is stuck and nobody has said that it is repaired. */
export async function refuseWhileStuck(work: Pick<Work, "store" | "migration">): Promise<void> {
  for (const request of await listRequests(work.store, work.migration.name)) {
    if (!(await isStuck(request, work))) continue;
    throw new FerryError(
      "E_PHASE",
      `Request ${request.id} (${request.proposal.title}) stopped half-way back. Repair it by hand, then say so with \`/ferry cancel ${request.id}\`.`,
    );
  }
}

export async function isStuck(request: Request, { store }: Pick<Work, "store">): Promise<boolean> {
  if (request.state !== "failed") return false;
  const run = runIdOf(request);
  if ((await store.read(repairedKey(run))) !== undefined) return false;
  return (await readJournal(store, run))?.state === "stuck";
}

/** A person has repaired by hand what the run left behind. */
export async function markRepaired(request: Request, by: string, work: Work): Promise<void> {
  await work.store.write(repairedKey(runIdOf(request)), by);
  await work.audit({
    what: "run.repaired",
    actor: by,
    ...aboutRequest(request),
    before: "stuck",
    after: "repaired",
    reason: "by-hand",
    detail: { request: request.id },
  });
}

function repairedKey(run: string): string {
  return `repaired:${run}`;
}
