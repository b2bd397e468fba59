import { describe, expect, it } from "vitest";
import { Plan, planKey } from "#domain/plan.ts";
import type { FlowStatus } from "#domain/ports.ts";
import { network } from "#jobs/aws/network.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createFakeEngine } from "#support/fake-engine.ts";

type Tasks = FlowStatus["tasks"];

const running: Tasks = [{ id: 0, state: "RUNNING", worker: "w" }];

function failed(trace: string): Tasks {
  return [{ id: 0, state: "FAILED", worker: "w", trace }];
}

async function rowsWith(tasks: Tasks, name = "ferry-orders-billing-forward") {
  const aws = await createAwsWork();
  const plan = Plan.parse((await aws.store.read(planKey("orders")))?.value);
  const waves = [{ name: "billing", topics: ["orders"], groups: [], why: "test" }];
  await aws.store.write(planKey("orders"), { ...plan, waves });
  aws.msk.put({ name: "migrated" });
  const listed: FlowStatus = {
    name,
    kind: "forward",
    state: "running",
    topics: [],
    tasks,
  };
  const engine = {
    ...createFakeEngine(aws.source, aws.target),
    list: async () => (tasks.length === 0 ? [] : [listed]),
  };
  const shown = await aws.carryOut((work) =>
    network(
      { name: "network", migration: "orders", by: "UANA" },
      { ...work, world: { ...work.world, engine: async () => engine } },
    ),
  );
  const last = shown.at(-1);
  const table = last?.parts.find((part) => part.kind === "table");
  const rows = table?.rows.filter(([from]) => from === "workers") ?? [];
  return { rows: rows.map((row) => row.slice(3).join(" ")), text: JSON.stringify(last), tone: last?.tone };
}

describe("the way from what runs the mirrors", () => {
  it("is not told before a mirror runs, and that is no failure", async () => {
    const { rows, text, tone } = await rowsWith([]);
    expect(rows).toEqual([
      "not told not told not used not used not told",
      "not told not told not used not used not told",
    ]);
    expect(text).toContain("no mirror runs yet");
    expect(text).toMatch(/"\d of \d paths through to Kafka, 2 not told to the end\."/);
    expect(tone).toBe("done");
  });

  it("is not told by the mirror of another migration whose name begins alike", async () => {
    expect((await rowsWith(running, "ferry-orders-eu-all-forward")).text).toContain("no mirror runs yet");
  });

  it("is proved by tasks that run", async () => {
    const { rows, text } = await rowsWith(running);
    expect(text).toMatch(/"\d paths, all through to Kafka\."/);
    expect(rows).toEqual(["ok ok not used not used ok", "ok ok not used not used ok"]);
  });

  it("ends where a failed task's trace says, at the cluster that it names", async () => {
    const { rows, text, tone } = await rowsWith(
      failed(
        "ConnectException: poll\nCaused by: org.apache.kafka.common.errors.TimeoutException: source.test:9092",
      ),
    );
    expect(rows[0]).toBe("ok fails not used not used not reached");
    expect(rows[1]).toBe("not told not told not used not used not told");
    expect(text).toMatch(
      /`E_NETWORK` 1 of \d paths ends early, \d through to Kafka, 1 not told to the end\./,
    );
    expect(tone).toBe("failed");
  });
});
