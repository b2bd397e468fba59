import { afterEach, beforeEach, expect, it } from "vitest";
import type { Flow } from "#domain/ports.ts";
import { type ReplicatorUnderTest, startReplicatorUnderTest } from "#support/replicator-under-test.ts";

const name = "ferry-shop-all-forward";
const flow: Flow = { name, kind: "forward", topics: ["orders.eu"], groups: [], tasks: 1 };

let under: ReplicatorUnderTest;

beforeEach(async () => {
  under = await startReplicatorUnderTest();
  for (const side of [under.source, under.target]) side.addTopic("orders.eu");
  under.aws.control.fault({ kind: "fail-create", code: "AccessDenied", message: "No." });
});
afterEach(() => under.stop());

async function fail(): Promise<void> {
  const refused = await under
    .engine()
    .define(flow, "running")
    .catch((error: unknown) => error);
  if (!(refused instanceof Error)) throw new Error("the Replicator did not fail");
}

/** What happens between a bot's look at the failed one and what it does about it. */
function restartWhile(meanwhile: () => Promise<void>): Promise<void> {
  const listTopics = async () => {
    await meanwhile();
    return await under.target.cluster.listTopics();
  };
  return under.engine({ target: { ...under.target.cluster, listTopics } }).restartFailed(name);
}

const calls = (operation: string) =>
  under.aws.control.calls().filter((call) => call.operation === operation).length;

it("a failed Replicator is made anew once by two bots that see it fail", async () => {
  await fail();
  let others = 0;
  await restartWhile(async () => {
    if (others === 0) await under.engine().restartFailed(name);
    others += 1;
  });
  expect(await under.engine().status(name)).toMatchObject({ state: "running" });
  expect([calls("CreateReplicator"), calls("DeleteReplicator")]).toEqual([2, 1]);
});

it("a failed Replicator is not made anew when somebody stopped it meanwhile", async () => {
  await fail();
  await expect(restartWhile(() => under.engine().stop(name))).rejects.toMatchObject({
    code: "E_REPLICATOR",
    message: expect.stringContaining("it was stopped or removed while its restart was under way"),
  });
  expect(await under.engine().status(name)).toMatchObject({ state: "stopped" });
});
