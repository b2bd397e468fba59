import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Part } from "#domain/message.ts";
import { flowsOf, offsetsTopics, sharedMirrorTopics } from "#domain/mirror/residue.ts";
import { Verified, verifiedKey } from "#domain/offsets/verification.ts";
import { flowName, type Plan, type Wave } from "#domain/plan.ts";
import type { KafkaCluster, ReplicationEngine } from "#domain/ports.ts";
import { about, count, figure } from "#domain/wording.ts";
import { reportKey } from "#jobs/audit/evidence.ts";
import { keepEngine, refuseOtherEngine } from "#jobs/mirror/change-engine.ts";
import { startGuarded } from "#jobs/mirror/loop-guard.ts";
import { unthrottle } from "#jobs/mirror/throttle.ts";
import type { Approvable, Asked, Run, Step } from "#jobs/run/approvable.ts";
import { liveGroups } from "#jobs/switch/clients.ts";
import { fenceSize } from "#jobs/switch/fence-document.ts";
import { liftStanding, standingFences } from "#jobs/switch/fence-sweep.ts";
import { fact } from "#jobs/switch/gate-facts.ts";
import { loadPlan, readWaveState, recordPhase, waveNamed, writeWaveState } from "#jobs/switch/wave.ts";
import { done, type Work } from "#jobs/work.ts";
import { finalReport } from "./final-report.ts";
import { otherMirrors, removedAtLast, sharedStays } from "./other-mirrors.ts";
import { lookAtRights, rightsLeft, rightsStep, rightsText } from "./own-rights.ts";
import { readersOn, silenceOf, type Watched, watchStep } from "./silence.ts";

/**
 * Ends the migration of one wave or of all: stops the mirrors back, watches the silent source, removes what the bot
 * made. A source that is still used turns it back; from the removal on there is no way back to the source.
 */
export const cleanup: Approvable = { propose, steps, summary };

/** What the approval is bound to and the run is guided by. */
const Guide = z.object({
  plan: z.string(),
  waves: z.array(z.string()),
  /** No wave is left after this one: what all mirrors share goes too. */
  last: z.boolean(),
  watchMs: z.number(),
});
type Guide = z.infer<typeof Guide>;

async function propose(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const { waves, last } = await wavesToClean(asked.wave, plan, work);
  const { watch } = work.migration.settings.cleanup;
  const names = waves.map(({ name }) => name);
  await refuseOtherEngine(names, work);
  const watched = watchedBy(waves);
  const standing = await standingFences(work, names);
  const fences = standing
    .map((fence) => `; the fence of ${fence.wave} on the ${fence.side} (${fenceSize(fence)})`)
    .join("");
  const rights = last ? rightsText(await lookAtRights(work)) : "";
  const removed = last
    ? removedAtLast(await otherMirrors(work))
    : "this wave's connectors with their offsets";
  const guide: Guide = { plan: plan.hash, waves: names, last, watchMs: watch };
  return {
    action: "cleanup",
    ...(asked.wave === undefined ? {} : { wave: asked.wave }),
    title: `clean up ${names.length === 1 ? `wave ${names[0]}` : `all ${names.length} waves`}: NO WAY BACK afterwards`,
    plan: guide,
    effects: [
      {
        label: "What happens",
        value: `stop the mirrors back → watch the source for ${about(watch)} → remove ${count(names.length, "wave")} of mirrors → report`,
      },
      {
        label: "Way back",
        value: "none without loss, once the watch has ended: the source stays behind from then on",
      },
      {
        label: "While it watches",
        value: "a write or a reader on the source starts the mirrors back again; `/ferry cancel` does too",
      },
      {
        label: "Removed",
        value: `${removed}${fences}${rights}`,
      },
      { label: "Left", value: "all topics, records, groups and settings on both clusters; the network" },
    ],
    facts: [
      await nobodyOnSource(watched, work),
      await readersOnTarget(watched, work),
      await comparedFact(names, work),
    ],
    quorum: work.migration.settings.approvals.quorum,
  };
}

function watchedBy(waves: readonly Wave[]): Watched {
  return { topics: waves.flatMap(({ topics }) => topics), groups: waves.flatMap(({ groups }) => groups) };
}

