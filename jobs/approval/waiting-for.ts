import { took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { liveRequests } from "./request-store.ts";

/** What waits for people, a line each: "cut over CONSUMERS of wave billing (request 7K3Q, 40 min left)". */
export async function waitingFor(work: Work): Promise<readonly string[]> {
  const live = await liveRequests(work.store, work.migration.name);
  return live
    .filter(({ state }) => state === "open" || state === "approved")
    .map(({ id, proposal, expiresAt }) => {
      const left = Math.max(0, expiresAt - work.clock.now());
      return `${proposal.title} (request ${id}, ${took(left)} left)`;
    });
}
