import { afterEach, beforeEach, expect, it } from "vitest";
import { createReplicatorMetrics } from "#adapters/msk-replicator-metrics.ts";
import { noteOf } from "#domain/mirror/replicator-reading.ts";
import { type AwsUnderTest, startAwsUnderTest } from "#support/aws-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const now = Date.UTC(2026, 10, 23, 8, 0, 30);
let aws: AwsUnderTest;

beforeEach(async () => {
  aws = await startAwsUnderTest({ now: () => now });
});
afterEach(() => aws.stop());

const metrics = () =>
  createReplicatorMetrics({ region: aws.region, log: createQuietLog(), clock: { now: () => now } });

it("reads AWS's own numbers of one Replicator, the newest of each", async () => {
  const dimensions = { ReplicatorName: "forward" };
  for (const [name, value, ago] of [
    ["MessageLag", 900, 2],
    ["MessageLag", 120, 1],
    ["MessageLag", 30, 1],
    ["ReplicationLatency", 400, 1],
    ["ReplicationLatency", 2_500, 1],
    ["ReplicatorFailure", 0, 1],
  ] as const) {
    aws.control.metric({ name, dimensions, value, at: now - ago * 60_000 });
  }
  aws.control.metric({ name: "MessageLag", dimensions: { ReplicatorName: "other" }, value: 1 });
  const reading = await metrics().read("forward");
  const at = Date.UTC(2026, 10, 23, 7, 59);
  expect(reading).toMatchObject({
    messageLag: { known: true, value: { value: 150, at } },
    replicationLatencyMs: { known: true, value: { value: 2_500, at } },
    replicatorFailure: { known: true, value: { value: 0 } },
    authErrors: { known: false, why: "CloudWatch has no AuthError of the last 15 minutes" },
  });
  expect(noteOf(reading)).toEqual({
    note: "AWS's own numbers: MessageLag 150 records, ReplicationLatency 2500 ms",
  });
});

it("names what should be zero and is not, as trouble where copying fails", async () => {
  const dimensions = { ReplicatorName: "forward" };
  aws.control.metric({ name: "ThrottleTime", dimensions, value: 40, at: now - 60_000 });
  expect(noteOf(await metrics().read("forward"))).toMatchObject({
    note: expect.stringContaining("ThrottleTime 40 ms"),
  });
  expect(noteOf(await metrics().read("forward"))).not.toHaveProperty("trouble");
  aws.control.metric({ name: "ReplicatorFailure", dimensions, value: 1, at: now - 60_000 });
  aws.control.metric({ name: "AuthError", dimensions, value: 3, at: now - 60_000 });
  expect(noteOf(await metrics().read("forward"))).toEqual({
    note: expect.stringContaining("ReplicatorFailure 1, AuthError 3, ThrottleTime 40 ms"),
    trouble: "AWS reports ReplicatorFailure 1 and AuthError 3, though the Replicator is RUNNING",
  });
});

it("has no number where CloudWatch has none, and none of yesterday", async () => {
  aws.control.metric({
    name: "MessageLag",
    dimensions: { ReplicatorName: "forward" },
    value: 5,
    at: now - 16 * 60_000,
  });
  const reading = await metrics().read("forward");
  expect(reading.messageLag.known).toBe(false);
  expect(noteOf(reading).note).toContain("MessageLag unknown (CloudWatch has no MessageLag");
});

it("names the action that the role lacks", async () => {
  aws.control.fault({ kind: "error", status: 403, code: "AccessDeniedException", message: "no" });
  await expect(metrics().read("forward")).rejects.toMatchObject({
    code: "E_AWS_ACCESS",
    message: expect.stringContaining("cloudwatch:GetMetricData on forward"),
  });
});
