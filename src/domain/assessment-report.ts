import { type AssessedTopic, type Assessment, sumKnown } from "./assessment.ts";
import { canonical } from "./canonical.ts";

/** The report for people (Markdown) and for machines (JSON): the same content, stable for an unchanged cluster. */
export function assessmentReport(assessment: Assessment): {
  readonly markdown: string;
  readonly json: string;
} {
  return { markdown: markdown(assessment), json: `${canonical(assessment)}\n` };
}

function markdown(assessment: Assessment): string {
  return [
    `# Assessment of ${assessment.migration}`,
    "",
    `Taken ${assessment.takenAt}; cluster ${assessment.clusterId}; Kafka ${shown(assessment.version)}; throughput over ${assessment.windowMs / 1000} s.`,
    "",
    "## Findings",
    "",
    ...findingRows(assessment),
    "",
    ...topicRows(assessment.topics.filter(({ internal }) => !internal)),
    "",
    `## Groups: ${assessment.groups.length}`,
    "",
    ...groupRows(assessment),
    "",
  ].join("\n");
}

function findingRows({ findings }: Assessment): readonly string[] {
  return table(
    ["", "code", "about", "seen", "do"],
    findings.map(({ severity, state, code, subject, evidence, remedy }) => [
      state === "unknown" ? "unknown" : severity,
      code,
      subject,
      evidence,
      remedy,
    ]),
  );
}

function topicRows(topics: readonly AssessedTopic[]): readonly string[] {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  const disk = sumKnown(topics.map(({ bytesOnDisk }) => bytesOnDisk));
  const unknown = disk.unknown > 0 ? ` (${disk.unknown} unknown)` : "";
  return [
    `## Topics: ${topics.length}, ${partitions} partitions, ${disk.sum} bytes on disk${unknown}`,
    "",
    ...table(
      ["topic", "partitions", "RF", "policy", "offsets held", "records/s", "average bytes", "bytes on disk"],
      topics.map((topic) => [
        topic.name,
        String(topic.partitions),
        String(topic.replicationFactor),
        topic.compacted ? "compact" : "delete",
        String(topic.offsetsHeld),
        topic.recordsPerSecond.toFixed(1),
        shown(topic.averageRecordBytes),
        shown(topic.bytesOnDisk),
      ]),
    ),
    "",
    "## Settings",
    "",
    ...table(
      ["topic", "key", "value", "origin"],
      topics.flatMap(({ name, configs }) =>
        Object.entries(configs).map(([key, { value, origin }]) => [name, key, value ?? "not told", origin]),
      ),
    ),
  ];
}

function groupRows({ groups }: Assessment): readonly string[] {
  return table(
    ["group", "state", "members", "topics", "lag"],
    groups.map(({ id, state, members, topics, lag }) => [
      id,
      state,
      String(members.length),
      topics.join(", "),
      shown(lag),
    ]),
  );
}

function shown(value: { known: true; value: unknown } | { known: false; why: string }): string {
  return value.known ? String(value.value) : `unknown (${value.why})`;
}

function table(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
