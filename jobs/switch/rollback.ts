import type { Proposal } from "#domain/approval/approval.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import { keepEngine } from "#jobs/mirror/change-engine.ts";
import { startGuarded } from "#jobs/mirror/loop-guard.ts";
import type { Approvable, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { noteLateOnMsk, noteMskEnd, refuseGrowthOnMsk, untilNoTransaction } from "./before-start.ts";
import {
  besideMirror,
  noteMirrorEnd,
  recallMirrorEnd,
  type Stretch,
  stretchOf,
  withoutSkipping,
} from "./beside-mirror.ts";
import {
  liveGroups,
  placeOfConsumer,
  placeOfProducer,
  startConsumers,
  startProducers,
  stopConsumers,
  stopProducers,
} from "./clients.ts";
import { refuseLife, refuseNotCommitted } from "./consumers-offsets.ts";
import { type FenceSite, fenceGeneration, isLifted, liftAny } from "./fence.ts";
import { approvedAcls } from "./fence-proposal.ts";
import { fenceStep } from "./fence-steps.ts";
import { holdForward, recallHeld } from "./forward-held.ts";
import { noteReturned } from "./note-returned.ts";
import { offsetsChange } from "./offsets-change.ts";
import { disarmReverse, reverseName } from "./reverse-mirror.ts";
import { approvedFloors, proposeRollback, summaryOfRollback } from "./rollback-proposal.ts";
import { type Exact, translateAll } from "./translate-all.ts";
import { tablesOf } from "./translate-groups.ts";
import { consumersOf, producersOf, readWaveState, waveOfRun, writeWaveState } from "./wave.ts";
import {
  flatEnds,
  proveAllCopied,
  resumeCheckpoint,
  resumeForward,
  startForward,
  untilDrained,
} from "./wave-mirror.ts";

/**
 * Undoes the last switch of a wave. After consumers moved: their offsets are carried back. After producers moved: first
 * everything written on the target comes back through the reverse mirror, and forward is ready to be tried again.
 */
export const rollback: Approvable = { propose: proposeRollback, steps, summary: summaryOfRollback };

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  await keepEngine(work, run);
  const wave = await waveOfRun(proposal, work, run);
  const before = await readWaveState(work, wave.name);
  const withProducers = (await run.recall("with-producers")) ?? before.phase === "producers-moved";
  await run.remember("with-producers", withProducers);
  const approved = approvedAcls(proposal);
  const site: FenceSite = { wave, side: "target", noReturn: "commit-offsets", approved };
  return withProducers === true
    ? [
        stopProducersStep(wave, work, run),
        fenceStep(site, work, run),
        ...bringRecordsBack(site, work, run),
        ...bringConsumersBack(
          wave,
          work,
          run,
          carryAll(wave, proposal, work, run),
          async () => await refuseGrowthOnMsk(wave, work, run),
        ),
        liftStep(wave, work, run),
        ...bringProducersBack(wave, work, run),
        record(wave, work, run),
      ]
    : [
        // Producers still write to the source: MSK grows by what forward copies.
        ...bringConsumersBack(
          wave,
          work,
          run,
          async (translated) => translated,
          async () => {},
        ),
        record(wave, work, run),
      ];
}

type Carry = (translated: readonly Exact[]) => Promise<readonly Exact[]>;

/** After producers moved the source may hold what nobody on MSK has read: no group begins behind it. */
function carryAll(wave: Wave, proposal: Proposal, work: Work, run: Run): Carry {
  const approved = approvedFloors(proposal);
  return async (translated) =>
    await withoutSkipping(translated, await stretchBack(wave, work, run), approved, work);
}

