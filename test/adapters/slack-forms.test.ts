import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { viewOf } from "#adapters/slack/forms.ts";
import { createCommands, createFormTaker } from "#commands/index.ts";
import { FerryError } from "#domain/errors.ts";
import type { Form } from "#domain/form.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import { questionForm } from "#domain/plan/question-form.ts";
import { standings } from "#domain/plan/questions.ts";
import type { Workspace } from "#lab/slack/workspace.ts";
import { eventually } from "#support/eventually.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { act, channel, connect, info, type Mode, messages, openWorkspace } from "#support/slack-workspace.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

const Sent = z.looseObject({
  ok: z.boolean(),
  closed: z.boolean().optional(),
  errors: z.record(z.string(), z.string()).optional(),
  error: z.string().optional(),
});

const small = createSmallWork().migration;
const migration = { name: "orders", settings: { ...small.settings, channel } };

/** The bot's own commands and forms on the workspace; work is only collected. */
async function startDesk(workspace: Workspace, mode: Mode, queue: { add: JobQueue["add"] }) {
  const connected: { slack?: Awaited<ReturnType<typeof connect>>["slack"] } = {};
  const need = {
    migrations: [migration],
    queue: {
      ...queue,
      schedule: async () => ({ next: undefined }),
      every: async () => undefined,
      unschedule: async () => undefined,
    },
    people: {
      person: (user: string) => chat().person(user),
      shared: (at: string) => chat().shared(at),
    },
    form: async () =>
      questionForm(migration, standings(migration, { window: { ...given, value: "sat 22:00-02:00" } })),
    log: createQuietLog(),
  };
  function chat() {
    if (connected.slack === undefined) throw new Error("not connected");
    return connected.slack.chat;
  }
  const { slack } = await connect(workspace, mode, {
    onCommand: createCommands(need),
    onForm: createFormTaker(need),
  });
  connected.slack = slack;
  return slack;
}

const given = { by: "U0CLEO", at: "2026-11-22T14:00:00.000Z", job: "1", before: null };

describe.each<Mode>(["socket", "http"])("forms over %s", (mode) => {
  let workspace: Workspace;
  let slack: Awaited<ReturnType<typeof startDesk>>;
  let jobs: Job[];
  let full: boolean;
  let slow: boolean;
  let release: () => void;

  beforeEach(async () => {
    jobs = [];
    full = false;
    slow = false;
    const free = Promise.withResolvers<void>();
    release = free.resolve;
    workspace = await openWorkspace();
    slack = await startDesk(workspace, mode, {
      async add(job) {
        if (slow) await free.promise;
        if (full) throw new FerryError("E_QUEUE", "Redis does not answer.");
        return `${jobs.push(job)}`;
      },
    });
  });
  afterEach(async () => {
    await slack.stop();
    await workspace.stop();
  });

  async function type(text: string, user = "U0ANA") {
    return await act(workspace, "command", { channel, user, command: "/ferry", text });
  }

  async function send(values: object, user = "U0ANA") {
    const response = await fetch(`${workspace.url}/_control/view`, {
      method: "POST",
      body: JSON.stringify({ user, values }),
    });
    return Sent.parse(await response.json());
  }

  test("a command opens one; what is sent becomes one job, without what stood there", async () => {
    await type("plan answer");
    const sent = await send({
      owners: { answer: "billing: @ana" },
      compliance: { answer: "aws-key" },
      window: { answer: "sat 22:00-02:00" },
    });
    expect(sent).toMatchObject({ ok: true, closed: true });
    expect(jobs).toEqual([
      {
        name: "answers",
        migration: "orders",
        by: "U0ANA",
        given: { owners: "billing: @ana", compliance: "aws-key" },
      },
    ]);
    expect((await messages(workspace, "U0ANA")).map(({ text }) => text)).toEqual([]);
  });

  test("a button opens one", async () => {
    const message = { ...info("plan"), actions: [{ label: "Answer", command: "plan answer" }] };
    const { ts } = await slack.chat.post(channel, message, { key: unique("key") });
    const action = { type: "button", action_id: "ferry-command-0" };
    await act(workspace, "interact", { channel, messageTs: ts, user: "U0BEN", action });
    const sent = await eventually("the form", async () => {
      const tried = await send({ "read-twice": { answer: "0" } }, "U0BEN");
      return tried.ok ? tried : undefined;
    });
    expect(sent).toMatchObject({ closed: true });
    expect(jobs).toEqual([
      { name: "answers", migration: "orders", by: "U0BEN", given: { "read-twice": "0" } },
    ]);
  });

  test("a mistake stands at its field, and nothing is queued", async () => {
    await type("plan answer");
    const sent = await send({ window: { answer: "at night" }, "read-twice": { answer: "5" } });
    expect(sent).toMatchObject({
      closed: false,
      errors: {
        window: expect.stringContaining("sat,sun 22:00-02:00"),
        "read-twice": expect.stringContaining("cutover.maxReadAgain"),
      },
    });
    expect(jobs).toEqual([]);
  });

  test("where nothing can be queued the form stays, and says so", async () => {
    await type("plan answer");
    full = true;
    const sent = await send({ owners: { answer: "ana" } });
    expect(Object.values(sent.errors ?? {})).toEqual([expect.stringContaining("E_QUEUE")]);
    full = false;
    expect(await send({ owners: { answer: "ana" } })).toMatchObject({ closed: true });
    expect(jobs).toHaveLength(1);
  });

  test("what takes longer than Slack waits is said at the form, not lost", async () => {
    await type("plan answer");
    slow = true;
    const sent = await send({ owners: { answer: "ana" } });
    expect(Object.values(sent.errors ?? {})).toEqual([expect.stringContaining("longer than Slack waits")]);
    release();
    await eventually("the job", () => (jobs.length === 1 ? true : undefined));
  });

  test("guests are not given one", async () => {
    await type("plan answer", "U0GUS");
    expect((await send({ owners: { answer: "gus" } }, "U0GUS")).ok).toBe(false);
    expect(jobs).toEqual([]);
  });

  test("where Slack does not open it, each question's command is told", async () => {
    await act(workspace, "fault", { method: "views.open", error: "expired_trigger_id" });
    await type("plan answer");
    const told = await eventually("the commands", async () =>
      (await messages(workspace, "U0ANA")).find(({ ephemeral_to }) => ephemeral_to === "U0ANA"),
    );
    expect(told.text).toContain("/ferry plan answer compliance");
  });
});

