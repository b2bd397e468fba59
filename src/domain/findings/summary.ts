import { type AssessedTopic, type Assessment, type Finding, sumKnown } from "#domain/assessment.ts";
import { some } from "#domain/markdown.ts";
import type { Assessed, Plan } from "#domain/plan.ts";
import { about, bytes, bytesRate, count } from "#domain/wording.ts";
import { subjects } from "./findings.ts";

/** The first screen: whether it can go, how, how long, how much, and what to fix first. */

export type Obstacle = {
  readonly code: string;
  readonly severity: Finding["severity"];
  readonly state: "found" | "unknown";
  /** All that it is about. */
  readonly subjects: readonly string[];
  /** Of the first of them. */
  readonly evidence: string;
  readonly remedy: string;
};

export type Summary = {
  readonly verdict: "yes" | "not yet" | "not known";
  readonly whether: string;
  readonly how: string;
  readonly howLong: string;
  readonly howMuch: string;
  /** "9 topics, 45 partitions, 6 groups · 1.2 kB/s in … " */
  readonly size: string;
  readonly counts: {
    readonly blockers: number;
    readonly warnings: number;
    readonly unknown: number;
    readonly clean: number;
  };
  /** Blockers, then what could turn out to be one, then warnings: one a code. */
  readonly first: readonly Obstacle[];
};

/** `plan`: the newest one, where there is one. */
export function summarize(assessment: Assessment, plan?: Plan): Summary {
  const { findings } = assessment;
  const of = (severity: string) =>
    findings.filter((each) => each.severity === severity && each.state === "found").length;
  const counts = {
    blockers: of("blocker"),
    warnings: of("warning"),
    unknown: findings.filter(({ state }) => state === "unknown").length,
    clean: findings.filter(({ state }) => state === "not found").length,
  };
  const undecided = new Set(findings.filter(mayBlock).map(({ code }) => code));
  return {
    ...verdictOf(counts.blockers, [...undecided].toSorted()),
    how: howText(plan),
    howLong: durationText(assessment),
    howMuch: priceText(plan),
    size: sizeText(assessment),
    counts,
    first: obstacles(findings),
  };
}

const keptInPlan = 7;

/** For a plan that is made from it: what was found, and what may turn out to block. */
export function assessedInShort(assessment: Assessment): Assessed {
  const { verdict, whether, howLong, counts, first } = summarize(assessment);
  const weighty = first.filter(
    (each) => mayBlock(each) || (each.state === "found" && each.severity !== "info"),
  );
  return {
    verdict,
    whether,
    howLong,
    blockers: counts.blockers,
    first: weighty.slice(0, keptInPlan).map((each) => ({
      weight: each.severity === "blocker" ? "blocker" : "warning",
      text: `${obstacleText(each)} → ${each.remedy}`,
    })),
    more: Math.max(0, weighty.length - keptInPlan),
  };
}

const blockerCodes: ReadonlySet<string> = new Set(
  subjects.flatMap(({ checks }) =>
    checks.filter(({ severity }) => severity === "blocker").map(({ code }) => code),
  ),
);

/** What is unknown is a warning at most; nobody may read from that that nothing stands in the way. */
export function mayBlock({ code, severity, state }: Pick<Finding, "code" | "severity" | "state">): boolean {
  return state === "unknown" && (severity === "blocker" || blockerCodes.has(code));
}

function verdictOf(blockers: number, undecided: readonly string[]): Pick<Summary, "verdict" | "whether"> {
  if (blockers > 0) {
    return { verdict: "not yet", whether: `Not yet: ${count(blockers, "blocker")} to clear first.` };
  }
  if (undecided.length > 0) {
    const text = `Not known: no blocker was found, but ${count(undecided.length, "check")} that may find one could not be made: ${some(undecided)}.`;
    return { verdict: "not known", whether: text };
  }
  return { verdict: "yes", whether: "Yes: no blocker was found." };
}

function howText(plan: Plan | undefined): string {
  if (plan === undefined) {
    return "A mirror copies every topic under its name, then consumers and producers move wave by wave, each with a way back. `/ferry plan` says with which engine and in which waves.";
  }
  const taken = plan.engines?.find((engine) => engine.taken)?.name;
  const engine = taken === undefined ? "The engine of ferry.yaml" : engineNames[taken];
  return `${engine} copies every topic under its name; ${count(plan.waves.length, "wave")}, consumers first, then producers, each with a way back (plan \`${plan.hash.slice(0, 12)}\`).`;
}

const engineNames = {
  connect: "MirrorMaker 2 on Kafka Connect",
  mirrormaker: "MirrorMaker 2 in processes of its own",
  replicator: "MSK Replicator",
} as const;

