import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { MigrationSettings } from "#domain/settings.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { createSwitch } from "#support/approval-bench.ts";
import { eventually } from "#support/eventually.ts";
import { act, channel, openWorkspace } from "#support/slack-workspace.ts";
import { type SmallBot, startSmallBot } from "#support/small-bot.ts";
import { unique } from "#support/unique.ts";

/** Two bots, each with connections and memory of its own, on one Redis and one workspace. */

const deadlineMs = 60_000;
const approvers = ["U0BEN", "U0CLEO", "U0DAN"];

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const Shown = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      user: z.string(),
      text: z.string(),
      thread_ts: z.string().nullable(),
      metadata: z.object({ event_payload: z.object({ key: z.string() }) }).nullable(),
    }),
  ),
});

/** Every message of the bot's by its key, oldest first. */
async function keysIn(workspace: Workspace): Promise<readonly string[]> {
  const response = await fetch(`${workspace.url}/_control/messages/${channel}`);
  const { messages } = Shown.parse(await response.json());
  return messages.flatMap(({ metadata }) => (metadata === null ? [] : [metadata.event_payload.key]));
}

type Scene = {
  readonly workspace: Workspace;
  readonly bots: readonly [SmallBot, SmallBot];
  readonly toggle: ReturnType<typeof createSwitch>;
};

async function openScene(mode: "socket" | "http"): Promise<Scene> {
  const workspace = await openWorkspace();
  closers.push(() => workspace.stop());
  const toggle = createSwitch();
  const need = {
    redisUrl: inject("clusters").redis.url,
    prefix: `{${unique("two-bots")}}`,
    apiUrl: workspace.apiUrl,
    mode,
    migration: {
      name: "orders",
      settings: MigrationSettings.parse({
        channel,
        approvers: { users: approvers },
        source: { bootstrap: ["kafka:9092"] },
        target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
        replication: { connect: { url: "http://connect:8083" } },
      }),
    },
    cutover: toggle.approvable,
    pace: { everyMs: 1, burst: 50 },
  };
  const first = await startSmallBot(need);
  closers.push(() => first[Symbol.asyncDispose]());
  const second = await startSmallBot(need);
  closers.push(() => second[Symbol.asyncDispose]());
  return { workspace, bots: [first, second], toggle };
}

/** Passes what the workspace sends to every bot: events to all of them, a command, which Slack never repeats, to one. */
async function toBoth(workspace: Workspace, bots: readonly SmallBot[]): Promise<void> {
  const urls = bots.flatMap(({ url }) => (url === undefined ? [] : [url]));
  const server = createServer((request, response) => {
    void buffer(request)
      .then(async (body) => {
        const isEvent = request.headers["content-type"]?.startsWith("application/json") === true;
        const headers = Object.fromEntries(
          Object.entries(request.headers).flatMap(([name, value]) =>
            typeof value === "string" && (name.startsWith("x-") || name === "content-type")
              ? [[name, value]]
              : [],
          ),
        );
        const to = isEvent ? urls : urls.slice(0, 1);
        const options = { method: "POST", headers, body: new Uint8Array(body) };
        const answers = await Promise.all(to.map((url) => fetch(url, options)));
        response.writeHead(Math.max(...answers.map(({ status }) => status)), {
          "content-type": "application/json",
        });
        return response.end(await answers[0]?.text());
      })
      .catch(() => response.destroy());
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  closers.push(async () => void server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  workspace.setRequestUrl(`http://127.0.0.1:${address.port}/slack/events`);
}

async function carriedOut({ workspace, bots, toggle }: Scene): Promise<void> {
  await act(workspace, "command", {
    channel,
    user: "U0ANA",
    command: "/ferry",
    text: "cutover consumers billing",
  });
  const [bot] = bots;
  const request = async () => (await listRequests(bot.store, "orders"))[0];
  const asked = await eventually(
    "the request",
    async () => {
      const found = await request();
      return found?.ts === undefined ? undefined : found;
    },
    deadlineMs,
  );
  await act(workspace, "fault", { event: "reaction_added", duplicate: true, times: approvers.length });
  await Promise.all(
    approvers.map((user) =>
      act(workspace, "reaction", { channel, user, ts: asked.ts, name: "white_check_mark" }),
    ),
  );
  await eventually(
    "the end of it",
    async () => {
      const found = await request();
      return found?.state === "done" && found.settled ? true : undefined;
    },
    deadlineMs,
  );
  await repeatLate(bots, asked.id);
  await expectOnce(
    { workspace, bots, toggle },
    { id: asked.id, keys: [`request:${asked.nonce}`, `card:execute-orders-${asked.id}-1`] },
  );
}

/** Late twins of what set it off: each is looked at, and nothing comes of it. */
async function repeatLate(bots: Scene["bots"], request: string): Promise<void> {
  const added: string[] = [];
  for (const { queue } of bots) {
    for (const name of ["review", "execute", "review", "execute"] as const)
      added.push(await queue.add({ name, migration: "orders", by: "slack", request }));
  }
  const hasEnded = (id: string) => bots.some(({ ended }) => ended.has(id));
  await eventually("the end of the twins", () => (added.every(hasEnded) ? true : undefined), deadlineMs);
}

async function expectOnce(
  { workspace, bots, toggle }: Scene,
  { id, keys: told }: { readonly id: string; readonly keys: readonly string[] },
): Promise<void> {
  expect(toggle.state).toMatchObject({ on: 1, undone: 0 });
  const trail = await bots[0].store.auditTrail("orders");
  const lines = trail
    .filter(({ subject, request }) => subject === id || request === id)
    .map(({ what }) => what);
  for (const what of ["request.opened", "request.approved", "run.started", "step.done", "run.done"])
    expect([what, lines.filter((line) => line === what).length]).toEqual([what, 1]);
  const keys = await keysIn(workspace);
  expect(keys).toEqual(told);
}

describe("two bots on one Redis and one workspace", { timeout: 150_000 }, () => {
  it("carry out an approval once, and say everything once, when each event reaches either of them", async () => {
    const scene = await openScene("socket");
    await carriedOut(scene);
    expect(scene.bots.every(({ log }) => log.lines.every(({ level }) => level !== "error"))).toBe(true);
  });

  it("carry out an approval once, and say everything once, when each event reaches both of them", async () => {
    const scene = await openScene("http");
    await toBoth(scene.workspace, scene.bots);
    await carriedOut(scene);
    expect(scene.bots.every(({ log }) => log.lines.every(({ level }) => level !== "error"))).toBe(true);
  });
});
