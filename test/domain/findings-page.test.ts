import { expect, it } from "vitest";
import type { Check } from "#domain/findings/check.ts";
import { subjects } from "#domain/findings/findings.ts";

/** docs/findings.md is the table of checks, written out; `vitest run --project unit PATH --update` writes it anew. */

const intro = `# Findings

What \`/ferry assess\` checks, one heading for each code; the code is in [src/domain/findings/findings.ts](../src/domain/findings/findings.ts)
and the files beside it. A report says of each code one of three:

- found: a row for each topic, group or cluster, with the values seen and what to do. Above 20 rows of one code the rest
  share one, with their names; blockers never do.
- not found: the check was made and is clean. The report lists what was looked at.
- unknown: the check could not be made, with the reason and how to find out. What is unknown is never a blocker, but while a
  blocker's check is unknown the report does not say that the migration can go.

A blocker has to go before anything is copied, a warning deserves a decision, the rest is good to know. Checks look at the
topics that \`replication.topics\` and \`waves\` select; offline and under-replicated partitions at all of them. The kind of
broker, the version, the engine and the authentication are those of \`ferry.yaml\`; what it leaves open is taken as standard
brokers of the version that MSK recommends.
`;

function section({ code, severity, seen, remedy, find, page }: Check): string {
  const unknown = find === undefined ? "" : `- Where unknown: ${find}.\n`;
  return `### ${code}\n\n${seen}\n\n- Severity: ${severity}\n- Do: ${remedy} (<${page}>).\n${unknown}`;
}

function list(severity: Check["severity"]): string {
  const own = subjects.flatMap(({ checks }) => checks.filter((check) => check.severity === severity));
  return own.map(({ code }) => `[${code}](#${code.toLowerCase()})`).join(",\n");
}

it("says of each code how it is seen, how bad it is and what to do", async () => {
  const page = [
    intro,
    `Blockers:\n${list("blocker")}.\n`,
    `Warnings:\n${list("warning")}.\n`,
    `For information:\n${list("info")}.\n`,
    ...subjects.flatMap(({ title, checks }) => [`## ${title}\n`, ...checks.map(section)]),
  ].join("\n");
  await expect(page).toMatchFileSnapshot("../../docs/findings.md");
});
