import { App, type AppOptions, LogLevel } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import { vi } from "vitest";
import { z } from "zod";
import { startWorkspace, type Workspace, type WorkspaceSetup } from "./workspace.ts";

export const secrets = { botToken: "xoxb-test", appToken: "xapp-test", signingSecret: "signing-test" };
export const channel = "C0MIGRATION";
const closers: (() => Promise<unknown>)[] = [];

/** Stops what the test started, last started first. */
export async function stopAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export async function workspaceFor(setup: Partial<WorkspaceSetup> = {}): Promise<Workspace> {
  const workspace = await startWorkspace({ app: secrets, ...setup });
  closers.push(() => workspace.stop());
  return workspace;
}

export function clientOf(workspace: Workspace, options = {}): WebClient {
  return new WebClient(secrets.botToken, {
    slackApiUrl: workspace.apiUrl,
    logLevel: LogLevel.ERROR,
    retryConfig: { retries: 0 },
    ...options,
  });
}

const outcome = z.looseObject({ ok: z.boolean(), error: z.string().optional(), ts: z.string().nullish() });

export async function act(workspace: Workspace, name: string, body: object) {
  const response = await fetch(`${workspace.url}/_control/${name}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return outcome.parse(await response.json());
}

const shownMessages = z.object({
  messages: z.array(
    z.looseObject({
      ts: z.string(),
      user: z.string(),
      text: z.string(),
      ephemeral_to: z.string().nullable(),
      thread_ts: z.string().nullable(),
      reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()), count: z.number() })),
      files: z.array(z.looseObject({ id: z.string(), mimetype: z.string() })),
    }),
  ),
});

export async function shown(workspace: Workspace, user?: string) {
  const query = user ? `?user=${user}` : "";
  const response = await fetch(`${workspace.url}/_control/messages/${channel}${query}`);
  return shownMessages.parse(await response.json()).messages;
}

export function waitFor<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 5_000, interval: 10 });
}

export type Seen = { reactions: string[]; eventIds: string[]; clicks: string[]; submitted: string[] };

/** The plainest bot: one command, reactions, one button which opens a modal. Bolt is not modified. */
export async function startBot(workspace: Workspace, mode: "socket" | "http"): Promise<Seen> {
  const seen: Seen = { reactions: [], eventIds: [], clicks: [], submitted: [] };
  const common: AppOptions = {
    token: secrets.botToken,
    clientOptions: { slackApiUrl: workspace.apiUrl },
    logLevel: LogLevel.ERROR,
  };
  const transport: AppOptions =
    mode === "socket"
      ? { appToken: secrets.appToken, socketMode: true }
      : { signingSecret: secrets.signingSecret, port: 0 };
  const app = new App({ ...common, ...transport });
  app.command("/ferry", async ({ command, ack, respond }) => {
    await ack(`heard ${command.text}`);
    if (command.text === "later") await respond({ text: "and later", response_type: "in_channel" });
  });
  app.event("reaction_added", async ({ event, body }) => {
    seen.reactions.push(`+${event.user} ${event.reaction} ${event.item.ts}`);
    seen.eventIds.push(body.event_id);
  });
  app.event("reaction_removed", async ({ event }) => {
    seen.reactions.push(`-${event.user} ${event.reaction} ${event.item.ts}`);
  });
  app.action("go", async ({ ack, body, client }) => {
    await ack();
    if (body.type !== "block_actions") return;
    const action = body.actions[0];
    seen.clicks.push(`${body.user.id} ${action?.type === "button" ? action.value : ""}`);
    await client.views.open({
      trigger_id: body.trigger_id,
      view: {
        type: "modal",
        callback_id: "why",
        title: { type: "plain_text", text: "Reason" },
        submit: { type: "plain_text", text: "Send" },
        blocks: [
          {
            type: "input",
            block_id: "reason",
            label: { type: "plain_text", text: "Why" },
            element: { type: "plain_text_input", action_id: "text" },
          },
        ],
      },
    });
  });
  app.view("why", async ({ ack, view, body }) => {
    await ack();
    seen.submitted.push(`${body.user.id} ${view.state.values["reason"]?.["text"]?.value}`);
  });
  const server = await app.start();
  closers.push(() => app.stop());
  if (mode === "http" && server && "address" in server) {
    const address = server.address();
    if (typeof address === "object" && address)
      workspace.setRequestUrl(`http://127.0.0.1:${address.port}/slack/events`);
  }
  return seen;
}