/** Nothing was copied yet, so no speed was measured: two round ones for a first idea, MB/s. */
const copyMBps = [20, 100] as const;

function durationText(assessment: Assessment): string {
  const disk = sumKnown(ownTopics(assessment).map(({ bytesOnDisk }) => bytesOnDisk));
  const least = disk.unknown > 0 ? "at least " : "";
  const [slow, fast] = copyMBps.map((rate) => about((disk.sum / (rate * 1e6)) * 1000));
  const unknown = ownTopics(assessment).length > 0 && disk.unknown === ownTopics(assessment).length;
  const copy = unknown
    ? "first copy: unknown, nobody told the bytes on disk"
    : `first copy of ${least}${bytes(disk.sum)}: ${least}${slow} at ${copyMBps[0]} MB/s, ${fast} at ${copyMBps[1]} (assumed; measured once it runs)`;
  return `AWS makes the cluster in about half an hour; ${copy}; each wave's pause is rehearsed and said before it is approved.`;
}

function priceText(plan: Plan | undefined): string {
  if (plan === undefined) return "Not sized yet: `/ferry plan` does, from this.";
  const { shape, costs } = plan;
  const open = (costs?.monthly ?? []).filter(({ usd }) => usd === null).map(({ what }) => what);
  const rest = open.length === 0 ? "" : `; unknown: ${open.join(", ")}`;
  return `$${shape.monthlyUsd.toLocaleString("en-US")} a month for ${shape.brokers} × ${shape.instanceType}${rest}.`;
}

/** Kafka's own topics are not carried over. */
export function ownTopics({ topics }: Pick<Assessment, "topics">): readonly AssessedTopic[] {
  return topics.filter(({ internal }) => !internal);
}

function sizeText(assessment: Assessment): string {
  const own = ownTopics(assessment);
  const partitions = own.reduce((sum, topic) => sum + topic.partitions, 0);
  const rates = [
    totalText(
      own.map(({ bytesPerSecond }) => bytesPerSecond),
      bytesRate,
      "in",
    ),
    totalText(
      own.map(({ bytesOutPerSecond }) => bytesOutPerSecond),
      bytesRate,
      "out",
    ),
  ].join(", ");
  const disk = totalText(
    own.map(({ bytesOnDisk }) => bytesOnDisk),
    bytes,
    "on disk",
  );
  const groups = count(assessment.groups.length, "group");
  return `${count(own.length, "topic")}, ${count(partitions, "partition")}, ${groups} · ${rates} · ${disk}`;
}

/** "4.1 MB/s in", "at least 4.1 MB/s in", "in unknown" */
function totalText(
  values: ReadonlyArray<AssessedTopic["bytesPerSecond"]>,
  write: (sum: number) => string,
  what: string,
): string {
  const { sum, unknown } = sumKnown(values);
  if (unknown === 0) return `${write(sum)} ${what}`;
  return unknown === values.length ? `${what} unknown` : `at least ${write(sum)} ${what}`;
}

const weights = { blocker: 0, warning: 2, info: 4 } as const;

/**
 * One a code, with all that it is about: 400 topics of one mistake are one thing to do. What is unknown for other reasons
 * is told of each reason: that is what people have to do something about.
 */
export function obstacles(findings: readonly Finding[]): readonly Obstacle[] {
  const open = findings.filter(({ state }) => state !== "not found");
  const groups = Map.groupBy(open, ({ code, severity, state, evidence }) =>
    [code, severity, state, ...(state === "unknown" ? [evidence] : [])].join(" "),
  );
  return [...groups.values()]
    .flatMap(([one, ...others]): readonly Obstacle[] => {
      if (one === undefined || one.state === "not found") return [];
      const { code, severity, state, evidence, remedy } = one;
      const about = [one, ...others].map(({ subject }) => subject);
      return [{ code, severity, state, subjects: about, evidence, remedy }];
    })
    .toSorted((a, b) => weightOf(a) - weightOf(b) || (a.code < b.code ? -1 : 1));
}

function weightOf({ code, severity, state }: Obstacle): number {
  if (mayBlock({ code, severity, state })) return weights.blocker + 1;
  return weights[severity] + (state === "unknown" ? 1 : 0);
}

/** "invoices: retention 2 h … (and 3 more: a, b, c)" */
export function obstacleText({ subjects, evidence }: Obstacle): string {
  const [one = "", ...others] = subjects;
  return `${one}: ${evidence}${others.length === 0 ? "" : ` (also ${some(others)})`}`;
}
