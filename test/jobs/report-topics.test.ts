import { expect, it } from "vitest";
import { Plan, planKey } from "#domain/plan.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { createMirrorWork } from "#support/mirror-work.ts";

const start = { name: "replicate", migration: "orders", by: "UANA", action: "start" } as const;

it("tells each setting that MSK gets otherwise, with its reason, once; and what an older topic has", async () => {
  const { work, small, target } = await createMirrorWork();
  const plan = Plan.parse((await small.store.read(planKey("orders")))?.value);
  const dropped = { key: "message.format.version", from: "2.8", to: null, why: "Kafka 4.0 has one format" };
  const changed = { key: "min.insync.replicas", from: "3", to: "2", why: "more would stop writes" };
  const topics = plan.topics.map((topic) => ({
    ...topic,
    configs: { "min.insync.replicas": "2", "retention.ms": "1000" },
    adjusted: [dropped, changed],
  }));
  await small.store.write(planKey("orders"), { ...plan, topics });
  target.addTopic("parcels", { partitions: 3 });
  target.setConfig("parcels", "retention.ms", "7");
  const files: string[] = [];
  const card: typeof work.card = {
    ...work.card,
    file: async ({ name, content }) => {
      files.push(`${name}\n${content.toString()}`);
      return "F1";
    },
  };
  await replicate(start, { ...work, card });
  const [report] = files.filter((text) => text.startsWith("topic-settings.csv"));
  for (const topic of ["invoices", "payments", "parcels"]) {
    expect(report).toContain(`${topic},message.format.version,2.8,left out,Kafka 4.0 has one format`);
    expect(report).toContain(`${topic},min.insync.replicas,3,2,more would stop writes`);
  }
  expect(report).toContain('parcels,retention.ms,1000,7,"the topic was there before, and is left as it is"');
  expect(report).not.toContain("invoices,retention.ms");
  const said = small.card.threads.map((message) => JSON.stringify(message));
  expect(said.find((text) => text.includes("topics on MSK"))).toContain("invoices, payments, parcels");
  target.setConfig("parcels", "retention.ms", "1000");
  target.setConfig("parcels", "min.insync.replicas", "2");
  const before = files.length;
  await replicate(start, { ...work, card });
  expect(files.length).toBe(before);
});