/** `E_PHASE` names every wave that is not there yet. */
async function wavesToClean(
  name: string | undefined,
  plan: Plan,
  work: Work,
): Promise<{ readonly waves: readonly Wave[]; readonly last: boolean }> {
  const phases = new Map<string, string>();
  for (const wave of plan.waves) phases.set(wave.name, (await readWaveState(work, wave.name)).phase);
  const wanted = name === undefined ? plan.waves : [waveNamed(plan, name)];
  const waves = wanted.filter((wave) => phases.get(wave.name) === "producers-moved");
  const early = wanted.filter(
    (wave) => !["producers-moved", "cleaned"].includes(phases.get(wave.name) ?? ""),
  );
  if (early.length > 0) {
    const text = early.map((wave) => `${wave.name} ("${phases.get(wave.name)}")`).join(", ");
    throw new FerryError("E_PHASE", `The producers of these waves have not moved: ${text}.`);
  }
  if (waves.length === 0) throw new FerryError("E_PHASE", "There is nothing left to clean up.");
  const after = plan.waves.filter((wave) => !waves.includes(wave) && phases.get(wave.name) !== "cleaned");
  return { waves, last: after.length === 0 };
}

async function nobodyOnSource(watched: Watched, work: Work): Promise<GateFact> {
  const readers = await readersOn(work.world.source, watched);
  return readers.length === 0
    ? fact("source-groups", "pass", "no group reads these topics on the source")
    : fact("source-groups", "fail", `still on the source: ${readers.join("; ")}`);
}

/** Pinned the same either way: applications may pause. */
async function readersOnTarget({ groups }: Watched, work: Work): Promise<GateFact> {
  const live = await liveGroups(await work.world.target(), groups);
  const state = live.length === groups.length ? "pass" : "warn";
  const text = `${live.length} of ${count(groups.length, "group")} active on MSK`;
  return { name: "target-groups", state, text, pinned: "may pause" };
}

/** Different records forbid it; a comparison that was never made is only said. */
async function comparedFact(waves: readonly string[], work: Work): Promise<GateFact> {
  const never: string[] = [];
  const different: string[] = [];
  for (const wave of waves) {
    const stored = await work.store.read(verifiedKey(work.migration.name, wave));
    if (stored === undefined) never.push(wave);
    else if (Verified.parse(stored.value).differences.length > 0) different.push(wave);
  }
  if (different.length > 0) return fact("compared", "fail", `records differ in ${different.join(", ")}`);
  if (never.length > 0) return fact("compared", "warn", `never compared in full: ${never.join(", ")}`);
  return fact("compared", "pass", "last full compare: equal");
}

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  await keepEngine(work, run);
  const guide = Guide.parse(proposal.plan);
  const plan = await loadPlan(work);
  const waves = guide.waves.map((name) => waveNamed(plan, name));
  const flows = flowsOf(work.migration.name, guide.waves);
  for (const wave of guide.waves) await recordPhase(work, wave, run);
  return [
    stopStep(waves, work, run),
    watchStep(watchedBy(waves), work, run),
    liftStep(guide.waves, work, run),
    removeStep(flows, guide.last, work),
    topicsStep(flows, guide.last, work),
    ...(guide.last ? [rightsStep(work, run)] : []),
    recordStep(guide.waves, work, run),
  ];
}

function stopStep(waves: readonly Wave[], work: Work, run: Run): Step {
  const names = waves.map(({ name }) => flowName(work.migration.name, name, "reverse"));
  return {
    name: "stop-reverse",
    title: `stop ${names.join(", ")}`,
    isDone: async () => {
      const engine = await work.world.engine();
      const states = await Promise.all(names.map(async (name) => (await engine.status(name)).state));
      return states.every((state) => state === "stopped" || state === "absent");
    },
    act: async () => {
      const engine = await work.world.engine();
      for (const name of names) {
        const { state: before } = await engine.status(name);
        if (before === "absent") continue;
        await engine.stop(name);
        const change = { subject: name, before, after: "stopped", reason: "run" };
        await work.audit({ what: "mirror.stopped", ...change, detail: { flow: name, run: run.id } });
      }
      return done;
    },
    undo: {
      title: "start the mirrors back to the source again",
      run: async () => {
        const engine = await work.world.engine();
        for (const wave of waves) {
          const name = flowName(work.migration.name, wave.name, "reverse");
          if ((await engine.status(name)).state === "absent") continue;
          await startGuarded(name, wave, engine);
        }
      },
    },
  };
}

