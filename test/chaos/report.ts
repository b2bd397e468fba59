import { type Boundary, Fault, faultTitles, Run, runs } from "./cases.ts";
import type { Baseline, Results, Row, Versions } from "./results.ts";

/** `docs/reliability.md`, from the results and from nothing else. */

export function reliabilityPage(results: Results): string {
  const rows = results.rows();
  const baselines = results.baselines();
  return [
    "# Reliability",
    "",
    introduction,
    "",
    totals(rows, baselines),
    "",
    ...Run.options.flatMap((run) => section(run, baselines.get(run), rows)),
    ...failures(rows),
    "## How it was found out",
    "",
    method,
    "",
    versionLine(results.versions(), rows),
    "",
  ].join("\n");
}

const introduction = `What happens to a run when something breaks in the middle of it. Each row is a step boundary as the run's own journal
shows it; each column a fault that came at that very moment. A cell says whether the run _went on_ to where it leads or
_went back_ to where it began, how many records were lost and read twice by the applications' own logs, and the seconds
from the fault to the bot's last word in the channel. Written by \`npm run chaos\`; not edited by hand.`;

const method = `\`npm run chaos\` starts a lab (two Kafka clusters, Connect, Redis with its data on disk, a Slack-compatible workspace, the
bot, one producer and one consumer group on two topics), brings a migration to where the run begins, asks for it by slash
command, approves it as two people, watches the journal in Redis and does the harm when the boundary shows. Steps are not
listed anywhere by hand: undisturbed runs show them first. A migration is used for up to twelve cases in a row, as a cutover
and its rollback lead back to where they began, and is then replaced by one with new names; after a failed case at once.

A case is ok only when all of this holds, read from Kafka, Connect and the applications, not from the bot's record:

- every application runs on the side that the end implies, the group has members on that side alone, forward and reverse
  mirror run or rest accordingly and never both, and the bot's record of the wave says the same;
- checkpoint connector and ACLs are as an undisturbed run leaves them, or as they were before a run that went back;
- the channel's messages name that outcome;
- every acknowledged record was read, none twice, and both clusters hold the same records up to what the mirror still copies;
- records written afterwards are read.

Faults: the worker gets SIGKILL and is started again as a supervisor would (the lock of its job, which BullMQ holds for up to
15 s, is removed as if that time had passed); Connect, brokers and Redis get SIGKILL and are started again at once; Slack
answers nothing for 5 s. Settings are short (\`flatFor\` 1 s, \`watch\` 1 s, \`patience\` 60 s), so seconds are those of the lab.

\`npm run chaos -- --results FILE\` goes on where an earlier call was stopped; \`--only PATTERN\` plays some cases, \`--list\` names
them, \`--sample\` plays those of \`npm test\`.`;

function totals(rows: readonly Row[], baselines: ReadonlyMap<Run, Baseline>): string {
  const ok = rows.filter((row) => row.ok).length;
  const all = [...baselines.values()].reduce(
    (sum, { boundaries }) => sum + boundaries.length * Fault.options.length,
    0,
  );
  const lost = rows.reduce((sum, row) => sum + (row.lost ?? 0), 0);
  const twice = rows.reduce((sum, row) => sum + (row.twice ?? 0), 0);
  const unknown = rows.filter((row) => row.lost === null).length;
  const on = rows.filter((row) => row.outcome === "went on").length;
  const back = rows.filter((row) => row.outcome === "went back").length;
  const seconds = rows.map((row) => row.seconds).toSorted((one, other) => one - other);
  const median = seconds[Math.floor(seconds.length / 2)];
  const worst = seconds.at(-1);
  return [
    "| cases | ok | failed | not played | went on | went back | records lost | read twice | median | longest |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    `| ${rows.length} | ${ok} | ${rows.length - ok} | ${Math.max(0, all - rows.length)} | ${on} | ${back} | ${lost} | ${twice} | ${median ?? "–"} s | ${worst ?? "–"} s |`,
    ...(unknown > 0 ? ["", `In ${unknown} failed cases lost and read twice are not known.`] : []),
  ].join("\n");
}

function section(run: Run, baseline: Baseline | undefined, rows: readonly Row[]): readonly string[] {
  const { title } = runs[run];
  if (baseline === undefined) return [`## ${title}`, "", "Not played.", ""];
  return [
    `## ${title}`,
    "",
    `Undisturbed: ${baseline.seconds} s.`,
    "",
    `| boundary | ${Fault.options.map((fault) => faultTitles[fault]).join(" | ")} |`,
    `| --- | ${Fault.options.map(() => "---").join(" | ")} |`,
    ...baseline.boundaries.map((at) => boundaryRow(run, at, rows)),
    "",
  ];
}

function boundaryRow(run: Run, at: Boundary, rows: readonly Row[]): string {
  const cells = Fault.options.map((fault) =>
    cell(rows.find((row) => row.run === run && row.at === at && row.fault === fault)),
  );
  const [step = "", side = ""] = at.split(":");
  return `| ${side === "begin" ? "begin" : "end"} of \`${step}\` | ${cells.join(" | ")} |`;
}

function cell(row: Row | undefined): string {
  if (row === undefined) return "not played";
  const text = `${row.outcome}, ${row.lost ?? "?"} lost, ${row.twice ?? "?"} twice, ${row.seconds} s`;
  return row.ok ? text : `**FAIL** ${text}`;
}

function failures(rows: readonly Row[]): readonly string[] {
  const failed = rows.filter((row) => !row.ok);
  if (failed.length === 0) return [];
  return [
    "## Failed",
    "",
    ...failed.map(({ name, why }) => `- \`${name}\`: ${why.join("; ").replaceAll("|", "\\|")}`),
    "",
  ];
}

function versionLine(versions: Versions | undefined, rows: readonly Row[]): string {
  const days = rows.map(({ when }) => when.slice(0, 10)).toSorted();
  const [first, last] = [days[0], days.at(-1)];
  const when = first === last ? (first ?? "not played") : `${first} to ${last}`;
  if (versions === undefined) return `Played: ${when}.`;
  const { source, target, connect, redis, node, commit } = versions;
  return `Played: ${when}, at commit ${commit}. Source Kafka ${source}, target Kafka ${target}, Connect ${connect}, Redis ${redis}, Node ${node}.`;
}
