import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { createConnectEngine } from "#adapters/connect/engine.ts";
import type { Flow } from "#domain/ports.ts";
import { formerEngines, takeOver } from "#jobs/mirror/change-engine.ts";
import { withWorld } from "#support/cutover-bench.ts";
import { eventually } from "#support/eventually.ts";
import { type MirrorMakerLab, openMirrorMakerLab } from "#support/mirrormaker-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

const topic = unique("mirror-killed");
const migration = unique("killed");
const wave = { name: "all", topics: [topic], groups: [], why: "test" };
const flow: Flow = {
  name: `ferry-${migration}-all-forward`,
  kind: "forward",
  topics: [topic],
  groups: [],
  tasks: 1,
};
const patienceMs = 90_000;

let lab: MirrorMakerLab;

beforeAll(async () => {
  lab = await openMirrorMakerLab();
  const spec = { name: topic, partitions: 2, replicationFactor: 1, configs: {} };
  for (const { cluster } of [lab.source, lab.target]) await cluster.createTopics([spec]);
});

afterAll(async () => {
  await lab.bot().remove(flow.name);
  for (const { cluster } of [lab.source, lab.target]) await cluster.deleteTopics([topic]);
  await lab.close();
});

it("is taken over from Connect, survives SIGKILL in mid-copy, is found by another bot, and has copied all once", async () => {
  const connect = createConnectEngine({
    url: inject("clusters").connect.url,
    source: lab.source.cluster.access,
    target: lab.target.cluster.access,
    exactlyOnce: true,
    log: createQuietLog(),
    clock: realClock,
  });
  const own = lab.bot();
  await write(500);
  await connect.define(flow, "running");
  await eventually("Connect copies", async () => (await onTarget()) > 0 || undefined, patienceMs);

  const small = createSmallWork();
  const { settings } = small.migration;
  const section = {
    run: "supervised",
    home: "/",
    folder: "/",
    java: "java",
    heap: "1g",
    patience: 1,
  } as const;
  const replication = { ...settings.replication, engine: "mirrormaker", mirrormaker: section } as const;
  const work = withWorld(
    { ...small, migration: { name: migration, settings: { ...settings, replication } } },
    { source: lab.source.cluster, engine: async () => connect },
  );
  const plan = { waves: [wave] };
  await takeOver(wave, await formerEngines(plan, work), own, work);
  expect((await connect.status(flow.name)).state).toBe("absent");
  await own.define(flow, "running");

  // Enough to be in mid-copy for a while.
  for (let round = 0; round < 10; round += 1) await write(1_000);
  const [first = 0] = lab.pids.get(flow.name) ?? [];
  await eventually("the new mirror copies", async () => (await onTarget()) > 1_000 || undefined, patienceMs);
  process.kill(first, "SIGKILL");
  const other = lab.bot();
  await own.close();
  await write(500);
  await eventually(
    "running again",
    async () => {
      const { state, tasks } = await other.status(flow.name);
      // The death is told, also after the mirror runs again.
      return (state === "running" && tasks.some(({ trace }) => trace?.includes(`pid ${first}`))) || undefined;
    },
    patienceMs,
  );
  await eventually(
    "all is copied",
    async () => {
      const row = (await other.copied(flow.name)).get(topic) ?? [];
      return row.length === 2 && row.every((offset) => offset === written - 1) ? true : undefined;
    },
    patienceMs,
  );
  for (const partition of [0, 1]) {
    expect(await values(lab.target, partition)).toEqual(await values(lab.source, partition));
  }
  expect(lab.pids.get(flow.name)).toHaveLength(2);
}, 240_000);

let written = 0;

async function write(count: number): Promise<void> {
  const drafts = Array.from({ length: count }, (_, index) => ({ key: "k", value: `${written + index}` }));
  for (const partition of [0, 1]) await lab.source.append(topic, partition, drafts);
  written += count;
}

/** Records at most: markers and what was aborted count as well. */
async function onTarget(): Promise<number> {
  const ends = (await lab.target.cluster.offsets([topic], "stable")).get(topic) ?? [];
  return ends.reduce<number>((sum, end) => sum + (end ?? 0), 0);
}

async function values(side: MirrorMakerLab["source"], partition: number): Promise<readonly string[]> {
  const records = await side.cluster.read({ topic, partition }, 0, { max: 1_000_000 });
  return records.map(({ value }) => value?.toString() ?? "null");
}
