import { z } from "zod";
import { aclText } from "#domain/access/acl-matching.ts";
import type { Plan } from "#domain/plan.ts";
import type { ChainedEntry } from "#domain/ports.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { type FenceDocument, fenceSize } from "#jobs/switch/fence-document.ts";
import { standingFences } from "#jobs/switch/fence-sweep.ts";
import type { Work } from "#jobs/work.ts";
import { leftNetwork } from "./left-network.ts";

/** The last word on a migration: what moved, when, who approved it, what is left and how to take it away. */

export type FinalReport = {
  readonly name: string;
  readonly markdown: string;
  readonly topics: number;
  readonly groups: number;
  /** One line for the channel. */
  readonly left: string;
};

export async function finalReport(
  plan: Plan,
  cleaned: readonly string[],
  silent: { readonly from: number; readonly to: number } | undefined,
  work: Work,
  rightsLeft: readonly string[] = [],
): Promise<FinalReport> {
  const waves = plan.waves.filter(({ name }) => cleaned.includes(name));
  const trail = await work.store.auditTrail(work.migration.name);
  const network = await leftNetwork(work);
  const fences = await standingFences(work, cleaned);
  const markdown = [
    `# Final report of ${work.migration.name}`,
    "",
    silent === undefined
      ? "The time of silence on the source was not recorded."
      : `The source was silent from ${iso(silent.from)} to ${iso(silent.to)}: no record, no reader.`,
    "",
    "## What moved",
    "",
    ...table(
      ["wave", "topics", "groups", "consumers moved", "producers moved", "cleaned up"],
      waves.map(({ name, topics, groups }) => [
        name,
        topics.join(", "),
        groups.join(", "),
        ...["consumers-moved", "producers-moved", "cleaned"].map((phase) => reached(trail, name, phase)),
      ]),
    ),
    "",
    "## Who approved what",
    "",
    ...(await approvalRows(work)),
    "",
    `The audit trail holds ${trail.length} entries; \`/ferry audit export\` gives them signed.`,
    "",
    "## What is left",
    "",
    ...network.lines,
    ...fenceLines(fences),
    ...rightsLeft.map((line) => `- ${line}`),
    ...settingLines(plan, cleaned),
    "",
    "## What may be decommissioned now",
    "",
    ...decommission(plan, work),
    "",
  ].join("\n");
  return {
    name: `final-report-${iso(silent?.to ?? work.clock.now()).slice(0, 10)}.md`,
    markdown,
    topics: waves.flatMap(({ topics }) => topics).length,
    groups: waves.flatMap(({ groups }) => groups).length,
    left: [...fences.map(fenceLeft), network.short].join("; "),
  };
}

const PhaseDetail = z.object({ phase: z.string() });

/** The newest time: a wave may have been rolled back and moved again. */
function reached(trail: readonly ChainedEntry[], wave: string, phase: string): string {
  const entry = trail.findLast(
    (each) =>
      each.what === "wave.phase" &&
      each.wave === wave &&
      PhaseDetail.safeParse(each.detail).data?.phase === phase,
  );
  return entry?.at ?? "not recorded";
}

async function approvalRows(work: Work): Promise<readonly string[]> {
  const requests = await listRequests(work.store, work.migration.name);
  return table(
    ["request", "what", "asked by", "decided by", "when", "outcome"],
    requests
      .toSorted((a, b) => a.createdAt - b.createdAt)
      .map(({ id, proposal, requester, decidedBy, decidedAt, state }) => [
        id,
        proposal.title,
        requester,
        decidedBy.join(", "),
        decidedAt === undefined ? "" : iso(decidedAt),
        // The report is written inside the run of its own request.
        state === "executing" ? "done" : state,
      ]),
  );
}

function fenceLeft(fence: FenceDocument): string {
  return `FENCE of ${fence.wave} on the ${fence.side}: ${fenceSize(fence)}`;
}

/** Nothing of it should be left; what is stops producers, so each part is named. */
function fenceLines(fences: readonly FenceDocument[]): readonly string[] {
  return fences.flatMap((fence) => [
    `- ${fenceLeft(fence)}. To be removed in this order:`,
    ...[...fence.deny, ...fence.allow].map((acl) => `  - ${aclText(acl)}`),
    ...fence.configs.map(
      ({ topic, name, before }) => `  - ${name} of ${topic}, which had ${before ?? "no value of its own"}`,
    ),
  ]);
}

/** Topic settings that were only changed for the time of the copy. */
function settingLines(plan: Plan, cleaned: readonly string[]): readonly string[] {
  const topics = new Set(
    plan.waves.filter(({ name }) => cleaned.includes(name)).flatMap(({ topics }) => topics),
  );
  const changed = plan.topics
    .filter(({ name }) => topics.has(name))
    .flatMap(({ name, adjusted }) =>
      adjusted
        .filter(({ key, from }) => from !== null && key.startsWith("message.timestamp."))
        .map(
          ({ key, from, to }) =>
            `- ${name}: ${key} is ${to ?? "not set"} for the copy; it was ${from} on the source. Set it again.`,
        ),
    );
  return changed.length === 0 ? ["- Topic settings: none waits to be set again."] : changed;
}

function decommission(plan: Plan, work: Work): readonly string[] {
  const outside = plan.reasons.filter(({ what }) => /^topic .* does not move$/.test(what)).length;
  const { source, replication } = work.migration.settings;
  const { bootstrap } = source;
  return [
    `- The source cluster ${plan.sourceClusterId} (${bootstrap.join(", ")}), once every wave is cleaned up.`,
    ...(outside > 0
      ? [`- Look first at ${outside} topics that the plan left out: they are only there.`]
      : []),
    ...(replication.connect === undefined
      ? []
      : [`- The Connect workers at ${replication.connect.url}, if they carry nothing else.`]),
    ...(replication.mirrormaker === undefined
      ? []
      : [`- The folder ${replication.mirrormaker.folder} of the mirrors, which holds passwords.`]),
    "- The bot deleted nothing on the source but what its own mirrors made.",
  ];
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function table(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): readonly string[] {
  if (rows.length === 0) return ["none"];
  return [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
