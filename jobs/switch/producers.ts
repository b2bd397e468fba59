import type { Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import { keepEngine } from "#jobs/mirror/change-engine.ts";
import { startGuarded } from "#jobs/mirror/loop-guard.ts";
import type { Approvable, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import {
  isFirstStartNoted,
  lookOnceMore,
  noteFirstStart,
  refuseGrowth,
  untilNoTransaction,
} from "./before-start.ts";
import { placeOfProducer, startProducers, stopProducers } from "./clients.ts";
import { type FenceSite, fenceGeneration, keepStanding } from "./fence.ts";
import { approvedAcls } from "./fence-proposal.ts";
import { fenceStep, releaseStep } from "./fence-steps.ts";
import { proposeProducers, summaryOfProducers } from "./producers-proposal.ts";
import { armReverse, disarmReverse, recallBoundary, reverseName, runReverse } from "./reverse-mirror.ts";
import { noteUnseen } from "./see-writes.ts";
import { bringBackAndStop, forwardAgain } from "./undo-turn.ts";
import { producersOf, readWaveState, waveOfRun, writeWaveState } from "./wave.ts";
import {
  ends,
  flatEnds,
  plainEnds,
  proveAllCopied,
  resumeCheckpoint,
  stopMirror,
  untilDrained,
} from "./wave-mirror.ts";

/**
 * Moves the producers of one wave: stop, fence, prove silence, drain the mirror to exactly zero, record both ends, turn
 * the mirror around, start on the target. Never two directions at once: forward is confirmed stopped before reverse
 * starts. Whoever lifts the fence in between, a producer is started only when both sides still end where they did.
 */
export const cutoverProducers: Approvable = { propose: proposeProducers, steps, summary: summaryOfProducers };

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  await keepEngine(work, run);
  const wave = await waveOfRun(proposal, work, run);
  const approved = approvedAcls(proposal);
  const site: FenceSite = { wave, side: "source", noReturn: "start-producers", approved };
  return [
    armStep(wave, work, run),
    stopStep(wave, work, run),
    fenceStep(site, work, run),
    ...drain(site, work, run),
    ...turnAround(site, work, run),
    ...startOnTarget(site, work, run),
  ];
}

function armStep(wave: Wave, work: Work, run: Run): Step {
  const { migration, world } = work;
  return {
    name: "arm-reverse",
    title: "create the reverse mirror, stopped; stop the checkpoints",
    isDone: async () => {
      const engine = await world.engine();
      const checkpoint = await engine.status(flowName(migration.name, wave.name, "checkpoint"));
      const reverse = await engine.status(reverseName(wave, work));
      const armed = reverse.state === "stopped" || (await isSeeded(run));
      return armed && reverse.state !== "absent" && ["stopped", "absent"].includes(checkpoint.state);
    },
    act: async () => {
      // Its stop takes seconds: better before the producers' pause than in it.
      await stopMirror(wave, "checkpoint", work);
      const engine = await world.engine();
      const reverse = reverseName(wave, work);
      if ((await engine.status(reverse)).state === "absent") await armReverse(wave, work);
      const { name, state } = await engine.status(reverse);
      // Without the offsets of this run it would copy the whole wave back.
      if (state !== "stopped" && !(await isSeeded(run))) {
        throw new FerryError("E_LOOP", `${name} is ${state}, and this run did not start it.`);
      }
      return done;
    },
    undo: {
      title: "remove the reverse mirror",
      run: async () => {
        await disarmReverse(wave, work);
        // Where consumers have moved, their cutover had stopped them for good.
        const { phase } = await readWaveState(work, wave.name);
        if (phase === "before-cutover") await resumeCheckpoint(wave, work);
      },
    },
  };
}

function stopStep(wave: Wave, work: Work, run: Run): Step {
  const clients = producersOf(work, wave);
  const places = () => Promise.all(clients.map((client) => placeOfProducer(client, work)));
  return {
    name: "stop-producers",
    title: `stop ${clients.map(({ name }) => name).join(", ") || "nobody"}`,
    isDone: async () => (await places()).every((place) => place === "stopped" || place === "target"),
    act: async () => {
      await run.remember("stopping-at", work.clock.now());
      await stopProducers(clients, "source", work, run.id);
      return done;
    },
    undo: {
      title: "start the producers on the source",
      run: () => startProducers(clients, "source", work, `${run.id}-undo`),
    },
  };
}

function drain(site: FenceSite, work: Work, run: Run): readonly Step[] {
  const { wave } = site;
  const { migration, world } = work;
  const forward = flowName(migration.name, wave.name, "forward");
  const isTurned = async () => (await recallBoundary(run)) !== undefined;
  return [
    {
      name: "prove-silence",
      title: "prove that nothing writes to the source",
      // A fence that was lifted and set again leaves a gap that no earlier proof covers.
      isDone: async () =>
        (await isTurned()) && (await run.recall("silence-of")) === (await fenceGeneration(site, work, run)),
      act: async () => {
        const generation = await fenceGeneration(site, work, run);
        // The reverse mirror may write by now what producers that were started wrote.
        if (!(await isFirstStartNoted(run))) await flatEnds(world.source, wave, work);
        if (await isTurned()) await refuseGrowth(wave, work, run);
        await run.remember("silence-of", generation);
        return done;
      },
    },
    {
      name: "drain",
      title: "drain the mirror to zero",
      isDone: isTurned,
      act: async () => {
        await goOnDraining(wave, work, run);
        await untilDrained(wave, forward, world.source, await world.target(), work);
        return done;
      },
    },
  ];
}

/** An earlier attempt ended between the stop of the mirror and the record of the ends: what came since is copied too. */
async function goOnDraining(wave: Wave, work: Work, run: Run): Promise<void> {
  if ((await run.recall("forward-stopped")) !== true) return;
  const engine = await work.world.engine();
  const forward = flowName(work.migration.name, wave.name, "forward");
  await startGuarded(forward, wave, engine);
}

function stopForwardStep(wave: Wave, work: Work, run: Run): Step {
  const { world } = work;
  return {
    name: "stop-forward",
    title: "stop the forward mirror",
    isDone: async () => {
      const engine = await world.engine();
      const { state } = await engine.status(flowName(work.migration.name, wave.name, "forward"));
      return state === "stopped" || state === "absent";
    },
    act: async () => {
      await run.remember("forward-stopped", true);
      await stopMirror(wave, "forward", work);
      return done;
    },
    undo: {
      title: "let the forward mirror go on",
      // What the reverse mirror has brought back must not be copied a second time; nothing else may be left out.
      run: () => forwardAgain(wave, work, run),
    },
  };
}

function turnAround(site: FenceSite, work: Work, run: Run): readonly Step[] {
  const { wave } = site;
  const { world } = work;
  return [
    stopForwardStep(wave, work, run),
    {
      name: "record-ends",
      title: "record both ends",
      isDone: async () => (await recallBoundary(run)) !== undefined,
      act: async () => {
        await recordBoundary(wave, work, run);
        return done;
      },
    },
    releaseStep(site, work, run),
    {
      name: "run-reverse",
      title: "start the reverse mirror at the recorded ends",
      // One that somebody else let go on does not begin at the recorded ends.
      isDone: async () => {
        const { state } = await (await world.engine()).status(reverseName(wave, work));
        return state === "running" && (await isSeeded(run));
      },
      act: async () => {
        await runReverse(wave, work, run);
        return done;
      },
      undo: {
        title: "drain and stop the reverse mirror",
        run: () => bringBackAndStop(site, work, run),
      },
    },
  ];
}

async function isSeeded(run: Run): Promise<boolean> {
  return (await run.recall("reverse-seeded")) === true;
}

/** Both ends, read while both sides are silent and nothing copies: the way back is computed from them. */
async function recordBoundary(wave: Wave, work: Work, run: Run): Promise<void> {
  const target = await work.world.target();
  const source = await flatEnds(work.world.source, wave, work);
  const forward = flowName(work.migration.name, wave.name, "forward");
  // One that was opened since the drain holds records that no mirror may see yet.
  await untilNoTransaction(work.world.source, wave, work);
  await proveAllCopied(wave, forward, work.world.source, work);
  // The mirror's own last transaction must have its marker before the target's ends are worth anything.
  await untilNoTransaction(target, wave, work);
  const boundary = {
    source: plainEnds(source),
    target: plainEnds(await ends(target, wave)),
    at: new Date(work.clock.now()).toISOString(),
  };
  await run.remember("boundary", boundary);
  await writeWaveState(work, wave.name, run, { phase: "consumers-moved", boundary });
}

function startOnTarget(site: FenceSite, work: Work, run: Run): readonly Step[] {
  const { wave } = site;
  const clients = producersOf(work, wave);
  const places = () => Promise.all(clients.map((client) => placeOfProducer(client, work)));
  const moved = async () => (await readWaveState(work, wave.name)).phase === "producers-moved";
  return [
    {
      name: "last-look",
      title: "look once more: nothing was written, no transaction is open",
      // What was seen by an earlier attempt may have changed since.
      isDone: async () => false,
      act: async () => {
        await lookOnceMore(wave, work, run);
        return done;
      },
    },
    {
      name: "start-producers",
      title: "start the producers on MSK",
      isDone: async () => clients.length === 0 || (await places()).every((place) => place === "target"),
      act: async () => {
        await noteFirstStart(run);
        await startProducers(clients, "target", work, run.id);
        await run.remember("started-at", work.clock.now());
        return done;
      },
      undo: {
        title: "stop the producers on MSK",
        run: async () => {
          await stopProducers(clients, "target", work, `${run.id}-undo`);
          await flatEnds(await work.world.target(), wave, work);
        },
      },
      pointOfNoReturn: true,
    },
    {
      name: "record",
      title: "record that the wave's producers moved",
      isDone: moved,
      act: async () => {
        const boundary = await recallBoundary(run);
        if (boundary === undefined)
          throw new FerryError("E_PHASE", "The recorded ends of this run are missing.");
        await keepStanding(site, work, run);
        await writeWaveState(work, wave.name, run, { phase: "producers-moved", boundary });
        return done;
      },
    },
    {
      name: "see-writes",
      title: "see each producer write on MSK",
      isDone: async () => clients.length === 0,
      act: async () => {
        await noteUnseen(wave, work, run);
        return done;
      },
    },
  ];
}
