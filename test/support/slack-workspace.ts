import { readFileSync } from "node:fs";
import { z } from "zod";
import { createSlack, type SlackHandlers } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import type { Message } from "#domain/message.ts";
import { defaultChannels, defaultPeople } from "#lab/slack/default-world.ts";
import { startWorkspace, type Workspace } from "#lab/slack/workspace.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";

export const channel = "C0MIGRATION";
export const tokens = { botToken: "xoxb-test", appToken: "xapp-test", signingSecret: "secret-of-the-test" };
const pace = { everyMs: 1, burst: 50 };

const Manifest = z.object({
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
});
const manifest = Manifest.parse(
  JSON.parse(readFileSync(new URL("../../manifest.json", import.meta.url), "utf8")),
);

const Messages = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      user: z.string(),
      text: z.string(),
      blocks: z.array(z.unknown()),
      thread_ts: z.string().nullable(),
      ephemeral_to: z.string().nullable(),
    }),
  ),
});

/** The workspace with only what the manifest asks for, so that a missing scope or event is seen here. */
export function openWorkspace(log: (line: string) => void = () => undefined): Promise<Workspace> {
  return startWorkspace({
    log,
    app: {
      ...tokens,
      scopes: manifest.oauth_config.scopes.bot,
      events: manifest.settings.event_subscriptions.bot_events,
    },
    people: [
      ...defaultPeople.map((each) => ({ ...each, is_admin: each.id === "U0ANA" })),
      { id: "U0GONE", name: "gone", deleted: true },
    ],
    channels: defaultChannels,
    retryDelaysMs: [0, 20, 20],
  });
}

/** Does something as a person, or to the workspace: `/_control/NAME`. */
export async function act(workspace: Workspace, name: string, body: object): Promise<unknown> {
  const response = await fetch(`${workspace.url}/_control/${name}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  return z.looseObject({ ok: z.literal(true) }).parse(answer);
}

/** What is in the channel, oldest first; with `user` what that person can see. */
export async function messages(workspace: Workspace, user?: string) {
  const query = user === undefined ? "" : `?user=${user}`;
  const response = await fetch(`${workspace.url}/_control/messages/${channel}${query}`);
  return Messages.parse(await response.json()).messages;
}

export type Mode = "socket" | "http";

export const deaf: SlackHandlers = {
  onCommand: async () => ({ message: info("deaf"), seenBy: "person" }),
  onReaction: async () => {},
  onMessageDeleted: async () => {},
  onHomeOpened: async () => {},
  onReconnect: async () => {},
};

export function info(subject: string, text = "nothing"): Message {
  return { subject, tone: "info", parts: [{ kind: "text", text }] };
}

/** A started adapter on this workspace, without pacing. */
export async function connect(
  workspace: Workspace,
  mode: Mode,
  handlers: Partial<SlackHandlers> = {},
  timeoutMs = 5000,
) {
  const log = createQuietLog();
  const slack = createSlack({
    botToken: tokens.botToken,
    ...(mode === "socket" ? { appToken: tokens.appToken } : { signingSecret: tokens.signingSecret }),
    apiUrl: workspace.apiUrl,
    port: 0,
    host: "127.0.0.1",
    render,
    log,
    clock: realClock,
    pace,
    timeoutMs,
  });
  const { port } = await slack.start({ ...deaf, ...handlers });
  workspace.setRequestUrl(port === undefined ? null : `http://127.0.0.1:${port}/slack/events`);
  return { slack, log, port };
}
