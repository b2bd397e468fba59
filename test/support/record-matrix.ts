import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ReplicationEngine, World } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import { type ClusterAccess, known, type OffsetTable } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { plan } from "#jobs/plan.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { createRun } from "#jobs/run/run.ts";
import { runSteps, type StepsResult } from "#jobs/run/steps.ts";
import type { Work } from "#jobs/work.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { eventually } from "./eventually.ts";
import { openRealCluster, type RealCluster } from "./kafkajs-under-test.ts";
import type { ProvidedClusters } from "./lab-for-tests.ts";
import { realClock } from "./real-clock.ts";
import { realEngine } from "./real-engine.ts";
import { type KindName, kindNames, kinds, survivors } from "./record-kinds.ts";
import { heldIn, seqsOf, untilBothCompacted, untilCopied } from "./record-logs.ts";
import { createRecordReader, type RecordReader } from "./record-reader.ts";
import { createRecordWriter, type RecordWriter } from "./record-writer.ts";
import { createSmallWork } from "./small-work.ts";
import { unique } from "./unique.ts";

/** By how many records the groups of a topic are behind at each switch. */
export const lags = [0, 1, 1000, 100_000] as const;
export type Lag = (typeof lags)[number];

/** What a group reads on the source before anything moves, and between two switches. */
const sip = 200;

type Member = { readonly kind: KindName; readonly lag: Lag; readonly reader: RecordReader };

/** Six topics of six kinds, four groups on each, and one producing application, in a migration that real jobs drive. */
export type RecordMatrix = Awaited<ReturnType<typeof openRecordMatrix>>;

export async function openRecordMatrix(clusters: ProvidedClusters) {
  const stage = await openStage(clusters);
  const { name, topicOf, source, target, members, writer, work } = stage;
  const starts = await writeHistory(stage);
  const held = new Map<KindName, Promise<readonly number[]>>();
  let switches = 0;

  return {
    /** Waits until everything is copied and each group has begun to read, and is behind by its number. */
    async untilMirrored(): Promise<void> {
      await untilCopied(target, writer, topicOf);
      await untilSettled(stage);
    },
    compacted: () => untilBothCompacted(source, target, topicOf("compacted")),
    /** Runs an action as an approved request would be; a little is read on the other side even far behind. */
    async carryOut(action: Approvable): Promise<void> {
      for (const { kind, lag, reader } of members) {
        reader.allowWhenStarted(behind(kind, writer.last(kind), Math.max(0, lag - sip)));
      }
      switches += 1;
      await carryOut(action, work, `${name}-R${switches}`);
      await writer.hush();
    },
    /** Writes so many records of each kind; each group reads on until it is behind by its number again. */
    async writeAndHold(count: number): Promise<void> {
      for (const { kind, lag, reader } of members) {
        reader.allow(behind(kind, writer.last(kind) + count, lag));
      }
      for (const kind of kindNames) await writer.write(kind, count);
      await untilSettled(stage);
    },
    async readAll(): Promise<void> {
      for (const { reader } of members) reader.allow(Number.POSITIVE_INFINITY);
      await untilSettled(stage);
    },
    /** What a group has read by its own log; it began behind record `start`. */
    logOf(kind: KindName, lag: Lag) {
      const member = members.find((other) => other.kind === kind && other.lag === lag);
      if (member === undefined) throw new Error(`no group of ${kind} is behind by ${lag}`);
      const start = starts.get(member.reader.group) ?? 0;
      return { start, read: member.reader.journal(), last: writer.last(kind) };
    },
    /** Where readers and the writer run. */
    places: () => ({
      readers: [...new Set(members.map(({ reader }) => reader.place()))],
      writer: writer.place(),
    }),
    /** Numbers of the records that the source holds; asked for once, when nobody writes any more. */
    heldOnSource(kind: KindName): Promise<readonly number[]> {
      const asked = held.get(kind) ?? heldIn(source, topicOf(kind)).then((rows) => rows.flatMap(seqsOf));
      held.set(kind, asked);
      return asked;
    },
    close: () => closeStage(stage),
  };
}

