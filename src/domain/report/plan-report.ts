import { canonical } from "#domain/canonical.ts";
import { priceAge } from "#domain/plan/costs.ts";
import type { CostRow, Plan, Reason } from "#domain/plan.ts";
import { planFirstScreen } from "./plan-first-screen.ts";

/** The plan for people (Markdown) and for machines (JSON): the same content. */
export function planReport(plan: Plan): { readonly markdown: string; readonly json: string } {
  return { markdown: markdown(plan), json: `${canonical(plan)}\n` };
}

function markdown(plan: Plan): string {
  const { shape } = plan;
  const volume = shape.volumeGiB === undefined ? "" : `, ${shape.volumeGiB} GiB each`;
  return [
    `# Plan of ${plan.migration}`,
    "",
    `Made ${plan.madeAt}${ofAssessment(plan)}; source cluster ${plan.sourceClusterId}; hash \`${plan.hash}\`.`,
    "",
    ...planFirstScreen(plan),
    "## MSK",
    "",
    `${shape.brokers} × ${shape.instanceType}${volume}, Kafka ${shape.kafkaVersion}, $${shape.monthlyUsd} a month.`,
    "",
    ...reasonRows(plan.reasons),
    ...costTables(plan),
    ...questionRows(plan),
    "",
    "## Instead of the published guide",
    "",
    ...reasonRows(plan.corrections),
    "",
    ...engineTables(plan),
    "## Configuration",
    "",
    "```properties",
    ...Object.entries(plan.configuration).map(([key, value]) => `${key}=${value}`),
    "```",
    "",
    `## Waves: ${plan.waves.length}`,
    "",
    ...table(
      ["", "wave", "topics", "groups", "why together", "risk"],
      plan.waves.map(({ name, topics, groups, why, risk }, index) => [
        String(index + 1),
        name,
        topics.join(", "),
        groups.join(", "),
        why,
        risk === undefined ? "not scored" : `${risk.score}: ${risk.why}`,
      ]),
    ),
    ...apartRows(plan),
    "",
    ...topicRows(plan),
    "",
    "## Other shapes",
    "",
    ...table(
      ["shape", "$ a month", "why"],
      plan.alternatives.map(({ name, monthlyUsd, why }) => [name, String(monthlyUsd), why]),
    ),
    "",
    ...whatFollows(plan),
    ...callRows(plan),
    "",
  ].join("\n");
}

function ofAssessment({ basis }: Plan): string {
  return basis === undefined ? "" : ` from the assessment of ${basis.assessedAt}`;
}

/** Open ones first, the most severe at the top; a proposal that counts is marked as taken. */
function questionRows({ questions = [] }: Plan): readonly string[] {
  if (questions.length === 0) return [];
  return [
    "",
    "## Only you know",
    "",
    ...table(
      ["question", "state", "answer", "proposed", "decides", "holds up"],
      questions.map(({ id, asks, state, severity, value, proposed, why, depends, blocks, conflict }) => [
        `${id}: ${asks}`,
        conflict ?? (state === "open" ? `open, ${severity}` : state),
        value ?? "",
        proposed === null ? "" : `${proposed} (${why ?? ""})`,
        depends,
        blocks ?? "nothing",
      ]),
    ),
  ];
}

function costTables({ costs, madeAt }: Plan): readonly string[] {
  if (costs === undefined) return [];
  const old = priceAge(madeAt);
  return [
    "",
    "## Price",
    "",
    ...(old === undefined ? [] : [`Outdated: ${old}.`, ""]),
    "### A month",
    "",
    ...costRows(costs.monthly),
    "",
    "### The migration itself",
    "",
    ...costRows(costs.migration),
  ];
}

function callRows({ calls = [] }: Plan): readonly string[] {
  if (calls.length === 0) return [];
  return [
    "",
    `### Calls that change something: ${calls.length}`,
    "",
    "In order; with all arguments in the JSON.",
    "",
    ...table(
      ["", "step", "to", "call", "arguments", "known only then"],
      calls.map(({ step, to, call, args, later = "" }, index) => [
        String(index + 1),
        step,
        to,
        call,
        clipped(canonical(args)),
        later,
      ]),
    ),
  ];
}

function clipped(text: string): string {
  return text.length > 240 ? `${text.slice(0, 239)}…` : text;
}

function costRows(part: readonly CostRow[]): readonly string[] {
  return table(
    ["what", "$", "why"],
    part.map(({ what, usd, why }) => [what, usd === null ? "unknown" : String(usd), why]),
  );
}

function engineTables({ engines = [] }: Plan): readonly string[] {
  if (engines.length === 0) return [];
  return [
    "## Engine",
    "",
    ...table(
      ["engine", "", "prerequisite", "state", "seen", "source"],
      engines.flatMap(({ name, taken, recommended, prerequisites }) => {
        const marks = [taken ? "taken" : "", recommended ? "recommended" : ""].filter((mark) => mark !== "");
        return prerequisites.map((rule) => [
          name,
          marks.join(", "),
          rule.name,
          rule.state,
          rule.text,
          rule.source,
        ]);
      }),
    ),
    "",
  ];
}

function apartRows({ waves }: Plan): readonly string[] {
  const rows = waves.flatMap(({ name, apart = [] }) =>
    apart.map((part) => [name, part.kind, part.name, part.why]),
  );
  if (rows.length === 0) return [];
  return ["", "### Across waves", "", ...table(["wave", "what", "name", "why it may"], rows)];
}

function reasonRows(reasons: readonly Reason[]): readonly string[] {
  return table(
    ["what", "why", "source"],
    reasons.map(({ what, why, source }) => [what, why, source]),
  );
}

function topicRows({ topics }: Plan): readonly string[] {
  const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
  return [
    `## Topics: ${topics.length}, ${partitions} partitions`,
    "",
    ...table(
      ["topic", "partitions", "replicas", "configs"],
      topics.map(({ name, partitions, replicationFactor, configs }) => [
        name,
        String(partitions),
        String(replicationFactor),
        Object.entries(configs)
          .map(([key, value]) => `${key}=${value}`)
          .join(" "),
      ]),
    ),
    "",
    "### Settings that differ from the source's",
    "",
    ...table(
      ["topic", "key", "from", "to", "why"],
      topics.flatMap(({ name, adjusted }) =>
        adjusted.map(({ key, from, to, why }) => [name, key, from ?? "not set", to ?? "left out", why]),
      ),
    ),
  ];
}

/** A dry run of all that follows, in the order of the commands. */
function whatFollows(plan: Plan): readonly string[] {
  const waves = plan.waves.map(({ name }) => name);
  return [
    "## What follows",
    "",
    `1. \`/ferry provision\`: configuration, then ${plan.shape.brokers} × ${plan.shape.instanceType}; about half an hour.`,
    "2. `/ferry network`: peering or a check of what exists; every path probed.",
    `3. \`/ferry replicate start\`: ${plan.topics.length} topics created on MSK, ${waves.length} mirrors.`,
    ...waves.flatMap((wave, index) => [
      `${4 + index * 2}. \`/ferry cutover consumers ${wave}\`: two approvals; way back \`/ferry rollback ${wave}\`.`,
      `${5 + index * 2}. \`/ferry cutover producers ${wave}\`: two approvals; way back \`/ferry rollback ${wave}\`.`,
    ]),
    `${4 + waves.length * 2}. \`/ferry verify\`, then \`/ferry cleanup\`: after that there is no way back.`,
  ];
}

function table(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
