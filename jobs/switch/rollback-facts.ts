import type { GateFact } from "#domain/approval/approval.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Finding, Readiness } from "#domain/switch/readiness.ts";
import { count, figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { liveGroups } from "./clients.ts";
import { fact, foreignGroups } from "./gate-facts.ts";
import { consumersOf, producersOf } from "./wave.ts";

/** The gate of a rollback, from the same reading as the readiness that is always shown. */
export async function rollbackFacts(
  readiness: Readiness,
  plan: Plan,
  wave: Wave,
  target: KafkaCluster,
  work: Work,
): Promise<readonly GateFact[]> {
  const withProducers = readiness.phase === "producers-moved";
  return [
    ...(withProducers ? [mirrorFact(readiness)] : []),
    translationFact(readiness),
    sourceFact(readiness),
    await consumersFact(wave, target, work),
    ...(withProducers ? [producersFact(wave, work), standbyFact(readiness)] : []),
    await knownGroups(plan, wave, target),
  ];
}

function ofKind({ findings }: Readiness, about: Finding["about"]): readonly Finding[] {
  return findings.filter((finding) => finding.about === about);
}

function textOf(findings: readonly Finding[]): string {
  return findings.map(({ text }) => text).join("; ");
}

function mirrorFact(readiness: Readiness): GateFact {
  const findings = ofKind(readiness, "mirror");
  const [worst] = findings;
  if (worst !== undefined) {
    return fact("mirror", worst.state === "not-ready" ? "fail" : "unknown", textOf(findings));
  }
  const { behind } = readiness;
  const lag = behind?.records === null || behind === undefined ? "unknown" : figure(behind.records);
  // How fast it copies is a guess about time only: the run waits for the drain, and turns back when it does not come.
  const rate = textOf(ofKind(readiness, "rate"));
  const text = `reverse mirror running, lag ${lag} on ${count(behind?.partitions ?? 0, "partition")}`;
  return fact("mirror", "pass", rate === "" ? text : `${text} (${rate})`);
}

function translationFact(readiness: Readiness): GateFact {
  const findings = ofKind(readiness, "translation");
  const refused = findings.filter(({ state }) => state === "not-ready");
  if (refused.length > 0) return fact("translation", "fail", textOf(refused));
  const without = readiness.groups.filter(({ kind }) => kind === "unknown");
  if (without.length > 0) {
    const text = without.map((back) => `${back.group}: ${back.kind === "unknown" ? back.why : ""}`);
    return fact("translation", "warn", `${text.join("; ")}: it goes on there and may read again`);
  }
  const exact = readiness.groups.filter((back) => back.kind === "exact");
  const offsets = exact.reduce((sum, back) => sum + back.offsets, 0);
  const text = `${count(offsets, "offset")} of ${count(exact.length, "group")} translate back exactly`;
  const again = exact.filter(({ readTwice }) => readTwice > 0);
  if (again.length > 0) {
    const names = again.map(({ group, readTwice }) => `${group} ${figure(readTwice)}`).join(", ");
    return fact("translation", "warn", `${text}; read twice, for the mirror copied them twice: ${names}`);
  }
  const ahead = readiness.groups.length - exact.length;
  // Groups read ahead of a mirror that runs: the run waits for it, so this alone is no obstacle.
  return fact("translation", "pass", ahead === 0 ? text : `${text}, ${ahead} ahead of the mirror`);
}

function sourceFact(readiness: Readiness): GateFact {
  const findings = ofKind(readiness, "source-groups");
  return findings.length === 0
    ? fact("source-groups", "pass", "nobody of these groups on the source")
    : fact("source-groups", "fail", textOf(findings));
}

/** Every group with members must belong to an application that can be stopped. */
async function consumersFact(wave: Wave, target: KafkaCluster, work: Work): Promise<GateFact> {
  const covered = new Set(consumersOf(work, wave).map(({ group }) => group));
  const live = await liveGroups(
    target,
    wave.groups.filter((group) => !covered.has(group)),
  );
  return live.length === 0
    ? fact("clients", "pass", "every live group has an application in ferry.yaml")
    : fact("clients", "fail", `no application in ferry.yaml for ${live.join("; ")}`);
}

/** A topic that no known producer writes to is fine only while it is silent; the proof of silence decides. */
function producersFact(wave: Wave, work: Work): GateFact {
  const covered = new Set(producersOf(work, wave).flatMap(({ topics }) => topics));
  const without = wave.topics.filter((topic) => !covered.has(topic));
  return without.length === 0
    ? fact("producers", "pass", "every topic has a producer in ferry.yaml")
    : fact("producers", "warn", `no producer in ferry.yaml for ${without.join(", ")}: must be silent on MSK`);
}

/**
 * Records that only the source has are not lost by going back, but nobody on MSK has read them. Pinned is whether there
 * are any: a watch that has not looked yet, and looks, is no news.
 */
function standbyFact(readiness: Readiness): GateFact {
  const [finding] = ofKind(readiness, "standby");
  const pinned = finding?.state === "not-ready" ? "rogue records" : "no rogue record known";
  if (finding === undefined) {
    const text = "the source grew only by what the reverse mirror wrote";
    return { name: "standby", state: "pass", text, pinned };
  }
  const then =
    finding.state === "not-ready" ? "; groups begin at them, and the wave is mirrored afresh afterwards" : "";
  return { name: "standby", state: "warn", text: `${finding.text}${then}`, pinned };
}

/** Groups that began on the target stay there; the forward mirror serves them again. */
async function knownGroups(plan: Plan, wave: Wave, target: KafkaCluster): Promise<GateFact> {
  const strangers = await foreignGroups(plan, wave, target);
  return strangers.length === 0
    ? fact("known-groups", "pass", "all groups on MSK that read these topics are known")
    : fact("known-groups", "warn", `not in this wave, stay on MSK: ${strangers.join(", ")}`);
}
