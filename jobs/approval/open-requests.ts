import type { Work } from "#jobs/work.ts";
import { liveRequests } from "./request-store.ts";
import { queueExecution } from "./review.ts";

const sweepMs = 15_000;

/**
 * Looks at every request again that is not over: events may have been lost, and a crash may have come between an
 * approval and its execution. Called at every start and periodically; queues at most one review per request and 15 s.
 */
export async function reviewOpenRequests(work: Work): Promise<void> {
  const tick = Math.floor(work.clock.now() / sweepMs);
  for (const request of await liveRequests(work.store, work.migration.name)) {
    const { migration, id, state } = request;
    // Its job may have ended without it, say by a setting that was wrong for one start.
    if (state === "executing") await queueExecution(request, work, true);
    await work.queue.add(
      { name: "review", migration, by: "schedule", request: id },
      { id: `review-${migration}-${id}-${tick}` },
    );
  }
}
