import { z } from "zod";
import type { GateFact, Proposal } from "#domain/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { mention, type Part } from "#domain/message.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import type { ClientPlace, KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import type { Approvable, Asked, Run, Step } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import { done, type Work } from "#jobs/work.ts";
import { liveGroups, placeOfConsumer, startConsumers, stopConsumers } from "./clients.ts";
import { fact, foreignGroups, mirrorFact, rehearse } from "./gate-facts.ts";
import { type GroupTranslation, tablesOf, translateGroups } from "./translate-groups.ts";
import { consumersOf, loadPlan, readWaveState, waveAt, waveOfRun, writeWaveState } from "./wave.ts";

/**
 * Moves the consumers of one wave: stop on the source, translate and commit their offsets on the target, start there.
 * Producers stay on the source and the mirror goes on. A failure before the last step takes everything back.
 */
export const cutoverConsumers: Approvable = { propose, steps, summary };

async function propose(asked: Asked, work: Work): Promise<Proposal> {
  const plan = await loadPlan(work);
  const wave = await waveAt(work, plan, asked.wave, ["before-cutover"]);
  const clients = consumersOf(work, wave);
  const target = await work.world.target();
  const rehearsal = await rehearse(wave, work.world.source, target, work);
  return {
    action: "cutover-consumers",
    wave: wave.name,
    title: `cut over CONSUMERS of wave ${wave.name}`,
    plan: {
      plan: plan.hash,
      wave: wave.name,
      topics: [...wave.topics].toSorted(),
      groups: [...wave.groups].toSorted(),
      clients: clients.map(({ name }) => name).toSorted(),
    },
    effects: [
      {
        label: "What happens",
        value: describeRun(
          clients.map(({ name }) => name),
          rehearsal.offsets,
        ),
      },
      { label: "Read again", value: `${rehearsal.offsets} offsets rehearsed by content: 0 records` },
      { label: "Skipped", value: "0 records" },
      { label: "Way back", value: `\`/ferry rollback ${wave.name}\`: 0 lost, 0 read twice` },
    ],
    facts: [
      await mirrorFact(wave, work),
      rehearsal.fact,
      await clientsFact(wave, work),
      await nobodyOnTarget(wave, target),
      await knownGroups(plan, wave, work),
    ],
    quorum: work.migration.settings.approvals.quorum,
  };
}

function describeRun(clients: readonly string[], offsets: number): string {
  const who = clients.length === 0 ? "no application to stop" : `stop ${clients.join(", ")}`;
  return `${who} → translate ${offsets} offsets → start on MSK → watch`;
}

/** Every group with members must belong to an application that can be stopped. */
async function clientsFact(wave: Wave, work: Work): Promise<GateFact> {
  const covered = new Set(consumersOf(work, wave).map(({ group }) => group));
  const live = await liveGroups(
    work.world.source,
    wave.groups.filter((group) => !covered.has(group)),
  );
  return live.length === 0
    ? fact("clients", "pass", "every live group has an application in ferry.yaml")
    : fact("clients", "fail", `no application in ferry.yaml for ${live.join("; ")}`);
}

async function nobodyOnTarget(wave: Wave, target: KafkaCluster): Promise<GateFact> {
  const live = await liveGroups(target, wave.groups);
  return live.length === 0
    ? fact("target-groups", "pass", "nobody of these groups on MSK yet")
    : fact("target-groups", "fail", `already on MSK: ${live.join("; ")}`);
}

/** Groups that appeared since the plan and read topics of this wave would be left behind. */
async function knownGroups(plan: Plan, wave: Wave, work: Work): Promise<GateFact> {
  const strangers = await foreignGroups(plan, wave, work.world.source);
  return strangers.length === 0
    ? fact("known-groups", "pass", "all groups of the wave known")
    : fact("known-groups", "fail", `not in this wave, but read its topics: ${strangers.join(", ")}`);
}

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  const wave = await waveOfRun(proposal, work, run);
  const target = await work.world.target();
  return [...stopAndCommit(wave, target, work, run), ...startAndWatch(wave, target, work, run)];
}

