import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import { staleEffect } from "#domain/assess/assessment-age.ts";
import type { Part } from "#domain/message.ts";
import type { Wave } from "#domain/plan.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { answerEffects } from "#jobs/answers.ts";
import { refuseOtherEngine } from "#jobs/mirror/change-engine.ts";
import { quietEffect } from "#jobs/mirror/rate-profile.ts";
import { refuseStalePlan } from "#jobs/plan-stale.ts";
import type { Asked, Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { liveGroups } from "./clients.ts";
import { fenceSize, fencesLeft } from "./fence-document.ts";
import { proposeFence } from "./fence-proposal.ts";
import { fact, mirrorFact, openTransactions } from "./gate-facts.ts";
import { recallBoundary } from "./reverse-mirror.ts";
import { firstWriteRows } from "./see-writes.ts";
import { loadPlan, producersOf, waveAt, waveOfRun } from "./wave.ts";
import { ends, growth } from "./wave-mirror.ts";
import { wayBack } from "./way-back.ts";

/** The request and the report of a cutover of producers. */

/** What moving the producers of a wave would do at this moment, and the facts it depends on. */
export async function proposeProducers(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveAt(work, plan, asked.wave, ["consumers-moved"]);
  await refuseOtherEngine([wave.name], work);
  await refuseStalePlan({ step: "cutover", wave }, plan, work);
  const names = producersOf(work, wave).map(({ name }) => name);
  const fence = await proposeFence(wave, "source", work);
  return {
    action: "cutover-producers",
    wave: wave.name,
    title: `cut over PRODUCERS of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      topics: [...wave.topics].toSorted(),
      clients: names.toSorted(),
      fence: [...fence.acls],
    },
    effects: [
      {
        label: "What happens",
        value: `stop ${names.join(", ") || "nobody"} → fence → prove silence → drain to 0 → turn the mirror around → start on MSK`,
      },
      ...fence.effects,
      { label: "Afterwards", value: "the source is a standby, written only by the reverse mirror" },
      {
        label: "Way back",
        value: await wayBack(wave, "producers-moved", work),
      },
      ...(await answerEffects(work)),
      await quietEffect(wave.name, work),
      ...staleEffect(plan, work.clock.now()),
    ],
    facts: [
      await mirrorFact(wave, work),
      await groupsMoved(wave, work),
      await openTransactions(wave, work.world.source),
      await coveredTopics(wave, work),
      fence.fact,
    ],
    quorum: work.migration.settings.approvals.quorum,
  };
}

async function groupsMoved(wave: Wave, work: Work): Promise<GateFact> {
  const left = await liveGroups(work.world.source, wave.groups);
  return left.length === 0
    ? fact("groups-moved", "pass", "no group of these topics on the source any more")
    : fact("groups-moved", "fail", `still on the source: ${left.join("; ")}`);
}

/** A topic that no known producer writes to is fine only while it is silent; the proof of silence decides. */
async function coveredTopics(wave: Wave, work: Work): Promise<GateFact> {
  const covered = new Set(producersOf(work, wave).flatMap(({ topics }) => topics));
  const open = wave.topics.filter((topic) => !covered.has(topic));
  return open.length === 0
    ? fact("producers", "pass", "every topic has a producer in ferry.yaml")
    : fact("producers", "warn", `no producer in ferry.yaml for ${open.join(", ")}: must be silent`);
}

/** What was measured, for the channel. */
export async function summaryOfProducers(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const boundary = await recallBoundary(run);
  const wave = await waveOfRun(proposal, work, run);
  const target: OffsetTable = await ends(await work.world.target(), wave);
  const written = [...growth(boundary?.target ?? {}, target).values()].reduce((sum, grown) => sum + grown, 0);
  const unseen = z.string().safeParse(await run.recall("unseen"));
  return [
    {
      kind: "facts",
      rows: [
        ...(unseen.success ? [{ label: "NOT SEEN", value: unseen.data }] : []),
        ...(await firstWriteRows(run)),
        { label: "Drained", value: "to 0 on every partition before anything started on MSK" },
        { label: "Since then", value: `end offsets on MSK grew by ${written}` },
        { label: "Standby", value: "the reverse mirror copies what is written on MSK back to the source" },
        { label: "Fence", value: await fenceNow(wave, work) },
        { label: "Way back", value: `\`/ferry rollback ${wave.name}\`` },
      ],
    },
  ];
}

async function fenceNow(wave: Wave, work: Work): Promise<string> {
  const fence = (await fencesLeft(work)).find((each) => each.wave === wave.name && each.side === "source");
  if (fence === undefined)
    return "none on the source: its ends are watched, more than the mirror writes is named";
  return `${fenceSize(fence)} on the source, until rollback or cleanup`;
}
