import { describe, expect, it } from "vitest";
import { feature, features } from "#jobs/aws/features.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { openRun } from "#support/sample-migration.ts";

const job = { name: "features", migration: "orders", by: "UANA" } as const;
const asked = (choice: string) => ({ choice, by: "UANA" });

async function provisioned() {
  const aws = await createAwsWork();
  aws.msk.put({ name: "migrated", volumeGiB: 100 });
  return aws;
}
type Aws = Awaited<ReturnType<typeof provisioned>>;

async function carryOut(aws: Aws, choice: string) {
  const work = aws.open();
  const proposal = await feature.propose(asked(choice), work);
  const run = await openRun(aws.store, "7K3Q");
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const steps = await feature.steps(proposal, work, run);
    const result = await runSteps({ steps, run, work, subject: "orders · feature" });
    if (result.kind !== "again") return { result, parts: await feature.summary(proposal, work, run) };
    await aws.clock.advance(result.ms);
  }
  throw new Error("never done");
}

describe("MSK features", () => {
  it("lists what is worth enabling, with the exact change for all brokers and a price", async () => {
    const aws = await provisioned();
    const shown = await aws.carryOut((work) => features(job, work));
    const text = JSON.stringify(shown.at(-1));
    expect(text).toContain(String.raw`\"KafkaBrokerNodeId\":\"All\",\"VolumeSizeGB\":130`);
    expect(text).toContain("register-scalable-target");
    expect(text).toContain("$9.00 a month more");
    expect(text).toContain("express.m7g.large");
    expect(text).toContain("Serverless");
    expect(shown.at(-1)?.next).toEqual(["features storage", "features monitoring"]);
    expect(aws.msk.changes).toEqual([]);
  });

  it("asks one person, with the price and that there is no way back", async () => {
    const aws = await provisioned();
    const proposal = await feature.propose(asked("storage=250"), aws.open());
    expect(proposal).toMatchObject({
      action: "feature",
      quorum: 1,
      facts: [{ state: "pass" }, { state: "pass" }],
    });
    expect(JSON.stringify(proposal.effects)).toContain("never shrinks");
    expect(JSON.stringify(proposal.effects)).toContain("$45.00 a month more");
  });

  it("grows the storage and follows the operation to its end", async () => {
    const aws = await provisioned();
    const { result, parts } = await carryOut(aws, "storage=250");
    expect(result).toEqual({ kind: "done" });
    expect(aws.msk.clusters()).toMatchObject([{ volumeGiB: 250, state: "ACTIVE" }]);
    expect(JSON.stringify(parts)).toContain("250 GiB a broker, ACTIVE");
  });

  it("changes the monitoring", async () => {
    const aws = await provisioned();
    await carryOut(aws, "monitoring");
    expect(aws.msk.clusters()).toMatchObject([{ monitoring: "PER_BROKER" }]);
  });

  it("asks AWS once, also when it is killed before it could remember the operation", async () => {
    const aws = await provisioned();
    aws.msk.script.onCall = (call, phase) => {
      if (call === "updateStorage" && phase === "after") throw new Error("killed");
    };
    const work = aws.open();
    const proposal = await feature.propose(asked("storage"), work);
    const run = await openRun(aws.store, "7K3Q");
    const [step] = await feature.steps(proposal, work, run);
    await expect(step?.act()).rejects.toThrow("killed");
    aws.msk.script.onCall = () => {};
    expect(await step?.act()).toMatchObject({ kind: "again" });
    await aws.clock.advance(20 * 60_000);
    expect(await step?.isDone()).toBe(true);
    expect(aws.msk.changes).toEqual(["updateStorage"]);
  });

  it("reports AWS's cause when the operation fails", async () => {
    const aws = await provisioned();
    aws.msk.script.failNext = "StorageOptimizing: wait six hours";
    const { result } = await carryOut(aws, "storage");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_TARGET_FAILED" } });
    expect(JSON.stringify(result)).toContain("E_TARGET_FAILED");
  });

  it.each([
    { choice: "storage=100", says: "storage never shrinks" },
    { choice: "storage=99999", says: "at most 16384" },
    { choice: "monitoring=PER_BRKER", says: "did you mean PER_BROKER" },
    { choice: "storag", says: "did you mean storage" },
    { choice: "monitoring=DEFAULT", says: "is DEFAULT already" },
  ])("refuses $choice", async ({ choice, says }) => {
    const aws = await provisioned();
    await expect(feature.propose(asked(choice), aws.open())).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining(says),
    });
  });
});
