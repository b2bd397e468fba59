import { createLog } from "#log";
import { startWorker } from "#queue";

/** A worker of its own process that says what it starts and then never ends: something to kill. */
const [redisUrl = "", prefix = ""] = process.argv.slice(2);

startWorker({
  redisUrl,
  prefix,
  log: createLog("error"),
  concurrency: 1,
  run: (_job, { id, attempt }) => {
    process.stdout.write(`${id} ${attempt}\n`);
    return new Promise(() => {});
  },
});
