import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Proposal, Request } from "#domain/approval/approval.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { done } from "#jobs/work.ts";
import { startRedis } from "#lab/redis.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { act, channel, openWorkspace } from "#support/slack-workspace.ts";
import { type SmallBot, startSmallBot } from "#support/small-bot.ts";
import { load, spreadOf, wordsOf } from "./figures.ts";
import type { BenchTools } from "./main.ts";
import { openTimedRelay, type TimedRelay } from "./timed-relay.ts";

/**
 * From the second person's reaction, at the moment when the workspace sends the event, to the start of the run
 * (`run.started`) and to its first act: reactions and people read back from Slack twice, the gate twice, the queue
 * twice, audit and lease in Redis; before the first act also the run's card. The time in which the bot waited for an
 * answer of the workspace is taken off. Kafka is absent: the gate and the step cost nothing.
 */

const help = `npm run bench -- approval
  --requests N   50 when absent
  --warm-up N    before, not measured; 5 when absent
`;

const aimMs = 250;

export async function approval({ args, say, signal }: BenchTools): Promise<object | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: "string", default: "50" },
      "warm-up": { type: "string", default: "5" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return undefined;
  }
  const requests = Number(values.requests);
  const warmUp = Number(values["warm-up"]);
  if (!(requests >= 1 && warmUp >= 0)) throw new Error("--requests and --warm-up are numbers");
  await using stack = new AsyncDisposableStack();
  const scene = await openScene(stack, say);
  for (let each = 0; each < warmUp; each += 1) await approveOne(scene, `warm-up-${each}`);
  say(`measuring: ${requests} approvals, one after the other`);
  const loadBefore = load();
  const samples: Sample[] = [];
  for (let each = 0; each < requests; each += 1) {
    signal.throwIfAborted();
    samples.push(await approveOne(scene, `wave-${each}`));
  }
  return report(samples, say, loadBefore);
}

function report(samples: readonly Sample[], say: BenchTools["say"], loadBefore: number): object {
  const start = partsOf(samples.map(({ toStart }) => toStart));
  const act = partsOf(samples.map(({ toAct }) => toAct));
  say(`to the start      ${wordsOf(start.total)}`);
  say(`  the workspace   ${wordsOf(start.slack)}`);
  say(`  the bot's own   ${wordsOf(start.own)} (aim: under ${aimMs} ms)`);
  say(`to the first act  ${wordsOf(act.total)}`);
  say(`  the workspace   ${wordsOf(act.slack)}`);
  say(`  the bot's own   ${wordsOf(act.own)}`);
  const over = samples.filter(({ toStart }) => toStart.totalMs - toStart.slackMs >= aimMs).length;
  return { requests: samples.length, start, act, aimMs, over, load: [loadBefore, load()] };
}

function partsOf(samples: readonly Span[]) {
  return {
    total: spreadOf(samples.map(({ totalMs }) => totalMs)),
    slack: spreadOf(samples.map(({ slackMs }) => slackMs)),
    own: spreadOf(samples.map(({ totalMs, slackMs }) => totalMs - slackMs)),
  };
}

type Scene = {
  readonly workspace: Workspace;
  readonly relay: TimedRelay;
  readonly bot: SmallBot;
  /** When the step of a wave's run acted, and when the workspace last sent a reaction; `performance.now()`. */
  readonly acted: ReadonlyMap<string, number>;
  readonly reactionSentAt: () => number;
};

async function openScene(stack: AsyncDisposableStack, say: BenchTools["say"]): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "ferry-approval-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedis({ runFolder: folder, log: say, persistence: true });
  stack.defer(() => redis.stop());
  let sentAt = Number.NaN;
  const workspace = await openWorkspace((line) => {
    if (line === "event reaction_added") sentAt = performance.now();
  });
  stack.defer(() => workspace.stop());
  const relay = stack.use(await openTimedRelay(workspace.url));
  const acted = new Map<string, number>();
  const bot = stack.use(
    await startSmallBot({
      redisUrl: redis.url,
      prefix: "{bench}",
      apiUrl: relay.apiUrl,
      mode: "socket",
      migration: migration(),
      cutover: noting(acted),
      // Slack's pace for messages holds up no decision; here it would only make the bench longer.
      pace: { everyMs: 1, burst: 50 },
    }),
  );
  return { workspace, relay, bot, acted, reactionSentAt: () => sentAt };
}

function migration() {
  return {
    name: "orders",
    settings: MigrationSettings.parse({
      channel,
      approvers: { users: ["U0BEN", "U0CLEO", "U0DAN"] },
      source: { bootstrap: ["kafka:9092"] },
      target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
      replication: { connect: { url: "http://connect:8083" } },
    }),
  };
}

/** An action of one step that notes when it acts. */
function noting(acted: Map<string, number>): Approvable {
  return {
    propose: async ({ wave = "all" }): Promise<Proposal> => ({
      action: "cutover-consumers",
      wave,
      title: `cut over CONSUMERS of wave ${wave}`,
      plan: { wave },
      effects: [{ label: "What happens", value: "the time is noted" }],
      facts: [{ name: "mirror", text: "mirror behind by 0", state: "pass", pinned: null }],
      quorum: 1,
    }),
    steps: async ({ wave = "all" }) => [
      {
        name: "note",
        title: "note the time",
        isDone: async () => acted.has(wave),
        act: async () => {
          acted.set(wave, performance.now());
          return done;
        },
      },
    ],
    summary: async () => [],
  };
}

type Span = { readonly totalMs: number; readonly slackMs: number };
type Sample = { readonly toStart: Span; readonly toAct: Span };

async function approveOne(
  { workspace, relay, bot, acted, reactionSentAt }: Scene,
  wave: string,
): Promise<Sample> {
  const said = { channel, user: "U0ANA", command: "/ferry", text: `cutover consumers ${wave}` };
  await act(workspace, "command", said);
  const find = async (fits: (request: Request) => boolean) =>
    (await listRequests(bot.store, "orders")).find((one) => one.asked.wave === wave && fits(one));
  const { id, ts } = await eventually("the request", () => find((one) => one.ts !== undefined), 30_000);
  await react(workspace, "U0BEN", ts);
  await eventually("one approval", () => find((one) => "U0BEN approve" in one.seen), 30_000);
  // What the first reaction set off comes to its end: people do not react in the same moment.
  await sleep(50);
  await react(workspace, "U0CLEO", ts);
  const from = reactionSentAt();
  const to = await eventually("the start", () => acted.get(wave), 30_000);
  await eventually("the end", () => find(({ state, settled }) => state === "done" && settled), 30_000);
  const span = (until: number) => ({ totalMs: until - from, slackMs: relay.busyBetween(from, until) });
  return { toStart: span(await startedAt(bot, id)), toAct: span(to) };
}

/** By the audit; on the scale of `performance.now()`, to the millisecond. */
async function startedAt({ store }: SmallBot, id: string): Promise<number> {
  const trail = await store.auditTrail("orders");
  const entry = trail.find(({ what, subject }) => what === "run.started" && subject === id);
  if (entry === undefined) throw new Error(`request ${id} has no run.started`);
  return Date.parse(entry.at) - performance.timeOrigin;
}

async function react(workspace: Workspace, user: string, ts: string | undefined): Promise<void> {
  await act(workspace, "reaction", { channel, user, ts, name: "white_check_mark" });
}
