import { staleAssessment } from "#domain/assess/assessment-age.ts";
import { markdownTable } from "#domain/markdown.ts";
import { prices } from "#domain/msk/data.ts";
import { priceAge } from "#domain/plan/costs.ts";
import type { Assessed, Plan } from "#domain/plan.ts";
import { count } from "#domain/wording.ts";

/** The plan's first screen: whether it can go, how, how long, how much, and what to fix first. */

type Fix = { readonly weight: "blocker" | "warning"; readonly text: string };

export function planFirstScreen(plan: Plan): readonly string[] {
  const assessed = plan.basis?.assessed;
  const own = [...engineFixes(plan), ...questionFixes(plan), ...reasonFixes(plan)];
  const fixes = [...(assessed?.first ?? []), ...own].toSorted(
    (a, b) => Number(a.weight === "warning") - Number(b.weight === "warning"),
  );
  const blockers = own.filter(({ weight }) => weight === "blocker").length + (assessed?.blockers ?? 0);
  const more = fixes.length - fixesShown + (assessed?.more ?? 0);
  return [
    ...ageLines(plan),
    ...markdownTable(
      ["", ""],
      [
        ["**Can it go?**", whetherText(blockers, assessed)],
        ["**How**", howText(plan)],
        ["**How long**", howLongText(plan)],
        ["**How much**", priceText(plan)],
      ],
    ),
    "",
    "## Fix first",
    "",
    ...(fixes.length === 0 ? ["Nothing."] : []),
    ...fixes.slice(0, fixesShown).map(({ weight, text }, index) => `${index + 1}. **${weight}** ${text}`),
    ...(more > 0 ? ["", `And ${more} more, below and in the assessment.`] : []),
    "",
  ];
}

/** A stale assessment and old prices are said before anything that rests on them. */
function ageLines({ basis, madeAt }: Plan): readonly string[] {
  const assessment = basis && staleAssessment(basis.assessedAt, Date.parse(madeAt));
  const said = [assessment, priceAge(madeAt)].filter((text) => text !== undefined);
  return said.flatMap((text) => [`**Stale:** ${text}.`, ""]);
}

function whetherText(blockers: number, assessed: Assessed | undefined): string {
  if (blockers > 0) return `Not yet: ${count(blockers, "blocker")} to clear first.`;
  if (assessed === undefined)
    return "Yes, by the plan itself; the assessment says what stands on the source.";
  return assessed.whether;
}

function howLongText({ waves, basis }: Plan): string {
  const copy =
    basis?.assessed?.howLong ??
    "AWS makes the cluster in about half an hour; then the first copy, as long as the assessment says; each wave's pause is rehearsed and said before it is approved.";
  return `${copy} ${count(waves.length, "wave")}, each with two approvals for consumers and two for producers.`;
}

const fixesShown = 7;

function howText({ shape, engines = [], waves, topics }: Plan): string {
  const engine = engines.find(({ taken }) => taken)?.name ?? "the engine of ferry.yaml";
  const volume = shape.volumeGiB === undefined ? "" : `, ${shape.volumeGiB} GiB each`;
  return `${shape.brokers} × ${shape.instanceType}${volume}, Kafka ${shape.kafkaVersion}; ${count(topics.length, "topic")} by ${engine} in ${count(waves.length, "wave")}: ${waves
    .slice(0, 5)
    .map(({ name }) => name)
    .join(", ")}${waves.length > 5 ? ` and ${waves.length - 5} more` : ""}.`;
}

/** What is not known is named, the prices of another Region too: what is shown then is the table's. */
function priceText({ shape, costs }: Plan): string {
  const monthly = `$${shape.monthlyUsd.toLocaleString("en-US")} a month at prices of ${prices.asOf} in ${prices.region}`;
  const once = (costs?.migration ?? []).filter(({ what }) => !what.startsWith("instead of"));
  const rows = once.flatMap(({ what, usd }) => (usd === null ? [] : [`${what}: $${usd.toFixed(2)}`]));
  const open = [...(costs?.monthly ?? []), ...once].flatMap(({ what, usd }) => (usd === null ? [what] : []));
  const parts = [
    monthly,
    ...(rows.length === 0 ? [] : [`The migration itself: ${rows.join("; ")}`]),
    ...(open.length === 0 ? [] : [`Unknown: ${open.join("; ")}`]),
  ];
  return `${parts.join(". ")}.`;
}

function engineFixes({ engines = [] }: Plan): readonly Fix[] {
  const taken = engines.find((engine) => engine.taken);
  return (taken?.prerequisites ?? [])
    .filter(({ state }) => state === "fail")
    .map(({ name, text }): Fix => ({ weight: "blocker", text: `engine ${taken?.name}, ${name}: ${text}` }));
}

function questionFixes({ questions = [] }: Plan): readonly Fix[] {
  return questions.flatMap(({ id, asks, state, severity, proposed, conflict, blocks }): readonly Fix[] => {
    if (conflict !== null) return [{ weight: "blocker", text: `${id}: ${conflict}` }];
    if (state !== "open" || severity === "info") return [];
    const answer = proposed === null ? "" : `; proposed: ${proposed}`;
    const holds = blocks === null ? "" : ` It holds up ${blocks}.`;
    return [{ weight: severity, text: `${asks} → \`/ferry plan answers\`${answer}.${holds}` }];
  });
}

/** What the sizing could not settle. */
function reasonFixes({ reasons }: Plan): readonly Fix[] {
  return reasons
    .filter(({ what }) => /^(unknown:|too small|set )/.test(what))
    .map(({ what, why }): Fix => ({ weight: "warning", text: `${what}: ${why}` }));
}