describe("a modal", () => {
  const field = { label: "l", hint: "h", initial: undefined, stood: undefined, longest: 300 };

  test("keeps every limit of Slack's, however much is asked", () => {
    const options = Array.from({ length: 150 }, (_, index) => ({
      value: `v${index}`,
      label: "o".repeat(200),
    }));
    const form: Form = {
      title: "A title that is longer than any modal may have",
      submit: "A button that is longer than Slack takes",
      intro: "i".repeat(4000),
      channel,
      fields: Array.from({ length: 120 }, (_, index) => ({
        ...field,
        id: `field-${index}`,
        label: "l".repeat(3000),
        hint: "h".repeat(3000),
        options: index % 2 === 0 ? options : undefined,
        initial: index % 2 === 0 ? "v3" : "x".repeat(400),
        stood: "s".repeat(300),
      })),
    };
    const view = View.parse(viewOf(form));
    expect(view.blocks).toHaveLength(100);
    expect(JSON.parse(view.private_metadata)).toEqual({ channel, stood: {} });
  });

  test("shows what stands, else what is proposed, and what is open as open", () => {
    const view = View.parse(viewOf(questionForm(migration, standings(migration, {}))));
    const shown = Object.fromEntries(
      view.blocks.flatMap(({ block_id, element }) =>
        block_id === undefined ? [] : [[block_id, element?.initial_option?.value ?? element?.initial_value]],
      ),
    );
    expect(shown).toEqual({
      "network-path": "none",
      compliance: "aws-key",
      owners: undefined,
      window: "any",
      "read-twice": "0",
      "old-cluster": "14d",
      growth: "0",
    });
  });
});

/** docs.slack.dev/reference/views/modal-views and /reference/block-kit. */
const text = (most: number) => z.object({ type: z.literal("plain_text"), text: z.string().min(1).max(most) });
const View = z.object({
  type: z.literal("modal"),
  callback_id: z.string().max(255),
  title: text(24),
  submit: text(24),
  close: text(24),
  private_metadata: z.string().max(3000),
  blocks: z
    .array(
      z.object({
        block_id: z.string().max(255).optional(),
        text: text(3000).optional(),
        label: text(2000).optional(),
        hint: text(2000).optional(),
        element: z
          .object({
            max_length: z.int().max(3000).optional(),
            initial_value: z.string().max(300).optional(),
            initial_option: z.object({ value: z.string().max(150) }).optional(),
            options: z
              .array(z.object({ text: text(75), value: z.string().max(150) }))
              .max(100)
              .optional(),
          })
          .optional(),
      }),
    )
    .max(100),
});
