import { createSmallQueue } from "#support/small-work.ts";
import { jobQueueContract } from "../contract/job-queue.ts";

jobQueueContract("in memory", async () => {
  const queue = createSmallQueue();
  return {
    queue,
    delivered: async (id) => queue.jobs.filter((entry) => entry.id === id).map(({ job }) => job),
    close: async () => {},
  };
});
