import type { GateFact } from "#domain/approval.ts";
import { type LagSum, partitionLags, sumLags } from "#domain/lag.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { FlowStatus, KafkaCluster } from "#domain/ports.ts";
import { readLag } from "#jobs/mirror/mirror-readings.ts";
import type { Work } from "#jobs/work.ts";
import { translateGroups } from "./translate-groups.ts";

/** The observed conditions of a gate. What is pinned is the verdict: numbers move all the time, verdicts must not. */

export function fact(name: string, state: GateFact["state"], text: string): GateFact {
  return { name, state, text, pinned: state };
}

/** Forward is running, nothing is unknown, and it is at most `cutover.maxLag` records behind. */
export async function mirrorFact(wave: Wave, work: Work): Promise<GateFact> {
  return await flowFact(flowName(work.migration.name, wave.name, "forward"), work.world.source, wave, work);
}

/** The same for the way back. */
export async function reverseFact(wave: Wave, work: Work): Promise<GateFact> {
  const target = await work.world.target();
  return await flowFact(flowName(work.migration.name, wave.name, "reverse"), target, wave, work);
}

async function flowFact(flow: string, origin: KafkaCluster, wave: Wave, work: Work): Promise<GateFact> {
  const engine = await work.world.engine();
  const status = await engine.status(flow);
  const lag = sumLags(partitionLags(await readLag({ flow, topics: wave.topics, origin }, engine, work)));
  const { maxLag } = work.migration.settings.cutover;
  return fact("mirror", mirrorVerdict(status, lag, maxLag), describeMirror(status, lag));
}

function mirrorVerdict(status: FlowStatus, lag: LagSum, maxLag: number): GateFact["state"] {
  if (status.state !== "running" || status.tasks.some(({ state }) => state !== "RUNNING")) return "fail";
  if (lag.records === null) return "unknown";
  return lag.findings.length === 0 && lag.records <= maxLag ? "pass" : "fail";
}

function describeMirror(status: FlowStatus, lag: LagSum): string {
  const running = status.tasks.filter(({ state }) => state === "RUNNING").length;
  const behind = lag.records === null ? `unknown, at least ${lag.atLeast}` : String(lag.records);
  const [finding] = lag.findings;
  const about =
    finding === undefined ? "" : `; ${finding.topic}-${finding.partition}: ${finding.why ?? finding.state}`;
  return `mirror ${status.state}, tasks ${running} of ${status.tasks.length}, lag ${behind} on ${lag.partitions} partitions${about}`;
}

export type Rehearsal = { readonly fact: GateFact; readonly offsets: number };

/** A live group is always a moment ahead of the mirror: so long its offsets of now are waited for, ms. */
const rehearsalMs = 2500;
const rehearsalEveryMs = 400;

/** Translates every committed offset of now, without committing: what cannot be proved blocks before anything stops. */
export async function rehearse(
  wave: Wave,
  origin: KafkaCluster,
  destination: KafkaCluster,
  work: Work,
): Promise<Rehearsal> {
  const began = work.clock.now();
  const committed = await origin.committed(wave.groups);
  let results = await translateGroups(wave.groups, wave.topics, origin, destination, committed);
  while (results.some(({ kind }) => kind === "waiting") && work.clock.now() - began < rehearsalMs) {
    await work.clock.sleep(rehearsalEveryMs, work.signal);
    results = await translateGroups(wave.groups, wave.topics, origin, destination, committed);
  }
  const seconds = ((work.clock.now() - began) / 1000).toFixed(1);
  const refused = results.filter((result) => result.kind === "refused");
  const waiting = results.filter((result) => result.kind === "waiting").length;
  const offsets = results.flatMap((result) => (result.kind === "exact" ? result.offsets : [])).length;
  if (refused.length > 0) {
    const why = refused.map((result) => `${result.group}: ${result.why}`).join("; ");
    return { offsets, fact: fact("translation", "fail", `offsets that cannot be proved: ${why}`) };
  }
  const text = `${offsets} offsets of ${results.length} groups translate exactly (${seconds} s)`;
  // Groups read ahead of a mirror that runs: the run waits for it, so this alone is no obstacle.
  const late = waiting === 0 ? "" : `, ${waiting} groups ahead of the mirror`;
  return { offsets, fact: { ...fact("translation", "pass", `${text}${late}`) } };
}

/** Open transactions end by themselves or hold the drain: a warning, with the partitions. */
export async function openTransactions(wave: Wave, cluster: KafkaCluster): Promise<GateFact> {
  const [stable, ends] = await Promise.all([
    cluster.offsets(wave.topics, "stable"),
    cluster.offsets(wave.topics, "end"),
  ]);
  const open = wave.topics.flatMap((topic) =>
    (ends.get(topic) ?? []).flatMap((end, partition) => {
      const last = stable.get(topic)?.[partition];
      // The stable offsets were read beside the ends: only one that stands below them is open.
      return last !== undefined && end !== undefined && last < end ? [`${topic}-${partition}`] : [];
    }),
  );
  // Pinned as passed either way: producers that run open and close transactions all the time.
  return {
    name: "transactions",
    state: open.length === 0 ? "pass" : "warn",
    text: open.length === 0 ? "no open transactions" : `transactions open on ${open.slice(0, 5).join(", ")}`,
    pinned: "may be open until the producers stop",
  };
}

/** Groups outside this wave that have committed offsets on its topics. */
export async function foreignGroups(
  plan: Plan,
  wave: Wave,
  source: KafkaCluster,
): Promise<readonly string[]> {
  const listed = (await source.listGroups()).filter(({ protocolType }) => protocolType !== "connect");
  const planned = new Set(plan.waves.flatMap(({ groups }) => groups));
  const others = listed.map(({ id }) => id).filter((id) => !planned.has(id));
  const committed = await source.committed(others);
  return others.filter((group) => wave.topics.some((topic) => committed.get(group)?.has(topic) === true));
}
