import { expect, it } from "vitest";
import type { ActionName } from "#domain/action.ts";
import { createExecute } from "#jobs/approval/execute.ts";
import { ask } from "#jobs/approval/request.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { createReview } from "#jobs/approval/review.ts";
import { provision } from "#jobs/aws/provision.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { scheduleDigest } from "#jobs/mirror/schedule-digest.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { approvedByTwo, asked } from "#support/approval-bench.ts";
import { lackingIn } from "#support/audit-form.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { failing, started } from "#support/cutover-bench.ts";
import { createFakeChat } from "#support/fake-chat.ts";

const approvables = {
  "cutover-consumers": cutoverConsumers,
  "cutover-producers": cutoverProducers,
  rollback,
};

/** A migration that people drive: each switch is asked for, approved and carried out. */
async function driven() {
  const sample = await started([]);
  const fake = createFakeChat();
  const open = async (wrap?: Parameters<typeof sample.openWork>[0]) => {
    const work = await sample.openWork(wrap);
    const settings = { ...work.migration.settings, approvers: { users: ["UBEN", "UCAT"] } };
    return { ...work, chat: fake.chat, migration: { ...work.migration, settings } };
  };
  const work = await open();
  const [review, execute] = [createReview(approvables), createExecute(approvables)];
  let asks = 0;

  async function carryOut(action: keyof typeof approvables, by = work): Promise<string | undefined> {
    asks += 1;
    const name: ActionName = action;
    await ask(approvables[action], name, { wave: "billing", by: "UANA" }, { ...work, jobId: `job-${asks}` });
    const request = (await listRequests(work.store, "orders")).find(({ state }) => state === "open");
    if (request === undefined) throw new Error("nothing waits");
    const ref = { channel: request.channel, ts: request.ts ?? "" };
    for (const user of ["UBEN", "UCAT"]) fake.react(ref, user, "white_check_mark");
    const job = { migration: "orders", by: "slack", request: request.id };
    await review({ name: "review", ...job }, { ...work, by: "slack" });
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const outcome = await execute({ name: "execute", ...job }, by).catch(() => undefined);
      if (outcome?.kind === "done") break;
    }
    return (await listRequests(work.store, "orders")).find(({ id }) => id === request.id)?.state;
  }

  return { open, work, carryOut };
}

it("every entry of a whole migration says who, what about, from what to what, and why", async () => {
  const { open, work, carryOut } = await driven();
  const job = { name: "replicate", migration: "orders", by: "UANA" } as const;
  await replicate({ ...job, action: "pause" }, work);
  await replicate({ ...job, action: "resume" }, work);
  expect(await carryOut("cutover-consumers")).toBe("done");
  expect(await carryOut("cutover-producers", await open(failing({ left: 60 })))).toBe("failed");
  expect(await carryOut("cutover-producers")).toBe("done");
  expect(await carryOut("rollback")).toBe("done");
  await scheduleDigest({ ...job, name: "schedule-digest", cron: "0 * * * *", timezone: "UTC" }, work);
  await scheduleDigest({ ...job, name: "schedule-digest" }, work);

  const trail = await work.store.auditTrail("orders");
  expect(lackingIn(trail)).toEqual([]);
  const kinds = new Set(trail.map(({ what }) => what));
  for (const kind of [
    "mirror.paused",
    "request.opened",
    "reaction.counted",
    "run.started",
    "client.stopped",
    "offsets.committed",
    "wave.phase",
    "step.failed",
    "step.undone",
    "run.failed",
    "mirror.reversed",
    "digest.off",
  ]) {
    expect(kinds, kind).toContain(kind);
  }
  const phases = trail.filter(({ what }) => what === "wave.phase");
  expect(phases.map(({ wave, before, after }) => [wave, before, after])).toEqual([
    ["billing", "before-cutover", "consumers-moved"],
    ["billing", "consumers-moved", "producers-moved"],
    ["billing", "producers-moved", "before-cutover"],
  ]);
  const requests = new Set((await listRequests(work.store, "orders")).map(({ id }) => id));
  const stopped = trail.filter(({ what }) => what === "client.stopped");
  expect(stopped.map(({ request = "" }) => requests.has(request))).not.toContain(false);
});

it("so does every entry of requests that people deny, take back, hold, outwait and break", async () => {
  const denied = await asked();
  denied.react("UANA");
  denied.react("UGUEST");
  denied.react("UEVE", "raised_hand");
  await denied.review();
  denied.unreact("UEVE", "raised_hand");
  denied.react("UBEN", "x");
  await denied.review();

  const reopened = await approvedByTwo();
  reopened.unreact("UCAT");
  await reopened.review();
  reopened.state.plan = 2;
  await reopened.review();

  const late = await asked();
  await late.work.clock.advance(3_700_000);
  await late.review();

  const failed = await approvedByTwo();
  failed.state.fail = true;
  await failed.execute();

  const trails = await Promise.all(
    [denied, reopened, late, failed].map(({ work }) => work.store.auditTrail("orders")),
  );
  expect(trails.flatMap(lackingIn)).toEqual([]);
  const reasons = trails.map((trail) => trail.flatMap(({ reason = [] }) => reason));
  expect(reasons[0]).toEqual(["asked", "held", "requester", "guest", "counted", "before-start", "denied"]);
  expect(reasons[1]).toEqual(expect.arrayContaining(["quorum", "before-start", "withdrawn", "fact-moved"]));
  expect(reasons[2]).toEqual(["asked", "no-quorum"]);
  expect(reasons[3]).toEqual(expect.arrayContaining(["quorum", "run", "E_CLIENT_DRIVER"]));
});

it("so does every entry of a cluster that is created", async () => {
  const aws = await createAwsWork();
  await aws.carryOut((work) => provision({ name: "provision", migration: "orders", by: "UANA" }, work));
  const trail = await aws.store.auditTrail("orders");
  expect(trail.map(({ what }) => what)).toEqual(
    expect.arrayContaining(["aws.intent", "aws.done", "target.active"]),
  );
  expect(lackingIn(trail)).toEqual([]);
});
