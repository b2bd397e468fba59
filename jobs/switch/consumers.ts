import type { Proposal } from "#domain/approval/approval.ts";
import { mention, type Part } from "#domain/message.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { ClientPlace, KafkaCluster } from "#domain/ports.ts";
import { observationText } from "#domain/switch/observation.ts";
import { pauseRange, pausesOf, pauseTable } from "#domain/switch/pause.ts";
import { count } from "#domain/wording.ts";
import { keepEngine } from "#jobs/mirror/change-engine.ts";
import type { Approvable, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { liveGroups, placeOfConsumer, startConsumers, stopConsumers } from "./clients.ts";
import { observeMove, recallObserved } from "./consumers-observed.ts";
import {
  approvedLimit,
  carryBack,
  commitOffsets,
  notCommitted,
  proveOffsets,
  recallTranslated,
} from "./consumers-offsets.ts";
import { proposeConsumers } from "./consumers-proposal.ts";
import { createFarewell, createWelcome, noteSigns, recallSigns, whileLooking } from "./consumers-signs.ts";
import { watchConsumers } from "./consumers-watch.ts";
import { consumersOf, readWaveState, waveOfRun, writeWaveState } from "./wave.ts";
import { resumeCheckpoint, stopMirror } from "./wave-mirror.ts";

/**
 * Moves the consumers of one wave: stop on the source, translate and commit their offsets on the target, start there.
 * Producers stay on the source and the mirror goes on. A failure before the last step takes everything back.
 */
export const cutoverConsumers: Approvable = { propose: proposeConsumers, steps, summary };

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  await keepEngine(work, run);
  const wave = await waveOfRun(proposal, work, run);
  const target = await work.world.target();
  return [
    stopSync(wave, work),
    stopStep(wave, work, run),
    ...offsetSteps(proposal, wave, target, work, run),
    startStep(wave, target, work, run),
    ...watchAndRecord(proposal, wave, target, work, run),
  ];
}

/** MirrorMaker's group sync lives in the checkpoint connector; its stop takes seconds, so before the pause. */
function stopSync(wave: Wave, work: Work): Step {
  const name = flowName(work.migration.name, wave.name, "checkpoint");
  return {
    name: "stop-checkpoints",
    title: "stop the checkpoints, and with them MirrorMaker's group sync",
    isDone: async () => {
      const { state } = await (await work.world.engine()).status(name);
      return state === "stopped" || state === "absent";
    },
    act: async () => {
      await stopMirror(wave, "checkpoint", work);
      return done;
    },
    undo: { title: "start the checkpoints", run: () => resumeCheckpoint(wave, work) },
  };
}

function placesOf(wave: Wave, work: Work): Promise<readonly ClientPlace[]> {
  return Promise.all(consumersOf(work, wave).map((client) => placeOfConsumer(client, work)));
}

function stopStep(wave: Wave, work: Work, run: Run): Step {
  const clients = consumersOf(work, wave);
  const { source } = work.world;
  return {
    name: "stop-consumers",
    title: `stop ${clients.map(({ name }) => name).join(", ") || "nobody"}`,
    // Kafka is asked first: with many applications, asking all their drivers takes longer than the rest of the pause.
    isDone: async () =>
      (await liveGroups(source, wave.groups)).length === 0 &&
      (await placesOf(wave, work)).every((place) => place !== "source"),
    act: async () => {
      const { stoppingAt } = await recallSigns(run);
      await noteSigns(run, { stoppingAt: stoppingAt ?? work.clock.now() });
      const farewell = createFarewell(source, wave.groups, work);
      let stoppedAt = work.clock.now();
      await whileLooking(farewell, work, () =>
        stopConsumers(clients, "source", wave.groups, work, run.id, () => {
          stoppedAt = work.clock.now();
        }),
      );
      await noteSigns(run, { stoppedAt, restedAt: work.clock.now(), groups: farewell.seen() });
      return done;
    },
    undo: {
      title: "start the consumers on the source",
      run: () => startConsumers(clients, "source", work, `${run.id}-undo`),
    },
  };
}

function offsetSteps(
  proposal: Proposal,
  wave: Wave,
  target: KafkaCluster,
  work: Work,
  run: Run,
): readonly Step[] {
  return [
    {
      name: "commit-offsets",
      title: "translate and commit the offsets on MSK",
      // Only what this run committed counts: an application that was started on MSK early proves nothing.
      isDone: async () =>
        (await run.recall("committed")) === true &&
        (someOnTarget(await placesOf(wave, work)) || (await areCommitted(run, target))),
      act: async () => {
        await commitOffsets(wave, target, work, run);
        return done;
      },
    },
    {
      name: "prove-offsets",
      title: "prove what was committed by a fresh translation",
      // Again at every attempt, until somebody may have read on from there.
      isDone: async () => (await run.recall("proved")) === true && someOnTarget(await placesOf(wave, work)),
      act: async () => {
        await proveOffsets({ wave, limit: await approvedLimit(proposal, work) }, target, work, run);
        await run.remember("proved", true);
        await noteSigns(run, { provedAt: work.clock.now() });
        return done;
      },
    },
  ];
}

