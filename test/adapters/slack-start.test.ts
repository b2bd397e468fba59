import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSlack } from "#adapters/slack/slack.ts";
import { render } from "#commands/blocks.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { act, connect, deaf, openWorkspace, tokens } from "#support/slack-workspace.ts";

/** Not started; in HTTP mode when a port is given. */
function unstarted(apiUrl: string, change: { botToken?: string; appToken?: string; port?: number } = {}) {
  const log = createQuietLog();
  const { port } = change;
  const mode =
    port === undefined
      ? { appToken: change.appToken ?? tokens.appToken }
      : { signingSecret: tokens.signingSecret, port, host: "127.0.0.1" };
  const botToken = change.botToken ?? tokens.botToken;
  return { log, slack: createSlack({ botToken, ...mode, apiUrl, render, log, clock: realClock }) };
}

describe("a start", () => {
  let workspace: Workspace;

  beforeEach(async () => {
    workspace = await openWorkspace();
  });
  afterEach(async () => {
    await workspace.stop();
  });

  test.each([
    ["SLACK_BOT_TOKEN", { botToken: "xoxb-other" }],
    ["SLACK_APP_TOKEN", { appToken: "xapp-other" }],
  ])(
    "stops at a token that Slack refuses and names its variable, not the token: %s",
    async (variable, change) => {
      const { slack } = unstarted(workspace.apiUrl, change);
      await expect(slack.start(deaf)).rejects.toMatchObject({
        code: "E_SETTINGS",
        message: `${variable}: Slack refuses the token (invalid_auth); it must be a token of the app as it is installed now.`,
      });
      await slack.stop();
    },
  );

  test.each(["not_authed", "account_inactive", "missing_scope", "token_revoked"])(
    "stops at %s",
    async (error) => {
      await act(workspace, "fault", { method: "auth.test", error, times: 1 });
      const { slack } = unstarted(workspace.apiUrl);
      await expect(slack.start(deaf)).rejects.toMatchObject({
        code: "E_SETTINGS",
        message: expect.stringContaining(`(${error})`),
      });
      await slack.stop();
    },
  );

  test.each(["auth.test", "apps.connections.open"])(
    "goes on trying while %s fails, and says so once",
    async (method) => {
      await act(workspace, "fault", { method, error: "internal_error", times: 2 });
      const { slack, log } = unstarted(workspace.apiUrl);
      await slack.start(deaf);
      expect(log.lines.filter(({ level }) => level !== "debug")).toEqual([
        {
          level: "warn",
          message: "slack is not reachable; it is tried again",
          fields: {
            code: "E_SLACK",
            error: expect.stringContaining("internal_error"),
            remedy: "Check the bot's token and scopes; it tries again by itself.",
          },
        },
        { level: "info", message: "slack is back", fields: { failures: 2 } },
      ]);
      await slack.stop();
    },
  );

  test("can be stopped while Slack does not answer", async () => {
    const { slack, log } = unstarted("http://127.0.0.1:1/api/");
    const started = slack.start(deaf).catch(String);
    await eventually("the first failure", () => log.lines.find(({ level }) => level === "warn"));
    await slack.stop();
    expect(await started).toContain("stopped");
  });

  test("stops at a port that another process has, and names PORT", async () => {
    const other = await connect(workspace, "http");
    const { slack } = unstarted(workspace.apiUrl, { port: other.port ?? 0 });
    await expect(slack.start(deaf)).rejects.toMatchObject({
      code: "E_SETTINGS",
      message: `PORT: saw ${other.port}; another process listens there, and a free one is needed.`,
    });
    await slack.stop();
    await other.slack.stop();
  });
});

test("a socket that Slack refuses for a while comes back, whatever the reason was, and says both once", async () => {
  const workspace = await openWorkspace();
  const { slack, log } = await connect(workspace, "socket");
  await act(workspace, "fault", { method: "apps.connections.open", error: "token_revoked", times: 2 });
  await act(workspace, "fault", { disconnect: "kill" });
  await eventually(
    "the end",
    () => log.lines.find(({ message }) => message === "slack's socket is back"),
    15_000,
  );
  expect(log.lines.filter(({ level }) => level !== "debug")).toEqual([
    {
      level: "warn",
      message: "slack's socket is closed; it is tried again",
      fields: {
        code: "E_SETTINGS",
        error: expect.stringContaining("SLACK_APP_TOKEN: Slack refuses the token (token_revoked)"),
        remedy: "Correct the key in ferry.yaml or the environment and start again.",
      },
    },
    { level: "info", message: "slack's socket is back", fields: { failures: 2 } },
  ]);
  await slack.stop();
  await workspace.stop();
});
