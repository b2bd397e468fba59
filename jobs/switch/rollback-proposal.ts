import type { Proposal } from "#domain/approval.ts";
import type { Part } from "#domain/message.ts";
import type { Asked, Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { liveGroups } from "./clients.ts";
import { rehearse, reverseFact } from "./gate-facts.ts";
import { consumersOf, loadPlan, producersOf, readWaveState, waveAt, waveOfRun } from "./wave.ts";

/** What a rollback of the last switch of a wave would do at this moment, and the facts it depends on. */
export async function proposeRollback(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveAt(work, plan, asked.wave, ["consumers-moved", "producers-moved"]);
  const { phase } = await readWaveState(work, wave.name);
  const target = await work.world.target();
  const rehearsal = await rehearse(wave, target, work.world.source, work);
  const withProducers = phase === "producers-moved";
  return {
    action: "rollback",
    wave: wave.name,
    title: `roll back ${withProducers ? "PRODUCERS and consumers" : "CONSUMERS"} of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      phase,
      topics: [...wave.topics].toSorted(),
      groups: [...wave.groups].toSorted(),
      clients: [...consumersOf(work, wave), ...(withProducers ? producersOf(work, wave) : [])]
        .map(({ name }) => name)
        .toSorted(),
    },
    effects: [
      { label: "What happens", value: withProducers ? wayBackOfAll : wayBackOfConsumers },
      { label: "Lost", value: "0 records" },
      { label: "Read again", value: `${rehearsal.offsets} offsets rehearsed by content: 0 records` },
      {
        label: "Afterwards",
        value: "the wave is mirrored forward again; the cutover can be asked for again",
      },
    ],
    facts: withProducers ? [await reverseFact(wave, work), rehearsal.fact] : [rehearsal.fact],
    quorum: withProducers ? work.migration.settings.approvals.quorum : 1,
  };
}

const wayBackOfConsumers = "stop consumers on MSK → translate their offsets back → start on the source";
const wayBackOfAll =
  "stop producers on MSK → prove silence → drain the reverse mirror → stop consumers → translate their offsets back → start both on the source → mirror forward again";

/** How the world looks after a rollback. */
export async function summaryOfRollback(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const wave = await waveOfRun(proposal, work, run);
  const live = await liveGroups(work.world.source, wave.groups);
  return [
    {
      kind: "facts",
      rows: [
        { label: "On the source", value: live.join("; ") || "no live group" },
        { label: "Mirror", value: "forward again; nothing is copied twice" },
        { label: "Next", value: `\`/ferry cutover consumers ${wave.name}\` when the cause is gone` },
      ],
    },
  ];
}
