import { staleBasis, staleParts } from "#domain/assess/assessment-age.ts";
import { FerryError } from "#domain/errors.ts";
import { iamPolicies, policyCharacters } from "#domain/export/iam-policy.ts";
import { terraformFiles } from "#domain/export/terraform.ts";
import type { JobOf } from "#domain/job.ts";
import type { Message, Part } from "#domain/message.ts";
import { stalenessText } from "#domain/plan/staleness.ts";
import type { Plan } from "#domain/plan.ts";
import { clockTime, count, figure } from "#domain/wording.ts";
import { changesSince } from "./plan-stale.ts";
import { loadPlan } from "./switch/wave.ts";
import { done, type Outcome, type Work } from "./work.ts";

type ExportedFile = { readonly name: string; readonly title: string; readonly content: string };

/** What others need of the plan, as files in the thread. Changes nothing. */
export async function exportPlan(part: NonNullable<JobOf<"plan">["part"]>, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  if (part === "terraform") await refuseStale(plan, work);
  const { files, parts } = part === "iam" ? iamExport(work) : terraformExport(plan, work);
  for (const { name, title, content } of files) {
    await work.card.file({ name, title, content: Buffer.from(content) });
  }
  const subject = part === "iam" ? "plan iam" : "plan export terraform";
  const stale = staleParts(staleBasis(plan, work.clock.now()));
  await work.card.finish(message(subject, [...parts, ...stale], work));
  return done;
}

/** What is handed over is built from the plan and from ferry.yaml: they must belong together. */
async function refuseStale(plan: Plan, work: Work): Promise<void> {
  const changes = await changesSince(plan, work);
  if (changes.length === 0) return;
  throw new FerryError("E_PLAN_STALE", `The plan is not of today: ${stalenessText(changes)}.`);
}

function message(subject: string, parts: readonly Part[], work: Work): Message {
  return {
    subject: `${work.migration.name} · ${subject}`,
    tone: "done",
    note: clockTime(work.clock.now()),
    parts,
  };
}

type Export = { readonly files: readonly ExportedFile[]; readonly parts: readonly Part[] };

function iamExport({ migration }: Pick<Work, "migration">): Export {
  const { whole, steps, accepter } = iamPolicies(migration);
  const { profile = "" } = migration.settings.source.network.accepter ?? {};
  const actions = new Set(whole.Statement.flatMap(({ Action }) => Action));
  const size = JSON.stringify(whole).length;
  const room =
    size <= policyCharacters
      ? `${figure(size)} of the ${figure(policyCharacters)} characters that IAM takes`
      : `${figure(size)} characters, more than the ${figure(policyCharacters)} that one policy may have: attach one per step`;
  return {
    files: [
      { name: "iam-policy.json", title: "IAM policy of the bot", content: pretty(whole) },
      {
        name: "iam-policies-by-step.json",
        title: "IAM policy of each step",
        content: pretty(Object.fromEntries(steps.map(({ step, policy }) => [step, policy]))),
      },
      ...(accepter === undefined
        ? []
        : [
            {
              name: "iam-policy-accepter.json",
              title: `IAM policy of the role of profile ${profile}`,
              content: pretty(accepter),
            },
          ]),
    ],
    parts: [
      {
        kind: "text",
        text: `${count(actions.size, "action")} in ${count(whole.Statement.length, "statement")}, ${room}.`,
      },
      {
        kind: "table",
        columns: [
          { title: "step", align: "left" },
          { title: "actions", align: "right" },
        ],
        rows: steps.map(({ step, policy }) => [
          step,
          String(new Set(policy.Statement.flatMap(({ Action }) => Action)).size),
        ]),
      },
      {
        kind: "note",
        text: "Held equal to the bot's own calls by a test; not tried against IAM itself. The mirror's workers need their own rights.",
      },
    ],
  };
}

function terraformExport(plan: Plan, { migration }: Pick<Work, "migration">): Export {
  const { cluster } = migration.settings.target;
  const { kind } = migration.settings.source.network;
  const files = terraformFiles(plan, migration);
  const scales = plan.shape.volumeGiB === undefined ? "" : " with storage that grows by itself";
  const way =
    kind === "peering"
      ? "the peering with its routes and rules"
      : `no network: source.network.kind is ${kind}`;
  return {
    files: files.map(({ name, content }) => ({ name, title: name, content })),
    parts: [
      {
        kind: "text",
        text: `${count(files.length, "file")} in Terraform's JSON syntax for plan ${plan.hash.slice(0, 12)}: configuration, cluster ${cluster}${scales}, ${way}.`,
      },
      {
        kind: "note",
        text: `Put them into an empty folder, review and apply them, then \`/ferry provision\`: it adopts ${cluster} where it is as planned, and refuses it where it differs. Secrets, keys, log groups and subnets are named, not made.`,
      },
    ],
  };
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