type Stage = {
  readonly name: string;
  readonly folder: string;
  readonly topicOf: (kind: KindName) => string;
  readonly source: RealCluster;
  readonly target: RealCluster;
  readonly engine: ReplicationEngine;
  readonly writer: RecordWriter;
  readonly members: readonly Member[];
  readonly work: Work;
};

async function openStage(clusters: ProvidedClusters): Promise<Stage> {
  const name = unique("kinds").toLowerCase();
  const folder = await mkdtemp(join(tmpdir(), "ferry-kinds-"));
  const topicOf = (kind: KindName) => `${name}-${kind}`;
  const connections = {
    source: connectionTo(clusters.source.bootstrap),
    target: connectionTo(clusters.target.bootstrap),
  };
  const access = { source: accessOf(clusters.source.admin), target: accessOf(clusters.target.admin) };
  const source = await openRealCluster("source", access.source);
  const target = await openRealCluster("target", access.target);
  const engine = realEngine(clusters, access);
  const writer = createRecordWriter({ name: `${name}-writer`, topicOf, connections });
  const members = kindNames.flatMap((kind) =>
    lags.map((lag): Member => {
      const group = `${name}-${kind}-${lag}`;
      const reader = createRecordReader({ group, topic: topicOf(kind), folder, limit: 0, connections });
      return { kind, lag, reader };
    }),
  );
  const world = { name, topics: kindNames.map(topicOf), members, writer, source, target, engine };
  return { ...world, folder, topicOf, work: workOf(world) };
}

/**
 * Starts the mirror first, so that both logs get what is compacted away later; then writes, and starts each group behind
 * by its number and a sip. Answers the number of the record behind which each group begins.
 */
async function writeHistory(stage: Stage): Promise<ReadonlyMap<string, number>> {
  const { source, topicOf, writer, members, work } = stage;
  const specs = kindNames.map((kind) => ({
    name: topicOf(kind),
    partitions: 2,
    replicationFactor: 1,
    configs: kinds[kind].configs,
  }));
  await source.cluster.createTopics(specs);
  await source.cluster.commit(
    new Map(members.map(({ kind, reader }) => [reader.group, new Map([[topicOf(kind), [0, 0]]])])),
  );
  await prepare(stage.name, work);
  await writer.start("source");
  await writer.hush();
  for (const kind of kindNames) await writer.write(kind, kinds[kind].history);

  const starts = members.map(({ kind, lag, reader }) => {
    reader.allow(behind(kind, writer.last(kind), lag));
    return { kind, group: reader.group, start: behind(kind, writer.last(kind), lag + sip) };
  });
  // By the offsets it was written to, also where the record itself may be compacted away by now.
  const tables = starts.map(({ kind, group, start }): readonly [string, OffsetTable] => {
    const row: number[] = [];
    for (const seq of [start + 1, start + 2]) row[seq % 2] = writer.offsetOf(kind, seq);
    return [group, new Map([[topicOf(kind), row]])];
  });
  await source.cluster.commit(new Map(tables));
  await Promise.all(members.map(({ reader }) => reader.start("source")));
  return new Map(starts.map(({ group, start }) => [group, start]));
}

async function untilSettled({ members, writer }: Stage): Promise<void> {
  const unsettled = () => members.filter(({ kind, reader }) => !reader.isSettled(writer.last(kind)));
  await eventually(
    "every group has read what it may",
    () => unsettled().length === 0 || undefined,
    120_000,
  ).catch((cause: unknown) => {
    const who = unsettled().map(({ reader }) => [reader.group, ...reader.troubles()].join(" "));
    throw new Error(`not read to the end of what it may: ${who.join(", ")}`, { cause });
  });
}