function liftStep(waves: readonly string[], work: Work, run: Run): Step {
  return {
    name: "lift-fences",
    title: "lift the fences on the source",
    isDone: async () => (await standingFences(work, waves)).length === 0,
    act: async () => {
      await liftStanding(waves, work, run);
      return done;
    },
  };
}

function removeStep(flows: readonly string[], last: boolean, work: Work): Step {
  // Listed and absent: its removal was cut short.
  const present = async (engine: ReplicationEngine) => {
    const listed = await engine.list(`ferry-${work.migration.name}-`);
    return listed.map(({ name }) => name).filter((name) => flows.includes(name));
  };
  return {
    name: "remove-mirrors",
    title: "remove the connectors with their offsets",
    isDone: async () => (await present(await work.world.engine())).length === 0,
    act: async () => {
      const engine = await work.world.engine();
      for (const name of await present(engine)) {
        const { state: before } = await engine.status(name);
        await engine.remove(name);
        const change = { subject: name, before, after: "absent", reason: "run" };
        await work.audit({ what: "mirror.removed", ...change, detail: { flow: name } });
      }
      if (last) await unthrottle(work);
      return done;
    },
  };
}

function topicsStep(flows: readonly string[], last: boolean, work: Work): Step {
  const both = async () => [work.world.source, await work.world.target()] as const;
  return {
    name: "remove-topics",
    title: "remove the topics that the mirrors made for themselves",
    isDone: async () => {
      const left = await Promise.all((await both()).map((cluster) => ownTopics(cluster, flows, last, work)));
      return left.flat().length === 0;
    },
    act: async () => {
      for (const cluster of await both()) {
        const names = await ownTopics(cluster, flows, last, work);
        if (names.length === 0) continue;
        await cluster.deleteTopics(names);
        const change = { subject: `topics on the ${cluster.role}`, before: names, after: [], reason: "run" };
        await work.audit({
          what: "topics.deleted",
          ...change,
          detail: { cluster: cluster.role, topics: names },
        });
      }
      return done;
    },
  };
}

/** What all mirrors share stays while a mirror of any migration is left. */
async function ownTopics(
  cluster: KafkaCluster,
  flows: readonly string[],
  last: boolean,
  work: Work,
): Promise<readonly string[]> {
  const names = (await cluster.listTopics()).map(({ name }) => name);
  const own = offsetsTopics(flows, names);
  if (!last) return own;
  const others = await otherMirrors(work);
  const shared = others.length > 0 ? [] : names.filter((name) => sharedMirrorTopics.includes(name));
  return [...own, ...shared];
}

function recordStep(waves: readonly string[], work: Work, run: Run): Step {
  return {
    name: "record",
    title: "record that the waves are cleaned up",
    isDone: async () => {
      const states = await Promise.all(waves.map((wave) => readWaveState(work, wave)));
      return states.every(({ phase }) => phase === "cleaned");
    },
    act: async () => {
      for (const wave of waves) {
        const state = await readWaveState(work, wave);
        if (state.phase === "cleaned") continue;
        const { boundary } = state;
        await writeWaveState(work, wave, run, { phase: "cleaned", ...(boundary && { boundary }) });
      }
      return done;
    },
  };
}

async function summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const guide = Guide.parse(proposal.plan);
  const plan = await loadPlan(work);
  const silent = await silenceOf(run);
  const rights = await rightsLeft(run);
  const report = await finalReport(plan, guide.waves, silent, work, rights);
  await work.store.write(reportKey(work.migration.name, report.name), report.markdown);
  await work.card.file({ name: report.name, title: "Final report", content: Buffer.from(report.markdown) });
  const watched = silent === undefined ? "not recorded" : about(silent.to - silent.from);
  return [
    {
      kind: "facts",
      rows: [
        {
          label: "Moved",
          value: `${figure(report.topics)} topics and ${figure(report.groups)} groups in ${count(guide.waves.length, "wave")}`,
        },
        { label: "Silence", value: `${watched} without a record or a reader on the source` },
        {
          label: "Removed",
          value: guide.last
            ? `every connector and topic that the bot made${sharedStays(await otherMirrors(work))}`
            : "the connectors of these waves",
        },
        { label: "Still there", value: report.left },
      ],
    },
  ];
}
