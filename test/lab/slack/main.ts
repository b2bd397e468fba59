import { parseArgs } from "node:util";
import { startWorkspace } from "./workspace.ts";

// By hand: node test/lab/slack/main.ts --port 8765 [--request-url http://127.0.0.1:3000/slack/events] [--verbose]
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8765" },
    "request-url": { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const requestUrl = values["request-url"];

const workspace = await startWorkspace({
  port: Number(values.port),
  app: {
    botToken: "xoxb-demo",
    appToken: "xapp-demo",
    signingSecret: "demo-signing-secret",
    ...(requestUrl !== undefined && { requestUrl }),
  },
  ...(values.verbose && { log: (line: string) => console.log(line) }),
});

console.log(`page                ${workspace.pageUrl}?as=U0ANA`);
console.log(`SLACK_API_URL       ${workspace.apiUrl}`);
console.log(`SLACK_BOT_TOKEN     ${workspace.tokens.botToken}`);
console.log(`SLACK_APP_TOKEN     ${workspace.tokens.appToken}`);
console.log(`SLACK_SIGNING_SECRET ${workspace.tokens.signingSecret}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void workspace.stop());