function stopProducersStep(wave: Wave, work: Work, run: Run): Step {
  const producers = producersOf(work, wave);
  return {
    name: "stop-producers",
    title: `stop ${producers.map(({ name }) => name).join(", ") || "nobody"} on MSK`,
    isDone: async () => {
      const places = await Promise.all(producers.map((client) => placeOfProducer(client, work)));
      return places.every((place) => place === "stopped" || place === "source");
    },
    act: async () => {
      await stopProducers(producers, "target", work, run.id);
      return done;
    },
    undo: {
      title: "start the producers on MSK",
      run: () => startProducers(producers, "target", work, `${run.id}-undo`),
    },
  };
}

/** What was proved under a fence that was lifted since is worth nothing: it is proved again. */
function bringRecordsBack(site: FenceSite, work: Work, run: Run): readonly Step[] {
  const { wave, world } = { ...site, ...work };
  const reverse = reverseName(wave, work);
  const isProved = async (what: string) =>
    (await run.recall(what)) === (await fenceGeneration(site, work, run));
  const isStopped = async () => {
    const { state } = await (await world.engine()).status(reverse);
    return state === "stopped" || state === "absent";
  };
  return [
    {
      name: "drain-reverse",
      title: "bring back what was written on MSK",
      // A mirror that merely stands still has not brought anything back.
      isDone: async () => await isProved("drained"),
      act: async () => {
        const generation = await fenceGeneration(site, work, run);
        const target = await world.target();
        await flatEnds(target, wave, work);
        // Stopped by an earlier attempt of this run, before its fence was lifted.
        if ((await run.recall("drained")) !== undefined && (await isStopped())) {
          await startGuarded(reverse, wave, await world.engine());
        }
        await untilDrained(wave, reverse, target, world.source, work);
        await run.remember("drained", generation);
        return done;
      },
    },
    {
      name: "stop-reverse",
      title: "stop the reverse mirror",
      isDone: async () => (await isStopped()) && (await isProved("reverse-proved")),
      act: async () => {
        const generation = await fenceGeneration(site, work, run);
        if (!(await isStopped())) await (await world.engine()).stop(reverse);
        const target = await world.target();
        await untilNoTransaction(target, wave, work);
        const mskEnd = await flatEnds(target, wave, work);
        // One that was begun and left open meanwhile lies within these ends.
        await untilNoTransaction(target, wave, work);
        await noteMskEnd(mskEnd, work, run);
        await proveAllCopied(wave, reverse, target, work);
        await noteMirrorEnd(wave, work, run);
        await run.remember("reverse-proved", generation);
        return done;
      },
      undo: {
        title: "start the reverse mirror",
        run: async () => await startGuarded(reverse, wave, await world.engine()),
      },
    },
  ];
}

/** The mirror is about to write to MSK again, and producers to the source: what keeps them off goes first. */
function liftStep(wave: Wave, work: Work, run: Run): Step {
  return {
    name: "lift-fences",
    title: "lift the fences",
    isDone: async () =>
      (await isLifted(wave.name, "target", work)) && (await isLifted(wave.name, "source", work)),
    act: async () => {
      await liftAny(wave.name, "target", work, run);
      await liftAny(wave.name, "source", work, run);
      return done;
    },
  };
}

function bringConsumersBack(
  wave: Wave,
  work: Work,
  run: Run,
  carry: Carry,
  lastLook: () => Promise<void>,
): readonly Step[] {
  const clients = consumersOf(work, wave);
  const { source } = work.world;
  const places = () => Promise.all(clients.map((client) => placeOfConsumer(client, work)));
  return [
    {
      name: "stop-consumers",
      title: `stop ${clients.map(({ name }) => name).join(", ") || "nobody"} on MSK`,
      isDone: async () =>
        (await places()).every((place) => place !== "target") &&
        (await liveGroups(await work.world.target(), wave.groups)).length === 0,
      act: async () => {
        await stopConsumers(clients, "target", wave.groups, work, run.id);
        return done;
      },
      undo: {
        title: "start the consumers on MSK",
        run: () => startConsumers(clients, "target", work, `${run.id}-undo`),
      },
    },
    {
      name: "commit-offsets",
      title: "carry their offsets back",
      isDone: async () => (await run.recall("carried-back")) === true,
      act: async () => {
        const target = await work.world.target();
        await lastLook();
        await refuseLife(wave, target, work);
        const [translated, standing] = await Promise.all([
          translateAll(wave, target, source, work),
          source.committed(wave.groups),
        ]);
        const back = await carry(translated);
        await lastLook();
        await source.commit(tablesOf(back));
        await refuseNotCommitted(back, source);
        await run.remember("carried-back", true);
        const change = offsetsChange(source, standing, back);
        await work.audit({ what: "offsets.carried-back", wave: wave.name, ...change });
        return done;
      },
      pointOfNoReturn: true,
    },
    {
      name: "start-consumers",
      title: "start them on the source",
      isDone: async () => (await places()).every((place) => place === "source"),
      act: async () => {
        await startConsumers(clients, "source", work, run.id);
        return done;
      },
    },
  ];
}

