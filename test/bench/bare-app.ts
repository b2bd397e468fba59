import { App, LogLevel } from "@slack/bolt";
import { Queue } from "bullmq";

/**
 * Bolt and nothing else: what an acknowledgement costs at the least. With a Redis URL it queues a job with BullMQ before
 * it acknowledges: the least for a bot whose answer means that the job exists. Says its port on standard output.
 */
const [apiUrl = "", token = "", signingSecret = "", redisUrl] = process.argv.slice(2);

const queue =
  redisUrl === undefined ? undefined : new Queue("bare", { connection: { url: redisUrl }, prefix: "{bare}" });
const app = new App({
  token,
  signingSecret,
  port: 0,
  clientOptions: { slackApiUrl: apiUrl },
  logLevel: LogLevel.ERROR,
});
app.command("/ferry", async ({ command, ack }) => {
  await queue?.add("typed", { text: command.text });
  await ack(`heard ${command.text}`);
});
const server = await app.start();
const address = "address" in server ? server.address() : null;
const port = typeof address === "object" && address !== null ? address.port : undefined;
process.stdout.write(`${JSON.stringify({ port })}\n`);
