import type { AssessedConnector, Assessment } from "#domain/assessment.ts";
import { cappedTable, mono, some } from "#domain/markdown.ts";
import { count, figure } from "#domain/wording.ts";

/** The report's section on Kafka Connect, where ferry.yaml names a cluster of it. */
export function connectSection({ connectors }: Pick<Assessment, "connectors">): readonly string[] {
  if (connectors === undefined) return [];
  if (!connectors.known) return ["## Connectors: unknown", "", connectors.why, ""];
  return [
    `## Connectors: ${figure(connectors.value.length)}`,
    "",
    "Values that may be secrets are left out. Their offsets stay on the source: see `CONNECT_INTERNALS`.",
    "",
    ...cappedTable(
      ["connector", "cluster", "kind", "class", "state", "tasks", "topics", "settings"],
      connectors.value.map(cells),
      tableRows,
    ),
    "",
  ];
}

const tableRows = 100;

function cells(each: AssessedConnector): readonly string[] {
  const { tasks, topics, settings } = each;
  const failed = tasks.failed === 0 ? "" : `, ${tasks.failed} failed`;
  const told = Object.entries(settings).map(([key, value]) => mono(`${key}=${value ?? "***"}`));
  return [
    mono(each.name),
    mono(each.cluster),
    each.type,
    mono(each.className),
    each.state,
    `${count(tasks.total, "task")}${failed}`,
    topics.known ? some(topics.value.map(mono)) : `unknown: ${topics.why}`,
    some(told),
  ];
}