/** Where the source holds what MSK lacks the forward mirror is taken away instead: no offset is right for it. */
function forwardStep(wave: Wave, work: Work, run: Run): Step {
  const forward = flowName(work.migration.name, wave.name, "forward");
  const state = async () => (await (await work.world.engine()).status(forward)).state;
  return {
    name: "start-forward",
    title: "mirror forward again, from where the reverse mirror ended",
    isDone: async () => {
      if ((await recallHeld(run)) !== undefined) return (await state()) === "absent";
      return (await run.recall("forward-seeded")) === true && (await state()) === "running";
    },
    act: async () => {
      const seeded = (await run.recall("forward-seeded")) === true;
      const held = (await recallHeld(run))?.lacks ?? (seeded ? undefined : await lacking(wave, work, run));
      if (held !== undefined) await holdForward(wave, held, work, run);
      // Once only: seeding again would leave out what producers have written since.
      else if (seeded) await resumeForward(wave, work);
      else {
        const { until } = await stretchBack(wave, work, run);
        await startForward(wave, until, work, () => run.remember("forward-seeded", true));
      }
      return done;
    },
  };
}

/** What MSK lacks of what the source holds, or why that is not known; `undefined`: nothing. */
async function lacking(wave: Wave, work: Work, run: Run): Promise<string | undefined> {
  return await besideMirror(await stretchBack(wave, work, run), work);
}

async function stretchBack(wave: Wave, work: Work, run: Run): Promise<Stretch> {
  const { boundary } = await readWaveState(work, wave.name);
  return stretchOf(wave, boundary, await recallMirrorEnd(run));
}

function bringProducersBack(wave: Wave, work: Work, run: Run): readonly Step[] {
  const producers = producersOf(work, wave);
  return [
    forwardStep(wave, work, run),
    {
      name: "start-producers",
      title: "start the producers on the source",
      isDone: async () => {
        const places = await Promise.all(producers.map((client) => placeOfProducer(client, work)));
        return producers.length === 0 || places.every((place) => place === "source");
      },
      act: async () => {
        await noteLateOnMsk(wave, work, run);
        await startProducers(producers, "source", work, run.id);
        return done;
      },
    },
    {
      name: "remove-reverse",
      title: "remove the reverse mirror",
      isDone: async () =>
        (await (await work.world.engine()).status(reverseName(wave, work))).state === "absent",
      act: async () => {
        await disarmReverse(wave, work);
        return done;
      },
    },
  ];
}

function record(wave: Wave, work: Work, run: Run): Step {
  return {
    name: "record",
    title: "record that the wave is back on the source",
    isDone: async () => (await readWaveState(work, wave.name)).phase === "before-cutover",
    act: async () => {
      // Without checkpoints the next cutover could not tell what MirrorMaker's own sync would do.
      await resumeCheckpoint(wave, work);
      await noteReturned(wave, work, run);
      await writeWaveState(work, wave.name, run, { phase: "before-cutover" });
      return done;
    },
  };
}
