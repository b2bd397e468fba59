import { Assessment } from "#domain/assessment.ts";
import type { Part } from "#domain/message.ts";
import type { Plan } from "#domain/plan.ts";

/** How old an assessment is. A stale one is still used, and whoever uses it says so. */

const dayMs = 24 * 3_600_000;
/** An older assessment is stale: topics, groups and rates of a cluster in use are others by then. */
export const assessmentStaleMs = 7 * dayMs;

/** What is said of a stale assessment; undefined of a fresh one. `takenAt`: ISO 8601, `now`: ms since the epoch. */
export function staleAssessment(takenAt: string, now: number): string | undefined {
  const age = staleAge(takenAt, now);
  return age && `the assessment is ${age} and stale: run \`/ferry assess\` again`;
}

/** The same of an assessment as it is stored, in this release's form or in an earlier one's. */
export function staleStored(stored: unknown, now: number): string | undefined {
  const found = Assessment.pick({ taken: true }).safeParse(stored).data;
  return staleAssessment(found?.taken.at ?? "", now);
}

/** The same of the assessment that a plan was made from; a plan that does not name it is not younger than it. */
export function staleBasis(
  { basis, madeAt }: Pick<Plan, "basis" | "madeAt">,
  now: number,
): string | undefined {
  const age = staleAge(basis?.assessedAt ?? madeAt, now);
  const least = basis === undefined ? "at least " : "";
  return (
    age &&
    `the plan rests on an assessment that is ${least}${age} and stale: run \`/ferry assess\`, then \`/ferry plan\``
  );
}

/** For a message: the warning, where there is one. */
export function staleParts(text: string | undefined): readonly Part[] {
  return text === undefined ? [] : [{ kind: "checks", items: [{ state: "warn", text }] }];
}

/** For a request's effects: the same, where there is anything to say. */
export function staleEffect(
  plan: Pick<Plan, "basis" | "madeAt">,
  now: number,
): ReadonlyArray<{ readonly label: string; readonly value: string }> {
  const value = staleBasis(plan, now);
  return value === undefined ? [] : [{ label: "Assessment", value }];
}

/** "9 days old (2026-11-13)"; undefined when it is fresh. */
function staleAge(takenAt: string, now: number): string | undefined {
  const age = now - Date.parse(takenAt);
  if (Number.isNaN(age)) return "of a time that cannot be read";
  return age > assessmentStaleMs
    ? `${Math.floor(age / dayMs)} days old (${takenAt.slice(0, 10)})`
    : undefined;
}
