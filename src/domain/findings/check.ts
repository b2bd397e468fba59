import type { AssessedGroup, AssessedTopic } from "#domain/assessment.ts";
import { guide } from "#domain/msk/data.ts";
import type { Known } from "#domain/topology.ts";
import { count, short } from "#domain/wording.ts";
import type { View } from "./view.ts";

/** What a check is made of. docs/findings.md says of each the same. */

export type Severity = "blocker" | "warning" | "info";

export type Check = {
  readonly code: string;
  readonly severity: Severity;
  /** How it is seen, and why it matters: one or two sentences. */
  readonly seen: string;
  /** What to do, without a full stop: `page` follows. */
  readonly remedy: string;
  /** How people find out where the check cannot tell, without a full stop. Absent where it always can. */
  readonly find?: string;
  readonly page: string;
  readonly look: (view: View) => Look;
};

/** One thing that was found, or that could not be told. */
export type Hit = {
  readonly state: "found" | "unknown";
  readonly subject: string;
  /** With values; for what is unknown: why. */
  readonly evidence: string;
  /** Where it differs from the check's own. */
  readonly severity?: Severity;
  readonly remedy?: string;
};

export type Look = {
  /** What was looked at: "12 topics", "the cluster's version: 3.9". */
  readonly at: string;
  readonly hits: readonly Hit[];
};

/** `undefined`: clean. A text: found, with the values seen. */
export type Verdict = string | { readonly unknown: string } | undefined;

export function mskPage(name: string): string {
  return `${guide}/${name}.html`;
}

export function kafkaPage(anchor: string): string {
  return `https://kafka.apache.org/documentation/#${anchor}`;
}

export function unknownHit(subject: string, why: string): Hit {
  return { state: "unknown", subject, evidence: why };
}

export function foundHit(subject: string, evidence: string): Hit {
  return { state: "found", subject, evidence };
}

/** A check of the cluster as a whole. */
export function ofCluster(at: string, verdict: Verdict): Look {
  if (verdict === undefined) return { at, hits: [] };
  return { at, hits: [hitOf("cluster", verdict)] };
}

function hitOf(subject: string, verdict: Exclude<Verdict, undefined>): Hit {
  return typeof verdict === "string" ? foundHit(subject, verdict) : unknownHit(subject, verdict.unknown);
}

/**
 * Topic by topic, one hit for each that is found; those that cannot be told are one hit together. What is unknown of a
 * topic without all its leaders is the finding PARTITIONS_OFFLINE.
 */
export function ofTopics(
  topics: readonly AssessedTopic[],
  judge: (topic: AssessedTopic) => Verdict,
  noun = "topic",
): Look {
  const told = topics.map((topic) => ({ subject: topic.name, verdict: judge(topic), topic }));
  const counted = told.filter(({ verdict, topic }) => !(isUnknown(verdict) && topic.offline > 0));
  return { at: count(topics.length, noun), hits: gather(counted, noun) };
}

export function ofGroups(groups: readonly AssessedGroup[], judge: (group: AssessedGroup) => Verdict): Look {
  const told = groups.map((group) => ({ subject: group.id, verdict: judge(group) }));
  return { at: count(groups.length, "group"), hits: gather(told, "group") };
}

function isUnknown(verdict: Verdict): verdict is { readonly unknown: string } {
  return typeof verdict === "object";
}

type Told = { readonly subject: string; readonly verdict: Verdict };

function gather(told: readonly Told[], noun: string): readonly Hit[] {
  const found = told.flatMap(({ subject, verdict }) =>
    typeof verdict === "string" ? [foundHit(subject, verdict)] : [],
  );
  const untold = told.flatMap(({ subject, verdict }) =>
    isUnknown(verdict) ? [{ subject, why: verdict.unknown }] : [],
  );
  const [first] = untold;
  if (first === undefined) return found;
  const names = untold.map(({ subject }) => subject);
  const which = names.length === 1 ? "" : ` (${short(names)})`;
  return [
    ...found,
    unknownHit(names.length === 1 ? first.subject : count(names.length, noun), first.why + which),
  ];
}

/** The verdict on a value that may not be known. */
export function whenKnown<T>(value: Known<T>, judge: (value: T) => Verdict): Verdict {
  return value.known ? judge(value.value) : { unknown: value.why };
}
