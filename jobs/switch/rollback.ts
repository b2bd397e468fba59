import type { Proposal } from "#domain/approval.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { Approvable, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import {
  liveGroups,
  placeOfConsumer,
  placeOfProducer,
  startConsumers,
  startProducers,
  stopConsumers,
  stopProducers,
} from "./clients.ts";
import { translateAll } from "./consumers.ts";
import { disarmReverse, reverseName } from "./reverse-mirror.ts";
import { proposeRollback, summaryOfRollback } from "./rollback-proposal.ts";
import { tablesOf } from "./translate-groups.ts";
import { consumersOf, producersOf, readWaveState, waveOfRun, writeWaveState } from "./wave.ts";
import { flatEnds, proveAllCopied, resumeForward, startForward, untilDrained } from "./wave-mirror.ts";

/**
 * Undoes the last switch of a wave. After consumers moved: their offsets are carried back. After producers moved: first
 * everything written on the target comes back through the reverse mirror, and forward is ready to be tried again.
 */
export const rollback: Approvable = { propose: proposeRollback, steps, summary: summaryOfRollback };

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  const wave = await waveOfRun(proposal, work, run);
  const before = await readWaveState(work, wave.name);
  const withProducers = (await run.recall("with-producers")) ?? before.phase === "producers-moved";
  await run.remember("with-producers", withProducers);
  return withProducers === true
    ? [
        ...bringRecordsBack(wave, work, run),
        ...bringConsumersBack(wave, work, run),
        ...bringProducersBack(wave, work, run),
        record(wave, work, run),
      ]
    : [...bringConsumersBack(wave, work, run), record(wave, work, run)];
}

function bringRecordsBack(wave: Wave, work: Work, run: Run): readonly Step[] {
  const producers = producersOf(work, wave);
  const { world } = work;
  const reverse = reverseName(wave, work);
  const isStopped = async () => {
    const { state } = await (await world.engine()).status(reverse);
    return state === "stopped" || state === "absent";
  };
  return [
    {
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
    },
    {
      name: "drain-reverse",
      title: "bring back what was written on MSK",
      // A mirror that merely stands still has not brought anything back.
      isDone: async () => (await run.recall("drained")) === true,
      act: async () => {
        const target = await world.target();
        await flatEnds(target, wave, work);
        await untilDrained(wave, reverse, target, world.source, work);
        await run.remember("drained", true);
        return done;
      },
    },
    {
      name: "stop-reverse",
      title: "stop the reverse mirror",
      isDone: async () => (await isStopped()) && (await run.recall("reverse-proved")) === true,
      act: async () => {
        if (!(await isStopped())) await (await world.engine()).stop(reverse);
        const target = await world.target();
        await flatEnds(target, wave, work);
        await proveAllCopied(wave, reverse, target, work);
        await run.remember("reverse-proved", true);
        return done;
      },
      undo: {
        title: "start the reverse mirror",
        run: async () => await (await world.engine()).start(reverse),
      },
    },
  ];
}

function bringConsumersBack(wave: Wave, work: Work, run: Run): readonly Step[] {
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
        const back = await translateAll(wave, await work.world.target(), source, work);
        await source.commit(tablesOf(back));
        await run.remember("carried-back", true);
        await work.audit({ what: "offsets.carried-back", wave: wave.name, detail: back });
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

function bringProducersBack(wave: Wave, work: Work, run: Run): readonly Step[] {
  const producers = producersOf(work, wave);
  const forward = flowName(work.migration.name, wave.name, "forward");
  return [
    {
      name: "start-forward",
      title: "mirror forward again, from where the source ends now",
      isDone: async () =>
        (await run.recall("forward-seeded")) === true &&
        (await (await work.world.engine()).status(forward)).state === "running",
      act: async () => {
        // Once only: seeding again would leave out what producers have written since.
        if ((await run.recall("forward-seeded")) === true) await resumeForward(wave, work);
        else await startForward(wave, work, () => run.remember("forward-seeded", true));
        return done;
      },
    },
    {
      name: "start-producers",
      title: "start the producers on the source",
      isDone: async () => {
        const places = await Promise.all(producers.map((client) => placeOfProducer(client, work)));
        return producers.length === 0 || places.every((place) => place === "source");
      },
      act: async () => {
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
      await writeWaveState(work, wave.name, run, { phase: "before-cutover" });
      return done;
    },
  };
}
