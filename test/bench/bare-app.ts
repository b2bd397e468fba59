import { App, LogLevel } from "@slack/bolt";

/** Bolt and nothing else: what an acknowledgement costs at the least. Says its port on standard output. */
const [apiUrl = "", token = "", signingSecret = ""] = process.argv.slice(2);

const app = new App({
  token,
  signingSecret,
  port: 0,
  clientOptions: { slackApiUrl: apiUrl },
  logLevel: LogLevel.ERROR,
});
app.command("/ferry", async ({ command, ack }) => {
  await ack(`heard ${command.text}`);
});
const server = await app.start();
const address = "address" in server ? server.address() : null;
const port = typeof address === "object" && address !== null ? address.port : undefined;
process.stdout.write(`${JSON.stringify({ port })}\n`);
