import { expect, test } from "vitest";
import { createCommands } from "#commands/index.ts";
import type { Request } from "#domain/approval/approval.ts";
import { requestActions, withButtons } from "#jobs/approval/request-actions.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { requestOf } from "#support/recorded-run.ts";
import { createSmallQueue, createSmallWork } from "#support/small-work.ts";

function request(action: Request["action"], state: Request["state"], wave?: string): Request {
  const proposal = { action, title: action, plan: {}, effects: [], facts: [], quorum: 2 };
  const made = requestOf({ ...proposal, ...(wave !== undefined && { wave }) }, "7K3Q", 0);
  if (action !== "feature") return { ...made, state };
  return { ...made, asked: { ...made.asked, choice: "monitoring=DEFAULT" }, state };
}

const labels = (state: Request["state"]) =>
  requestActions(request("cutover-consumers", state, "billing")).map(({ label }) => label);

test("offers what makes sense in each state, and never to approve", () => {
  expect(labels("open")).toEqual(["Details", "Show evidence", "Cancel"]);
  expect(labels("approved")).toEqual(["Details", "Show evidence", "Cancel"]);
  expect(labels("executing")).toEqual(["Show evidence", "Abort"]);
  for (const state of ["done", "failed", "denied", "expired", "void", "cancelled"] as const)
    expect(labels(state)).toEqual(["Show evidence"]);
});

test.each([
  ["cutover-consumers", "billing", ["cutover", "audit", "cancel"]],
  ["cutover-producers", "billing", ["cutover", "audit", "cancel"]],
  ["rollback", "billing", ["rollback", "audit", "cancel"]],
  ["cleanup", undefined, ["cleanup", "audit", "cancel"]],
  ["cleanup", "billing", ["cleanup", "audit", "cancel"]],
  ["feature", undefined, ["features", "audit", "cancel"]],
  ["access", undefined, ["access", "audit", "cancel"]],
] as const)(
  "every button of %s types a command that exists, and switches nothing",
  async (action, wave, jobs) => {
    const queue = createSmallQueue();
    const { migration, chat } = createSmallWork();
    const handle = createCommands({ migrations: [migration], queue, people: chat, log: createQuietLog() });
    for (const { command } of requestActions(request(action, "open", wave)))
      await handle({ channel: "C1", user: "UBEN", text: command });
    expect(queue.jobs.map(({ job }) => job.name)).toEqual(jobs);
    expect(queue.jobs[0]?.job).toMatchObject({
      dryRun: true,
      ...(wave !== undefined && { wave }),
      ...(action === "feature" && { choice: "monitoring=DEFAULT" }),
    });
  },
);

test("a run's card can be aborted while it runs, and read afterwards", async () => {
  const { card } = createSmallWork();
  const buttons = withButtons(card, request("rollback", "executing", "billing"));
  const message = { subject: "orders", tone: "working", parts: [] } as const;
  await buttons.update(message);
  await buttons.finish(message);
  expect(card.shown.map(({ actions }) => actions?.map(({ label }) => label))).toEqual([
    ["Show evidence", "Abort"],
    ["Show evidence"],
  ]);
});
