import { markdownTable } from "./markdown.ts";
import type { Plan } from "./plan.ts";
import { count } from "./wording.ts";

/** The plan's first screen: whether it can go, how, how long, how much, and what to fix first. */

type Fix = { readonly weight: "blocker" | "warning"; readonly text: string };

export function planFirstScreen(plan: Plan): readonly string[] {
  const fixes = [...engineFixes(plan), ...questionFixes(plan), ...reasonFixes(plan)].toSorted(
    (a, b) => Number(a.weight === "warning") - Number(b.weight === "warning"),
  );
  const blockers = fixes.filter(({ weight }) => weight === "blocker").length;
  const more = fixes.length - fixesShown;
  return [
    ...markdownTable(
      ["", ""],
      [
        [
          "**Can it go?**",
          blockers === 0
            ? "Yes, by the plan itself; the assessment says what stands on the source."
            : `Not yet: ${count(blockers, "blocker")} to clear first.`,
        ],
        ["**How**", howText(plan)],
        [
          "**How long**",
          `About half an hour until AWS has made the cluster; then the first copy, as long as the assessment says; ${count(plan.waves.length, "wave")} with two approvals each, whose pauses are rehearsed and said before.`,
        ],
        ["**How much**", priceText(plan)],
      ],
    ),
    "",
    "## Fix first",
    "",
    ...(fixes.length === 0 ? ["Nothing."] : []),
    ...fixes.slice(0, fixesShown).map(({ weight, text }, index) => `${index + 1}. **${weight}** ${text}`),
    ...(more > 0 ? ["", `And ${more} more below.`] : []),
    "",
  ];
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

function priceText({ shape, costs }: Plan): string {
  const monthly = `$${shape.monthlyUsd.toLocaleString("en-US")} a month`;
  const once = (costs?.migration ?? []).filter(({ what }) => !what.startsWith("instead of"));
  const rows = once.map(({ what, usd }) => `${what}: ${usd === null ? "unknown" : `$${usd.toFixed(2)}`}`);
  return rows.length === 0 ? `${monthly}.` : `${monthly}. The migration itself: ${rows.join("; ")}.`;
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
