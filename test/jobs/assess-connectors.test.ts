import { expect, it } from "vitest";
import { assessmentDiff } from "#domain/assess/assessment-diff.ts";
import { Assessment } from "#domain/assessment.ts";
import type { ConnectInventory } from "#domain/connectors.ts";
import { FerryError } from "#domain/errors.ts";
import { assessmentReport } from "#domain/report/assessment-report.ts";
import { known } from "#domain/topology.ts";
import { connectorsOf } from "#jobs/assess/connectors.ts";
import { assessmentOf } from "#support/assessed.ts";
import { createSmallWork } from "#support/small-work.ts";

const shop = {
  cluster: "http://connect:8083",
  name: "shop",
  type: "sink",
  className: "io.example.JdbcSink",
  state: "RUNNING",
  tasks: { total: 2, failed: 1 },
  topics: known(["orders"]),
  settings: { "connection.password": null, "tasks.max": "2" },
} as const;

function workWith(...sourceConnects: readonly ConnectInventory[]) {
  const small = createSmallWork();
  return { ...small, world: Object.create(small.world, { sourceConnects: { value: sourceConnects } }) };
}

it("an assessment lists the connectors of the clusters that ferry.yaml names, in both reports", async () => {
  const found = await connectorsOf(
    workWith({ connectors: async () => [{ ...shop, topics: known(["orders"]) }] }),
  );
  const { markdown, json } = assessmentReport(assessmentOf(found));
  expect(markdown).toContain("## Connectors: 1");
  expect(markdown).toContain("| sink | `io.example.JdbcSink` | RUNNING | 2 tasks, 1 failed | `orders` |");
  expect(markdown).toContain("`connection.password=***`");
  expect(Assessment.parse(JSON.parse(json)).connectors).toEqual(known([shop]));
});

it("says that they are not known where one does not answer, and nothing where none is named", async () => {
  const silent: ConnectInventory = {
    async connectors() {
      throw new FerryError("E_CONNECT_UNREACHABLE", "Connect did not answer: refused.");
    },
  };
  const found = await connectorsOf(workWith(silent));
  expect(assessmentReport(assessmentOf(found)).markdown).toContain(
    "## Connectors: unknown\n\nConnect did not answer: refused.",
  );
  expect(assessmentReport(assessmentOf(await connectorsOf(workWith()))).markdown).not.toContain("Connectors");
});

it("assess diff tells a connector that came and one whose state changed", () => {
  const before = assessmentOf({ connectors: known([{ ...shop, topics: known(["orders"]) }]) });
  const stopped = { ...shop, state: "PAUSED", topics: known(["orders"]) };
  const after = assessmentOf({ connectors: known([stopped, { ...stopped, name: "files" }]) });
  const told = JSON.stringify(assessmentDiff(before, after));
  expect(told).toContain("files");
  expect(told).toContain("PAUSED");
});
