import { type AssessedTopic, type Assessment, sumKnown } from "./assessment.ts";
import { canonical } from "./canonical.ts";
import type { Known } from "./topology.ts";

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
    `Taken ${assessment.taken.at}; cluster ${assessment.clusterId}; Kafka ${shown(assessment.version)}; throughput over ${assessment.taken.windowMs / 1000} s.`,
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
  const clean = findings.filter(({ state }) => state === "not found");
  const rows = table(
    ["", "code", "about", "seen", "do"],
    findings
      .filter(({ state }) => state !== "not found")
      .map(({ severity, state, code, subject, evidence, remedy }) => [
        state === "unknown" ? "unknown" : severity,
        code,
        subject,
        evidence,
        remedy,
      ]),
  );
  if (clean.length === 0) return rows;
  const checked = clean.map(({ code, evidence }) => [code, evidence]);
  return [...rows, "", "Checked, and not found:", "", ...table(["code", "looked at"], checked)];
}

function topicRows(topics: readonly AssessedTopic[]): readonly string[] {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  const disk = sumKnown(topics.map(({ bytesOnDisk }) => bytesOnDisk));
  return [
    `## Topics: ${topics.length}, ${partitions} partitions, ${bytes(disk, topics.length)}`,
    "",
    ...table(
      ["topic", "partitions", "RF", "policy", "offsets held", "records/s", "average bytes", "bytes on disk"],
      topics.map((topic) => [
        topic.name,
        String(topic.partitions),
        String(topic.replicationFactor),
        topic.compacted ? "compact" : "delete",
        shown(topic.offsetsHeld),
        shown(topic.recordsPerSecond, (rate) => rate.toFixed(1)),
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

function bytes({ sum, unknown }: ReturnType<typeof sumKnown>, topics: number): string {
  if (unknown === 0) return `${sum} bytes on disk`;
  return unknown === topics ? "bytes on disk unknown" : `at least ${sum} bytes on disk (${unknown} unknown)`;
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

function shown<T>(value: Known<T>, write: (value: T) => string = String): string {
  return value.known ? write(value.value) : `unknown (${value.why})`;
}

function table(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
