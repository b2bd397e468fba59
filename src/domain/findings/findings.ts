import type { Assessment, Finding } from "#domain/assessment.ts";
import { short } from "#domain/wording.ts";
import { accessChecks } from "./access.ts";
import { brokerChecks, vanishedCheck } from "./brokers.ts";
import type { Check, Hit, Severity } from "./check.ts";
import { groupChecks } from "./groups.ts";
import { limitChecks } from "./limits.ts";
import { recordChecks } from "./records.ts";
import { replicationChecks } from "./replication.ts";
import { retentionChecks } from "./retention.ts";
import { topicSettingChecks } from "./topic-settings.ts";
import { transactionChecks } from "./transactions.ts";
import { versionChecks } from "./versions.ts";
import { type Context, viewOf } from "./view.ts";

/** Checks by what they look at. */
export const subjects: ReadonlyArray<{ readonly title: string; readonly checks: readonly Check[] }> = [
  { title: "Versions", checks: versionChecks },
  { title: "Limits", checks: limitChecks },
  { title: "Settings", checks: topicSettingChecks },
  { title: "Records", checks: recordChecks },
  { title: "Retention", checks: retentionChecks },
  { title: "Groups", checks: groupChecks },
  { title: "Replication", checks: replicationChecks },
  { title: "Transactions", checks: transactionChecks },
  { title: "Access and clients", checks: accessChecks },
  { title: "Brokers", checks: [...brokerChecks, vanishedCheck] },
];

/**
 * What stands in the way of a migration, or deserves to be known before it: every check there is, made on an inventory.
 * A check says what it found, that it found nothing, or that it cannot tell and why: never nothing.
 */
const checks: readonly Check[] = subjects.flatMap((subject) => subject.checks);

/** More subjects than this share one row: a report of a large cluster is read, too. */
const shownEach = 20;

const severityRank = { blocker: 0, warning: 1, info: 2 } as const;
const stateRank = { found: 0, unknown: 1, "not found": 2 } as const;

/**
 * All findings: blockers first, of each severity what is found before what is unknown, and at the end what was checked and is clean, one row for
 * each code. The same for an unchanged cluster. What is unknown is never a blocker.
 */
export function findings(subject: Omit<Assessment, "findings">, context: Context = {}): readonly Finding[] {
  const view = viewOf(subject, context);
  return checks
    .flatMap((check) => {
      const { at, hits } = check.look(view);
      return hits.length === 0 ? [clean(check, at)] : folded(hits.map((hit) => finding(check, hit)));
    })
    .toSorted(inOrder);
}

function inOrder(a: Finding, b: Finding): number {
  return (
    cleanLast(a) - cleanLast(b) ||
    severityRank[a.severity] - severityRank[b.severity] ||
    stateRank[a.state] - stateRank[b.state] ||
    order(a.code, b.code) ||
    order(a.subject, b.subject) ||
    order(a.evidence, b.evidence)
  );
}

function cleanLast({ state }: Finding): number {
  return state === "not found" ? 1 : 0;
}

/** By code points: the same on every machine. */
function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function finding({ code, severity, remedy, find, page }: Check, hit: Hit): Finding {
  const own = hit.state === "unknown" ? (find ?? remedy) : remedy;
  return {
    code,
    severity: severityOf(hit, severity),
    state: hit.state,
    subject: hit.subject,
    evidence: hit.evidence,
    remedy: `${hit.remedy ?? own} (${page}).`,
  };
}

function severityOf({ state, severity }: Hit, own: Severity): Severity {
  const said = severity ?? own;
  return state === "unknown" && said === "blocker" ? "warning" : said;
}

function clean({ code, severity }: Check, at: string): Finding {
  return {
    code,
    severity,
    state: "not found",
    subject: "cluster",
    evidence: `${at} looked at`,
    remedy: "Nothing.",
  };
}

/** Blockers each have a row; of the rest the first few, and one for all others, with their names. */
function folded(all: readonly Finding[]): readonly Finding[] {
  const own = all.filter(({ severity, state }) => severity === "blocker" || state === "unknown");
  const others = all.filter((each) => !own.includes(each)).toSorted(inOrder);
  const rest = others.slice(shownEach);
  const [first] = rest;
  if (first === undefined || rest.length === 1) return all;
  const names = rest.map(({ subject }) => subject);
  const row = {
    ...first,
    subject: `${rest.length} more`,
    evidence: `${short(names, 40)}; the first: ${first.evidence}`,
  };
  return [...own, ...others.slice(0, shownEach), row];
}