/** Behind the commit applications may read on, and the offsets move. */
function someOnTarget(places: readonly ClientPlace[]): boolean {
  return places.some((place) => place === "target");
}

async function areCommitted(run: Run, target: KafkaCluster): Promise<boolean> {
  const translated = await recallTranslated(run);
  return translated !== undefined && (await notCommitted(translated, target)).length === 0;
}

function startStep(wave: Wave, target: KafkaCluster, work: Work, run: Run): Step {
  const clients = consumersOf(work, wave);
  const groups = clients.map(({ group }) => group);
  return {
    name: "start-consumers",
    title: "start them on MSK",
    // Only what this run started counts: somebody else's start would be left out of the way back.
    isDone: async () => {
      if ((await recallSigns(run)).startingAt === undefined) return false;
      const live = await liveGroups(target, groups);
      return (
        live.length === new Set(groups).size &&
        (await placesOf(wave, work)).every((place) => place === "target")
      );
    },
    act: async () => {
      const { startingAt } = await recallSigns(run);
      const translated = (await recallTranslated(run)) ?? [];
      const welcome = await createWelcome(target, groups, translated, work, run);
      await noteSigns(run, { startingAt: startingAt ?? work.clock.now() });
      await whileLooking(welcome, work, () => startConsumers(clients, "target", work, run.id));
      await welcome.keep();
      return done;
    },
    undo: { title: "stop them on MSK and carry their offsets back", run: () => takeBack(wave, work, run) },
  };
}

/** Undo of the start: nothing that was read on the target is read again on the source. */
async function takeBack(wave: Wave, work: Work, run: Run): Promise<void> {
  await stopConsumers(consumersOf(work, wave), "target", wave.groups, work, `${run.id}-undo`);
  await carryBack(wave, work);
}

function watchAndRecord(
  proposal: Proposal,
  wave: Wave,
  target: KafkaCluster,
  work: Work,
  run: Run,
): readonly Step[] {
  const moved = async () => (await readWaveState(work, wave.name)).phase === "consumers-moved";
  return [
    {
      name: "watch-consumers",
      title: "watch them read on MSK",
      isDone: moved,
      act: async () => {
        await watchConsumers(wave, target, work, run);
        return done;
      },
      pointOfNoReturn: true,
    },
    {
      name: "record",
      title: "record that the wave's consumers moved",
      isDone: moved,
      act: async () => {
        const pauses = await measuredPauses(wave, work, run);
        await run.remember("pauses", pauses);
        const observed = await observeMove(proposal, wave, target, run);
        await run.remember("observed", observed);
        const change = { subject: wave.name, before: "source", after: "target", reason: "run" };
        await work.audit({
          what: "consumers.moved",
          key: `${run.id}:consumers.moved`,
          wave: wave.name,
          ...change,
          detail: { pauses, observed },
        });
        await writeWaveState(work, wave.name, run, { phase: "consumers-moved" });
        return done;
      },
    },
  ];
}

async function measuredPauses(wave: Wave, work: Work, run: Run) {
  const groups = consumersOf(work, wave).map(({ group }) => group);
  return pausesOf(await recallSigns(run), [...new Set(groups)]);
}

async function summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const wave = await waveOfRun(proposal, work, run);
  const offsets = (await recallTranslated(run))?.flatMap((group) => group.offsets).length;
  const observed = await recallObserved(run);
  const pauses = await measuredPauses(wave, work, run);
  const of = (which: "again" | "skipped") =>
    observed === undefined ? "not observed" : `${observationText(observed, which)} (by the groups' commits)`;
  return [
    {
      kind: "facts",
      rows: [
        {
          label: "Moved",
          value: `${offsets === undefined ? "unknown number of offsets" : count(offsets, "offset")}, committed, read back and proved`,
        },
        {
          label: "Pause",
          value: `${pauseRange(pauses)} per group, by its commits: from the last on the source to the first on MSK`,
        },
        { label: "Read again", value: of("again") },
        { label: "Skipped", value: of("skipped") },
        { label: "Way back", value: `\`/ferry rollback ${wave.name}\`` },
      ],
    },
    pauseTable(pauses),
    {
      kind: "note",
      text: `The mirror goes on; producers still write to the source. Asked by ${mention(work.by)}.`,
    },
  ];
}