async function closeStage({ name, folder, source, target, engine, writer, members }: Stage): Promise<void> {
  await Promise.allSettled([writer.stop(), ...members.map(({ reader }) => reader.stop())]);
  for (const flow of await engine.list(`ferry-${name}-`)) await engine.remove(flow.name);
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((topic) => topic.name.includes(name));
    await side.cluster.deleteTopics(own.map((topic) => topic.name));
    await side.close();
  }
  await rm(folder, { recursive: true, force: true });
}

/** The number of the last record that a group behind by `lag` records has read; no limit for one that is not behind. */
function behind(kind: KindName, last: number, lag: number): number {
  if (lag === 0) return Number.POSITIVE_INFINITY;
  if (kind !== "compacted") return last - lag;
  return survivors(kind, last).at(-1 - lag) ?? 0;
}

function accessOf({ bootstrap, security }: ProvidedClusters["source"]["admin"]): ClusterAccess {
  const { protocol, ...sasl } = security;
  return { bootstrap: [bootstrap], protocol, ...("mechanism" in sasl && { sasl }) };
}

type Parts = Omit<Stage, "folder" | "topicOf" | "work"> & { readonly topics: readonly string[] };

/** Work of a migration of one wave, whose applications are switched without a driver's detour. */
function workOf({ name, topics, members, writer, source, target, engine }: Parts): Work {
  const small = createSmallWork();
  const { settings } = small.migration;
  const applications = new Map<string, Application>([
    [writerName, writer],
    ...members.map(({ reader }) => [reader.group, reader] as const),
  ]);
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
    applications: { value: async () => source.cluster.access },
    client: { value: (client: Client) => driverOf(applications.get(client.name), client.name) },
  });
  const toggle = { driver: "manual", timeout: 60_000 } as const;
  const groups = members.map(({ reader }) => reader.group);
  return {
    ...small,
    clock: realClock,
    world,
    migration: {
      name,
      settings: {
        ...settings,
        target: { ...settings.target, replicationFactor: 1 },
        replication: { ...settings.replication, topics: [`${name}-.*`], groups: [`${name}-.*`] },
        assess: { window: 500 },
        waves: [{ name: "kinds", topics: [...topics], groups }],
        cutover: { ...settings.cutover, maxLag: 1_000_000, flatFor: 1000, patience: 60_000, watch: 1000 },
        clients: [
          ...groups.map((group) => ({ name: group, role: "consumer", group, switch: toggle }) as const),
          { name: writerName, role: "producer", topics: [...topics], switch: toggle },
        ],
      },
    },
  };
}

const writerName = "writer";

type Application = Pick<RecordReader, "place" | "start" | "stop">;

function driverOf(application: Application | undefined, name: string) {
  if (application === undefined) throw new Error(`no application ${name}`);
  return {
    stop: () => application.stop(),
    start: (place: "source" | "target") => application.start(place),
    status: async () => known(application.place()),
  };
}

async function prepare(name: string, work: Work): Promise<void> {
  const from = { migration: name, by: "UANA" };
  for (;;) {
    const outcome = await assess({ name: "assess", ...from }, work);
    if (outcome.kind === "done") break;
    await realClock.sleep(outcome.ms);
  }
  await plan({ name: "plan", ...from }, work);
  await replicate({ name: "replicate", action: "start", ...from }, work);
}

async function carryOut(action: Approvable, work: Work, id: string): Promise<void> {
  const { name } = work.migration;
  const proposal = await action.propose({ wave: "kinds", by: "UANA" }, work);
  expect(proposal.facts.filter(({ state }) => state === "fail")).toEqual([]);
  const run = await createRun({ id, migration: name, store: work.store, clock: realClock, log: work.log });
  let result: StepsResult = { kind: "again", ms: 0 };
  while (result.kind === "again") {
    await realClock.sleep(result.ms);
    const steps = await action.steps(proposal, work, run);
    result = await runSteps({ steps, run, work, subject: proposal.title });
  }
  await run.leave(0);
  expect(result).toEqual({ kind: "done" });
}