function stopAndCommit(wave: Wave, target: KafkaCluster, work: Work, run: Run): readonly Step[] {
  const clients = consumersOf(work, wave);
  const { source } = work.world;
  const places = () => Promise.all(clients.map((client) => placeOfConsumer(client, work)));
  return [
    {
      name: "stop-consumers",
      title: `stop ${clients.map(({ name }) => name).join(", ") || "nobody"}`,
      isDone: async () =>
        (await places()).every((place) => place !== "source") &&
        (await liveGroups(source, wave.groups)).length === 0,
      act: async () => {
        await run.remember("stopping-at", work.clock.now());
        await stopConsumers(clients, "source", wave.groups, work, run.id);
        return done;
      },
      undo: {
        title: "start the consumers on the source",
        run: () => startConsumers(clients, "source", work, `${run.id}-undo`),
      },
    },
    {
      name: "commit-offsets",
      title: "translate and commit the offsets on MSK",
      // Only what this run committed counts: an application that was started on MSK early proves nothing.
      isDone: async () =>
        (await run.recall("committed")) === true &&
        (someOnTarget(await places()) || (await areCommitted(run, target))),
      act: async () => {
        const translated = await translateAll(wave, source, target, work);
        await run.remember("translated", translated);
        await target.commit(tablesOf(translated));
        await run.remember("committed", true);
        await work.audit({ what: "offsets.committed", wave: wave.name, detail: translated });
        return done;
      },
    },
  ];
}

/** Behind the commit applications may read on, and the offsets move. */
function someOnTarget(places: readonly ClientPlace[]): boolean {
  return places.some((place) => place === "target");
}

function startAndWatch(wave: Wave, target: KafkaCluster, work: Work, run: Run): readonly Step[] {
  const clients = consumersOf(work, wave);
  const groups = clients.map(({ group }) => group);
  const moved = async () => (await readWaveState(work, wave.name)).phase === "consumers-moved";
  return [
    {
      name: "start-consumers",
      title: "start them on MSK",
      isDone: async () => {
        const places = await Promise.all(clients.map((client) => placeOfConsumer(client, work)));
        const live = await liveGroups(target, groups);
        return places.every((place) => place === "target") && live.length === new Set(groups).size;
      },
      act: async () => {
        await startConsumers(clients, "target", work, run.id);
        await run.remember("started-at", work.clock.now());
        return done;
      },
      undo: { title: "stop them on MSK and carry their offsets back", run: () => takeBack(wave, work, run) },
    },
    {
      name: "watch-consumers",
      title: "watch them read on MSK",
      isDone: moved,
      act: async () => {
        await watch(wave, target, work, run);
        return done;
      },
      pointOfNoReturn: true,
    },
    {
      name: "record",
      title: "record that the wave's consumers moved",
      isDone: moved,
      act: async () => {
        await writeWaveState(work, wave.name, run, { phase: "consumers-moved" });
        return done;
      },
    },
  ];
}

type Exact = Extract<GroupTranslation, { kind: "exact" }>;

const Remembered = z.array(
  z.object({
    group: z.string(),
    kind: z.literal("exact"),
    offsets: z.array(
      z.object({ topic: z.string(), partition: z.int(), committed: z.int(), offset: z.int() }),
    ),
  }),
);

/** Waits for the mirror to pass every group, then has all of them exact; `E_TRANSLATION` when one is refused. */
export async function translateAll(
  wave: Wave,
  origin: KafkaCluster,
  destination: KafkaCluster,
  work: Work,
): Promise<readonly Exact[]> {
  return await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 300,
      code: "E_NOT_CAUGHT_UP",
      what: `The mirror of wave ${wave.name} does not pass its groups`,
    },
    async () => {
      const results = await translateGroups(wave.groups, wave.topics, origin, destination);
      const refused = results.find((result) => result.kind === "refused");
      if (refused !== undefined) throw new FerryError("E_TRANSLATION", `${refused.group}: ${refused.why}.`);
      const waiting = results.find((result) => result.kind === "waiting");
      if (waiting !== undefined) return notYet(`${waiting.group}: ${waiting.why}`);
      return holds(results.filter((result) => result.kind === "exact"));
    },
  );
}

