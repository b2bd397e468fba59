import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { Part } from "#domain/message.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { OffsetTable } from "#domain/topology.ts";
import type { Approvable, Asked, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { liveGroups, placeOfProducer, startProducers, stopProducers } from "./clients.ts";
import { fact, mirrorFact, openTransactions } from "./gate-facts.ts";
import { armReverse, disarmReverse, recallBoundary, reverseName, runReverse } from "./reverse-mirror.ts";
import { noteUnseen } from "./see-writes.ts";
import { loadPlan, producersOf, readWaveState, waveAt, waveOfRun, writeWaveState } from "./wave.ts";
import {
  ends,
  flatEnds,
  growth,
  plainEnds,
  proveAllCopied,
  resumeCheckpoint,
  resumeForward,
  startForward,
  stopMirror,
  untilDrained,
} from "./wave-mirror.ts";

/**
 * Moves the producers of one wave: stop, prove silence, drain the mirror to exactly zero, record both ends, turn the
 * mirror around, start on the target. Never two directions at once: forward is confirmed stopped before reverse starts.
 */
export const cutoverProducers: Approvable = { propose, steps, summary };

async function propose(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveAt(work, plan, asked.wave, ["consumers-moved"]);
  const names = producersOf(work, wave).map(({ name }) => name);
  return {
    action: "cutover-producers",
    wave: wave.name,
    title: `cut over PRODUCERS of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      topics: [...wave.topics].toSorted(),
      clients: names.toSorted(),
    },
    effects: [
      {
        label: "What happens",
        value: `stop ${names.join(", ") || "nobody"} → prove silence → drain to 0 → turn the mirror around → start on MSK`,
      },
      { label: "Fence", value: "the drivers' stop, proved by two equal reads of every end offset" },
      { label: "Afterwards", value: "the source is a standby, written only by the reverse mirror" },
      {
        label: "Way back",
        value: `\`/ferry rollback ${wave.name}\`: 0 lost; records written on MSK come back first`,
      },
    ],
    facts: [
      await mirrorFact(wave, work),
      await groupsMoved(wave, work),
      await openTransactions(wave, work.world.source),
      await coveredTopics(wave, work),
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

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  const wave = await waveOfRun(proposal, work, run);
  return [
    ...stopAndDrain(wave, work, run),
    ...turnAround(wave, work, run),
    ...startOnTarget(wave, work, run),
  ];
}

function armStep(wave: Wave, work: Work): Step {
  const { migration, world } = work;
  return {
    name: "arm-reverse",
    title: "create the reverse mirror, stopped; stop the checkpoints",
    isDone: async () => {
      const engine = await world.engine();
      const checkpoint = await engine.status(flowName(migration.name, wave.name, "checkpoint"));
      const reverse = await engine.status(reverseName(wave, work));
      return reverse.state !== "absent" && ["stopped", "absent"].includes(checkpoint.state);
    },
    act: async () => {
      // Its stop takes seconds: better before the producers' pause than in it.
      await stopMirror(wave, "checkpoint", work);
      if ((await (await world.engine()).status(reverseName(wave, work))).state === "absent") {
        await armReverse(wave, work);
      }
      return done;
    },
    undo: {
      title: "remove the reverse mirror, start the checkpoints",
      run: async () => {
        await disarmReverse(wave, work);
        await resumeCheckpoint(wave, work);
      },
    },
  };
}

function stopAndDrain(wave: Wave, work: Work, run: Run): readonly Step[] {
  const clients = producersOf(work, wave);
  const places = () => Promise.all(clients.map((client) => placeOfProducer(client, work)));
  const { migration, world } = work;
  const forward = flowName(migration.name, wave.name, "forward");
  const isTurned = async () => (await recallBoundary(run)) !== undefined;
  return [
    armStep(wave, work),
    {
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
    },
    {
      name: "prove-silence",
      title: "prove that nothing writes to the source",
      isDone: isTurned,
      act: async () => {
        await flatEnds(world.source, wave, work);
        return done;
      },
    },
    {
      name: "drain",
      title: "drain the mirror to zero",
      isDone: isTurned,
      act: async () => {
        await untilDrained(wave, forward, world.source, await world.target(), work);
        return done;
      },
    },
  ];
}

function turnAround(wave: Wave, work: Work, run: Run): readonly Step[] {
  const { world } = work;
  return [
    {
      name: "stop-forward",
      title: "stop the forward mirror",
      isDone: async () => {
        const engine = await world.engine();
        const { state } = await engine.status(flowName(work.migration.name, wave.name, "forward"));
        return state === "stopped" || state === "absent";
      },
      act: async () => {
        await stopMirror(wave, "forward", work);
        return done;
      },
      undo: {
        title: "let the forward mirror go on",
        // What the reverse mirror has brought back must not be copied a second time; nothing else may be left out.
        run: async () =>
          (await run.recall("brought-back")) === true
            ? await startForward(wave, work, () => run.remember("brought-back", "seeded"))
            : await resumeForward(wave, work),
      },
    },
    {
      name: "record-ends",
      title: "record both ends",
      isDone: async () => (await recallBoundary(run)) !== undefined,
      act: async () => {
        await recordBoundary(wave, work, run);
        return done;
      },
    },
    {
      name: "run-reverse",
      title: "start the reverse mirror at the recorded ends",
      isDone: async () => {
        const { state } = await (await world.engine()).status(reverseName(wave, work));
        return state === "running";
      },
      act: async () => {
        await runReverse(wave, work, run);
        return done;
      },
      undo: {
        title: "drain and stop the reverse mirror",
        run: () => bringBackAndStop(wave, work, run),
      },
    },
  ];
}

/** Undo of the turn: what was written on the target since comes back before the reverse mirror is stopped. */
async function bringBackAndStop(wave: Wave, work: Work, run: Run): Promise<void> {
  const engine = await work.world.engine();
  const target = await work.world.target();
  const reverse = reverseName(wave, work);
  const boundary = await recallBoundary(run);
  const grown = growth(boundary?.target ?? {}, await ends(target, wave));
  const written = boundary !== undefined && [...grown.values()].some((records) => records !== 0);
  const { state } = await engine.status(reverse);
  if (written) {
    await run.remember("brought-back", true);
    if (state !== "running" && (await run.recall("reverse-seeded")) === true) await engine.start(reverse);
    // Never without its offsets: it would copy the whole wave back. This refuses where they cannot be right.
    else if (state !== "running") await runReverse(wave, work, run);
    await untilDrained(wave, reverse, target, work.world.source, work);
  }
  if (written || (state !== "stopped" && state !== "absent")) await engine.stop(reverse);
}

/** Both ends, read while both sides are silent and nothing copies: the way back is computed from them. */
async function recordBoundary(wave: Wave, work: Work, run: Run): Promise<void> {
  const target = await work.world.target();
  const source = await flatEnds(work.world.source, wave, work);
  const forward = flowName(work.migration.name, wave.name, "forward");
  await proveAllCopied(wave, forward, work.world.source, work);
  const boundary = {
    source: plainEnds(source),
    target: plainEnds(await ends(target, wave)),
    at: new Date(work.clock.now()).toISOString(),
  };
  await run.remember("boundary", boundary);
  await writeWaveState(work, wave.name, run, { phase: "consumers-moved", boundary });
}

function startOnTarget(wave: Wave, work: Work, run: Run): readonly Step[] {
  const clients = producersOf(work, wave);
  const places = () => Promise.all(clients.map((client) => placeOfProducer(client, work)));
  const moved = async () => (await readWaveState(work, wave.name)).phase === "producers-moved";
  return [
    {
      name: "start-producers",
      title: "start the producers on MSK",
      isDone: async () => clients.length === 0 || (await places()).every((place) => place === "target"),
      act: async () => {
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

async function summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
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
        { label: "Drained", value: "to 0 on every partition before anything started on MSK" },
        { label: "Since then", value: `end offsets on MSK grew by ${written}` },
        { label: "Standby", value: "the reverse mirror copies what is written on MSK back to the source" },
        { label: "Way back", value: `\`/ferry rollback ${wave.name}\`` },
      ],
    },
  ];
}
