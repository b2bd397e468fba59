import { expect, it } from "vitest";
import type { Proposal } from "#domain/approval/approval.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { Plan, planKey } from "#domain/plan.ts";
import type { Store } from "#domain/ports.ts";
import { requestKey } from "#jobs/approval/request-store.ts";
import { plan } from "#jobs/plan.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { requestOf } from "#support/recorded-run.ts";
import { createSmallWork } from "#support/small-work.ts";

const job = { name: "plan", migration: "orders", by: "UANA" } as const;

it("changes no wave whose run begins while the new plan is being written", async () => {
  const { store, ...small } = createSmallWork();
  const topics = ["invoices", "payments"];
  const assess = (reads: readonly string[]) =>
    store.write(
      assessmentKey("orders"),
      assessmentOf({
        topics: topics.map((name) => assessedTopic(name)),
        groups: [assessedGroup("billing-app", reads)],
      }),
    );
  await assess(topics);
  await plan(job, { ...small, store });
  const before = Plan.parse((await store.read(planKey("orders")))?.value);
  const [first] = before.waves;
  expect(first?.topics).toEqual(topics);

  await assess(["invoices"]);
  const proposal: Proposal = {
    action: "cutover-consumers",
    wave: first?.name ?? "",
    title: "",
    plan: {},
    effects: [],
    facts: [],
    quorum: 2,
  };
  const running = { ...requestOf(proposal, "7K3Q", small.clock.now()), state: "executing" };
  // The run has read the plan that it was approved with, and the new one comes right behind.
  const write: Store["write"] = async (key, ...rest) => {
    if (key === planKey("orders")) await store.write(requestKey("orders", "7K3Q"), running);
    return await store.write(key, ...rest);
  };
  await plan(job, { ...small, store: { ...store, write } });
  const after = Plan.parse((await store.read(planKey("orders")))?.value);
  const { name, groups } = first ?? {};
  expect(after.waves.find((wave) => wave.name === name)).toMatchObject({ topics, groups });
});