async function areCommitted(run: Run, target: KafkaCluster): Promise<boolean> {
  const remembered = Remembered.safeParse(await run.recall("translated"));
  if (!remembered.success) return false;
  const now = await target.committed(remembered.data.map(({ group }) => group));
  return remembered.data.every(({ group, offsets }) =>
    offsets.every(({ topic, partition, offset }) => now.get(group)?.get(topic)?.[partition] === offset),
  );
}

/** Undo of the start: nothing that was read on the target is read again on the source. */
async function takeBack(wave: Wave, work: Work, run: Run): Promise<void> {
  const clients = consumersOf(work, wave);
  const target = await work.world.target();
  await stopConsumers(clients, "target", wave.groups, work, `${run.id}-undo`);
  const back = await translateAll(wave, target, work.world.source, work);
  await work.world.source.commit(tablesOf(back));
  await work.audit({ what: "offsets.carried-back", wave: wave.name, detail: back });
}

/** Members stay, offsets move (or nothing is left to read), and nobody of them comes back on the source. */
async function watch(wave: Wave, target: KafkaCluster, work: Work, run: Run): Promise<void> {
  const groups = consumersOf(work, wave).map(({ group }) => group);
  const { watch: watchMs, patience } = work.migration.settings.cutover;
  const began = work.clock.now();
  const before = await target.committed(groups);
  await until(
    work,
    {
      deadlineMs: watchMs + patience,
      everyMs: 500,
      code: "E_CLIENT_CLAIM",
      what: "The consumers do not read on MSK",
    },
    async () => {
      const back = await liveGroups(work.world.source, groups);
      if (back.length > 0) {
        throw new FerryError("E_CLIENT_CLAIM", `Active on both clusters: ${back.join("; ")}.`);
      }
      const live = await liveGroups(target, groups);
      if (live.length < groups.length)
        return notYet(`members on MSK in ${live.length} of ${groups.length} groups`);
      const now = await target.committed(groups);
      const ends = await target.offsets(wave.topics, "end");
      const idle = groups.filter(
        (group) => !hasMoved(before.get(group), now.get(group)) && hasLeft(now.get(group), ends),
      );
      if (idle.length > 0) return notYet(`no progress of ${idle.join(", ")}`);
      return work.clock.now() - began >= watchMs ? holds(undefined) : notYet("still watching");
    },
  );
  await run.remember("watched-at", work.clock.now());
}

function hasMoved(before: OffsetTable | undefined, now: OffsetTable | undefined): boolean {
  return [...(now ?? [])].some(([topic, row]) =>
    row.some((offset, partition) => offset !== before?.get(topic)?.[partition]),
  );
}

function hasLeft(committed: OffsetTable | undefined, ends: OffsetTable): boolean {
  return [...(committed ?? [])].some(([topic, row]) =>
    row.some((offset, partition) => offset !== undefined && offset < (ends.get(topic)?.[partition] ?? 0)),
  );
}

async function summary(proposal: Proposal, work: Work, run: Run): Promise<readonly Part[]> {
  const translated = Remembered.safeParse(await run.recall("translated"));
  const stopping = z.number().safeParse(await run.recall("stopping-at"));
  const started = z.number().safeParse(await run.recall("started-at"));
  const offsets = translated.success ? translated.data.flatMap((group) => group.offsets).length : undefined;
  const pause =
    stopping.success && started.success
      ? `${((started.data - stopping.data) / 1000).toFixed(1)} s`
      : "not measured";
  return [
    {
      kind: "facts",
      rows: [
        { label: "Moved", value: `${offsets ?? "unknown number of"} offsets, committed and read back` },
        { label: "Pause", value: `${pause} from the first stop to the last group with members on MSK` },
        { label: "Way back", value: `\`/ferry rollback ${proposal.wave ?? ""}\`` },
      ],
    },
    {
      kind: "note",
      text: `The mirror goes on; producers still write to the source. Asked by ${mention(work.by)}.`,
    },
  ];
}
