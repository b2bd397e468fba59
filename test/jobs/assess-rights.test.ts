import { expect, it } from "vitest";
import { known, unknown } from "#domain/topology.ts";
import { assessContext } from "#jobs/assess-context.ts";
import { assessed, openAssess, sampleSource, topicOf } from "#support/assess-work.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { createFakeEngine } from "#support/fake-engine.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";

it("leaves the writers unknown only of topics that the bot may not read", async () => {
  const parts = sampleSource();
  parts.kafka.append("orders", 1, { value: "x" }, { producerId: 7 });
  const asked: string[] = [];
  const { cluster } = parts.kafka;
  const { found } = await assessed(parts, {
    rights: async () =>
      known({
        cluster: ["DESCRIBE"],
        topics: new Map([
          ["orders", ["DESCRIBE", "READ"]],
          ["refunds", ["DESCRIBE"]],
        ]),
      }),
    producers: (names) => {
      asked.push(...names);
      return cluster.producers(names);
    },
  });
  expect(asked).toEqual(["orders"]);
  const { writers, openTransactions } = topicOf(found, "refunds");
  expect(writers.idempotent).toEqual(unknown("The bot has no READ on refunds."));
  expect(openTransactions).toEqual(unknown("The bot has no READ on refunds."));
  expect(topicOf(found, "orders")).toMatchObject({
    writers: { idempotent: known(true) },
    openTransactions: known([]),
  });
  expect(found.clients.producers.map(({ producerId }) => producerId)).toEqual([7]);
  expect(found.clients.unknown).toContainEqual(
    expect.objectContaining({
      what: "idempotent producers of 1 topic",
      why: "the bot has no READ on refunds",
    }),
  );
});

it("holds a source of 2.0 against the release of the workers that are to copy", async () => {
  const parts = sampleSource();
  const { work } = openAssess(parts);
  const inventory = { ...(await assessed(parts)).found, version: known("2.0") };
  const engine = createFakeEngine(parts.kafka, createFakeKafka({ role: "target" }));
  const world = withWorld(work, { engine: async () => engine });
  const context = await assessContext(inventory, { controller: 1 }, [], world);
  expect(context.workers).toEqual(known((await engine.check()).version));
  const newer = { ...inventory, version: known("2.1") };
  expect(await assessContext(newer, { controller: 1 }, [], world)).not.toHaveProperty("workers");
});
