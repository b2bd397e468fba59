import { describe, expect, test } from "vitest";
import { z } from "zod";
import { whereaboutsOfFleet } from "#lab/apps/fleet.ts";
import { consumers, idleGroup, topics, waves } from "#lab/apps/world.ts";
import { keepLogs, type Lab, startLab } from "#lab/environment.ts";
import { eventually } from "#lab/process.ts";
import { exportAudit } from "#lab/tour/evidence.ts";
import { countEverything, groupMembers } from "#lab/tour/final-check.ts";
import { Report } from "#lab/tour/report.ts";
import { approve, ask, carriedOut, openStage, run, type Stage } from "#lab/tour/stage.ts";
import { playTour } from "#lab/tour/tour.ts";

/** A whole migration, told end to end on real brokers: once undisturbed, once with the bot killed in the middle. */

function say(line: string): void {
  process.stderr.write(`story: ${line}\n`);
}

/** A lab for one test; what it leaves behind when the test fails is its logs. */
async function inLab(play: (lab: Lab) => Promise<void>): Promise<void> {
  await using lab = await startLab({ log: say });
  try {
    await play(lab);
  } catch (error) {
    await keepLogs(lab, String(error), say);
    throw error;
  }
}

const nothingLost = [...consumers, idleGroup].map(({ name }) => ({ name, lost: 0, duplicated: 0 }));

function losses(groups: ReadonlyArray<{ name: string; lost: number; duplicated: number }>) {
  return groups.map(({ name, lost, duplicated }) => ({ name, lost, duplicated }));
}

describe("the story of a migration", () => {
  test("everything moves, billing goes back once, nothing is lost or read twice", async () => {
    await inLab(async (lab) => {
      const { signal } = new AbortController();
      const played = await playTour(lab, { say, signal, full: true });
      expect(played.failures).toEqual([]);
      const report = Report.parse(JSON.parse(JSON.stringify(played.report)));
      expect(losses(report.groups)).toEqual(nothingLost);
      expect(report.topics.map(({ name, equal }) => ({ name, equal }))).toEqual(
        topics.map(({ name }) => ({ name, equal: true })),
      );
      expect(report.produced).toBeGreaterThan(6800);
      expect(report.rollback).toMatchObject({ lost: 0, duplicated: 0 });
      expect(report.rollback.targetOnly).toBeGreaterThanOrEqual(100);
      expect(report.rollback.backOnSource).toBe(report.rollback.targetOnly);
      expect(report.residue).toEqual([]);
      expect(report.refusals).toEqual([
        expect.objectContaining({
          step: "provision",
          code: "E_AWS_QUOTA",
          said: expect.stringContaining("exceeds the quota"),
        }),
        expect.objectContaining({
          step: "network",
          code: "E_AWS_ACCESS",
          said: expect.stringContaining('"Action":["ec2:CreateRoute"]'),
        }),
      ]);
      expectApprovals(report);
      expectEndings(report);
    });
  });

  test("the bot is killed in the middle of a consumers' cutover, which ends exactly once", async () => {
    await inLab(async (lab) => {
      const stage = openStage(lab, say, new AbortController().signal);
      for (const text of ["assess", "plan", "provision", "replicate start"]) await run(stage, "U0ANA", text);
      const question = await ask(stage, "U0ANA", "cutover consumers billing");
      await approve(stage, question, "U0BEN");
      await approve(stage, question, "U0CLEO");
      await betweenStopAndStart(lab);
      await lab.bot.kill();
      say("killed");
      await lab.bot.restart();
      await carriedOut(stage, question);

      expect(await groupMembers(lab, ["billing-app", "ledger"])).toEqual({
        source: [],
        target: ["billing-app", "ledger"],
      });
      const runs = await runsOf(stage, question.id);
      expect(runs).toMatchObject({ started: 1, done: 1 });
      expect(runs.resumed).toBeGreaterThanOrEqual(1);
      const count = await countEverything(lab, { ahead: "source" });
      expect(losses(count.groups)).toEqual(nothingLost);
      expect(count.topics.filter(({ equal }) => !equal)).toEqual([]);
    });
  });
});

/** Billing's consumers have stopped on the source and have not started on the target. */
async function betweenStopAndStart(lab: Lab): Promise<void> {
  const [{ groups }] = waves;
  await eventually(
    () => {
      const places = whereaboutsOfFleet(lab.folder);
      return groups.every((group) => places.get(group) === "stopped");
    },
    { what: "billing's consumers to have stopped", deadlineMs: 120_000, everyMs: 20 },
  );
}

function expectApprovals({ approvals }: Report): void {
  const moves = approvals.filter(({ action }) => action.startsWith("cutover"));
  expect(new Set(moves.map(({ action, wave }) => `${action} ${wave}`))).toEqual(
    new Set(waves.flatMap(({ name }) => [`cutover-consumers ${name}`, `cutover-producers ${name}`])),
  );
  for (const { approvers, requester } of approvals) {
    expect(approvers).toEqual(["ben", "cleo"]);
    expect(requester).toBe("ana");
  }
  expect(moves[0]?.refused).toEqual([
    { user: "ana", why: expect.stringMatching(/you asked for this/) },
    { user: "eve", why: expect.stringMatching(/not among those who may approve/) },
  ]);
}

const word = expect.any(String);

/** What the channel said of each request that was not carried out, and of the one that was held. */
function expectEndings({ endings, evidence }: Report): void {
  const consumers = { request: word, action: "cutover-consumers" };
  expect(endings).toEqual([
    {
      ...consumers,
      wave: "billing",
      said: expect.stringMatching(/^Denied by @cleo at .* Nothing was changed/),
    },
    {
      ...consumers,
      wave: "billing",
      said: expect.stringMatching(/^Cancelled by @ana at .* Nothing was changed/),
    },
    {
      ...consumers,
      wave: "shipping",
      said: expect.stringMatching(/^Expired at .*: not enough approvals in time\. Nothing was changed/),
    },
    {
      ...consumers,
      wave: "billing",
      said: expect.stringMatching(
        /^Void at .*: mirror moved from "mirror running.*" to "mirror paused.*"\. Nothing was changed/,
      ),
    },
    {
      request: word,
      action: "cutover-producers",
      wave: "billing",
      said: expect.stringContaining(
        "Not yet: on hold by @eve (“the invoices of this month are being printed”)",
      ),
    },
  ]);
  expect(evidence.entries).toBeGreaterThan(100);
  expect(evidence.said).toMatch(/All holds\.$/);
  expect(evidence.ofChanged).toContain("BROKEN");
}

/** How often the audit says that this request's run was started, resumed and ended. */
async function runsOf(stage: Stage, request: string) {
  const { entries } = await exportAudit(stage);
  const ofRequest = z.object({ request: z.literal(request) });
  const count = (what: string) =>
    entries.filter((entry) => entry.what === what && ofRequest.safeParse(entry.detail).success).length;
  return { started: count("run.started"), resumed: count("run.resumed"), done: count("run.done") };
}
