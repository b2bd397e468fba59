import type { GateFact } from "#domain/approval/approval.ts";
import { type LagSum, partitionLags, sumLags } from "#domain/lag/lag.ts";
import { lostText } from "#domain/lag/lost-ranges.ts";
import { describeAllOpen } from "#domain/lag/open-transactions.ts";
import { noMirrorBack } from "#domain/mirror/replicator-rules.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { FlowStatus, KafkaCluster } from "#domain/ports.ts";
import { topicsOf } from "#domain/switch/group-findings.ts";
import { count } from "#domain/wording.ts";
import { lostRanges } from "#jobs/mirror/lost-ranges.ts";
import { readLag } from "#jobs/mirror/mirror-readings.ts";
import type { Work } from "#jobs/work.ts";
import { openOnes } from "./open-transactions.ts";
import { type GroupTranslation, translateGroups } from "./translate-groups.ts";

/** The observed conditions of a gate. What is pinned is the verdict: numbers move all the time, verdicts must not. */

export function fact(name: string, state: GateFact["state"], text: string): GateFact {
  return { name, state, text, pinned: state };
}

/**
 * Forward is running, nothing is unknown, it is at most `cutover.maxLag` records behind, and somebody has acknowledged what
 * expired before it was copied: the mirror's own offsets no longer tell of that once it has gone on.
 */
export async function mirrorFact(wave: Wave, work: Work): Promise<GateFact> {
  const flow = flowName(work.migration.name, wave.name, "forward");
  const found = await flowFact(flow, work.world.source, wave, work);
  const open = (await lostRanges(work)).filter(
    (range) => range.flow === flow && range.acknowledged === undefined,
  );
  const [first] = open;
  if (first === undefined) return found;
  const more = open.length === 1 ? "" : ` and ${count(open.length - 1, "more range")}`;
  const text = `${found.text}; ${lostText(first)}${more}, which \`/ferry lag acknowledge ${first.topic}\` has to take note of`;
  return { ...found, ...fact(found.name, "fail", text) };
}

async function flowFact(flow: string, origin: KafkaCluster, wave: Wave, work: Work): Promise<GateFact> {
  const engine = await work.world.engine();
  const status = await engine.status(flow);
  const lag = sumLags(partitionLags(await readLag({ flow, topics: wave.topics, origin }, engine, work)));
  const { cutover, replication } = work.migration.settings;
  const { maxLag } = cutover;
  const met = describeMirror(status, lag);
  const back = replication.engine === "replicator" ? noMirrorBack : undefined;
  return {
    ...(back === undefined
      ? fact("mirror", mirrorVerdict(status, lag, maxLag), met)
      : fact("mirror", "fail", `${met}; ${back}`)),
    tolerance: { maxLag },
  };
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

export type Rehearsal = {
  readonly fact: GateFact;
  /** How many were translated exactly. */
  readonly offsets: number;
  readonly results: readonly GroupTranslation[];
  /** The last translation of all of them took so long, ms. */
  readonly tookMs: number;
};

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
  let started = work.clock.now();
  let results = await translateGroups(wave.groups, wave.topics, origin, destination, committed);
  while (results.some(({ kind }) => kind === "waiting") && work.clock.now() - began < rehearsalMs) {
    await work.clock.sleep(rehearsalEveryMs, work.signal);
    started = work.clock.now();
    results = await translateGroups(wave.groups, wave.topics, origin, destination, committed);
  }
  const tookMs = work.clock.now() - started;
  const seconds = ((work.clock.now() - began) / 1000).toFixed(1);
  const refused = results.filter((result) => result.kind === "refused");
  const waiting = results.filter((result) => result.kind === "waiting").length;
  const offsets = results.flatMap((result) => (result.kind === "refused" ? [] : result.offsets)).length;
  if (refused.length > 0) {
    const why = refused.map((result) => `${result.group}: ${result.why}`).join("; ");
    const text = `offsets that cannot be proved: ${why}`;
    return { offsets, results, tookMs, fact: fact("translation", "fail", text) };
  }
  const text = `${offsets} offsets of ${results.length} groups translate exactly (${seconds} s)`;
  // Groups read ahead of a mirror that runs: the run waits for it, so this alone is no obstacle.
  const late = waiting === 0 ? "" : `, ${waiting} groups ahead of the mirror`;
  return { offsets, results, tookMs, fact: fact("translation", "pass", `${text}${late}`) };
}

/** Open transactions end by themselves or hold the drain: a warning that names them; a hanging one says what to do. */
export async function openTransactions(wave: Wave, cluster: KafkaCluster): Promise<GateFact> {
  // Pinned as one either way: producers that run open and close transactions all the time.
  const common = { name: "transactions", pinned: "may be open until the producers stop" };
  const open = await openOnes(cluster, wave.topics);
  if (!open.known) return { ...common, state: "unknown", text: `open transactions: unknown, ${open.why}` };
  if (open.value.length === 0) return { ...common, state: "pass", text: "no open transactions" };
  const text = `open transactions: ${describeAllOpen(open.value)}`;
  return { ...common, state: "warn", text };
}

/**
 * Groups that do not move with this wave and have committed offsets on its topics, or members that read them:
 * "audit", "shipping-app (wave shipping)".
 */
export async function foreignGroups(
  plan: Plan,
  wave: Wave,
  cluster: KafkaCluster,
): Promise<readonly string[]> {
  const listed = (await cluster.listGroups()).filter(({ protocolType }) => protocolType !== "connect");
  const others = listed.map(({ id }) => id).filter((id) => !wave.groups.includes(id));
  if (others.length === 0) return [];
  const [committed, described] = await Promise.all([
    cluster.committed(others),
    cluster.describeGroups(others),
  ]);
  const reading = new Map(described.map((group) => [group.id, topicsOf(group)]));
  return others
    .filter((group) =>
      wave.topics.some(
        (topic) => committed.get(group)?.has(topic) === true || reading.get(group)?.has(topic) === true,
      ),
    )
    .map((group) => {
      const own = plan.waves.find(({ groups }) => groups.includes(group));
      return own === undefined ? group : `${group} (wave ${own.name})`;
    });
}
