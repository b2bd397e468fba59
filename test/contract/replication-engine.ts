import { afterAll, beforeAll, describe, it } from "vitest";
import type { Flow, KafkaCluster, ReplicationEngine } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { eventually } from "#support/eventually.ts";
import type { RecordDraft } from "#support/fake-log.ts";
import { unique } from "#support/unique.ts";

type Side = {
  readonly cluster: KafkaCluster;
  append(topic: string, partition: number, drafts: readonly RecordDraft[]): Promise<void>;
};

export type EngineUnderTest = {
  readonly engine: ReplicationEngine;
  readonly source: Side;
  readonly target: Side;
  /** Makes the flow's task fail while it copies this topic, which exists on the source and not yet on the target. */
  breakFlow(flow: string, topic: string): Promise<void>;
  close(): Promise<void>;
};

const partitions = 3;
/** A loaded machine takes half a minute to start a JVM and to let it copy. */
const patienceMs = 90_000;

/**
 * What every replication engine must do; run on the one in memory, on Kafka Connect and on MirrorMaker's own processes.
 * Where each start is a JVM the tests would starve each other: they share one mirror, each from "it runs, in step", and
 * only the one that fails, which waits for most of its time, runs beside them.
 */
export function replicationEngineContract(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`${name}: the replication engine's contract`, () => {
    let under: EngineUnderTest;
    let shared: { readonly carried: string; readonly forward: Flow } | undefined;
    /** Name of the flow whose task fails. */
    let failing: Promise<string> = Promise.resolve("");
    const flows: string[] = [];
    const topics: string[] = [];

    beforeAll(async () => {
      under = await open();
      failing = fail();
      // The test that waits for it tells.
      failing.catch(() => undefined);
    });
    afterAll(async () => {
      await Promise.allSettled([failing]);
      for (const flow of flows.splice(0)) await under.engine.remove(flow);
      for (const side of [under.source, under.target]) await side.cluster.deleteTopics(topics);
      await under.close();
    });

    async function topic(sides: readonly Side[]): Promise<string> {
      const made = unique("ferry-contract.topic");
      topics.push(made);
      const spec = { name: made, partitions, replicationFactor: 1, configs: {} };
      for (const { cluster } of sides) await cluster.createTopics([spec]);
      return made;
    }

    function flow(kind: Flow["kind"], carried: readonly string[]): Flow {
      const made = { name: unique(`ferry-contract-${kind}`), kind, topics: carried, groups: [], tasks: 2 };
      flows.push(made.name);
      return made;
    }

    /** A topic on both sides, everything of it copied, and the forward flow that did it, running. */
    async function copiedTopic(): Promise<{ carried: string; forward: Flow }> {
      shared ??= await firstTopic();
      const { carried, forward } = shared;
      await under.engine.define(forward, "running");
      await inStep(under.engine, forward.name, under.source, carried);
      return shared;
    }

    async function stoppedTopic(): Promise<{ carried: string; forward: Flow }> {
      const found = shared ?? (await copiedTopic());
      await under.engine.stop(found.forward.name);
      return found;
    }

    async function fail(): Promise<string> {
      const carried = await topic([under.source]);
      const forward = flow("forward", [carried]);
      await under.breakFlow(forward.name, carried);
      await under.engine.define(forward, "running").catch(() => undefined);
      return forward.name;
    }

    async function firstTopic() {
      const carried = await topic([under.source, under.target]);
      await fill(under.source, carried, "first", 5);
      return { carried, forward: flow("forward", [carried]) };
    }

    it("says what it is and that nothing is wrong with it", async ({ expect }) => {
      const { version, problems, exactlyOnce } = await under.engine.check();
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect({ problems, exactlyOnce }).toEqual({ problems: [], exactlyOnce: true });
    });

    it("knows what it does not know", async ({ expect }) => {
      const nobody = unique("ferry-contract-nobody");
      expect(await under.engine.status(nobody)).toMatchObject({ state: "absent", tasks: [] });
      expect(await under.engine.list(nobody)).toEqual([]);
      await expect(under.engine.start(nobody)).rejects.toMatchObject({ code: "E_CONNECT" });
      await expect(under.engine.stop(nobody)).rejects.toMatchObject({ code: "E_CONNECT" });
      await expect(under.engine.copied(nobody)).rejects.toMatchObject({ code: "E_CONNECT" });
      await expect(under.engine.remove(nobody)).resolves.toBeUndefined();
    });

    it("copies what is there and what comes; a second definition changes nothing", async ({ expect }) => {
      const { carried, forward } = await copiedTopic();
      expect(await valuesOn(under.target, carried)).toEqual(await valuesOn(under.source, carried));
      const before = await under.engine.status(forward.name);
      expect(before).toMatchObject({ state: "running", kind: "forward", topics: [carried] });
      await under.engine.define(forward, "running");
      expect(await under.engine.status(forward.name)).toEqual(before);
      expect(await under.engine.list(forward.name)).toEqual([before]);
      await fill(under.source, carried, "second", 5);
      await inStep(under.engine, forward.name, under.source, carried);
      expect(await valuesOn(under.target, carried)).toEqual(await valuesOn(under.source, carried));
    });

    it("tells what its own group sync would commit", async ({ expect }) => {
      const { carried } = await copiedTopic();
      const group = unique("ferry-contract-group");
      await under.source.cluster.commit(new Map([[group, new Map([[carried, [5, undefined, 5]]])]]));
      const checkpoint = { ...flow("checkpoint", [carried]), groups: [group], tasks: 1 };
      await under.engine.define(checkpoint, "running");
      const own = await eventually(
        "a checkpoint of both partitions",
        async () => {
          const answer = await under.engine.ownSync(checkpoint.name, under.target.cluster);
          const table = answer.known ? answer.value.get(group)?.get(carried) : undefined;
          return table?.[0] === undefined || table[2] === undefined ? undefined : table;
        },
        patienceMs,
      );
      // At the end of the log even MirrorMaker is exact; where nothing was committed it commits nothing.
      const ends = await under.target.cluster.offsets([carried], "end");
      expect(own[1]).toBeUndefined();
      expect(own[0]).toBeLessThanOrEqual(ends.get(carried)?.[0] ?? 0);
      expect(own[0]).toBeGreaterThan(0);
      const nobody = await under.engine.ownSync(unique("ferry-contract-nobody"), under.target.cluster);
      expect(nobody.known).toBe(false);
      await under.engine.remove(checkpoint.name);
    });

    it("stops under load without losing or doubling a record, and copied offsets tell exactly how far", async ({
      expect,
    }) => {
      const { carried, forward } = await copiedTopic();
      const load = keepWriting(under.source, carried);
      await load.wrote(20);
      await under.engine.stop(forward.name);
      expect(await under.engine.status(forward.name)).toMatchObject({ state: "stopped", tasks: [] });
      const copied = await under.engine.copied(forward.name);
      await load.wrote(20);
      await load.end();
      const source = await valuesOn(under.source, carried);
      const upTo = source.map((values, partition) =>
        values.slice(0, (copied.get(carried)?.[partition] ?? -1) + 1),
      );
      expect(await valuesOn(under.target, carried)).toEqual(upTo);
      expect(upTo).not.toEqual(source);
      await under.engine.start(forward.name);
      await inStep(under.engine, forward.name, under.source, carried);
      expect(await valuesOn(under.target, carried)).toEqual(source);
    });

    it("pauses, and goes on where it was", async ({ expect }) => {
      const { carried, forward } = await copiedTopic();
      await under.engine.pause(forward.name);
      expect((await under.engine.status(forward.name)).state).toBe("paused");
      await fill(under.source, carried, "later", 3);
      await under.engine.start(forward.name);
      await inStep(under.engine, forward.name, under.source, carried);
      expect(await valuesOn(under.target, carried)).toEqual(await valuesOn(under.source, carried));
    });

    it("refuses offsets of a running flow, below zero, and of a topic that it does not carry", async ({
      expect,
    }) => {
      const { carried, forward } = await copiedTopic();
      const one: OffsetTable = new Map([[carried, [1, 1, 1]]]);
      await expect(under.engine.seed(forward.name, one)).rejects.toMatchObject({ code: "E_CONNECT" });
      await under.engine.stop(forward.name);
      const copied = await under.engine.copied(forward.name);
      for (const wrong of [new Map([[carried, [-1]]]), new Map([["never-heard-of", [1]]])]) {
        await expect(under.engine.seed(forward.name, wrong)).rejects.toMatchObject({ code: "E_SEED_BOUNDS" });
      }
      expect(await under.engine.copied(forward.name)).toEqual(copied);
    });

    it("copies back only what is new, when created stopped and seeded with the ends", async ({ expect }) => {
      const { carried } = await stoppedTopic();
      const reverse = flow("reverse", [carried]);
      await under.engine.define(reverse, "stopped");
      expect(await under.engine.status(reverse.name)).toMatchObject({ state: "stopped", kind: "reverse" });
      const seeds = lastOffsets(await under.target.cluster.offsets([carried], "end"));
      await under.engine.seed(reverse.name, seeds);
      expect(await under.engine.copied(reverse.name)).toEqual(seeds);
      const before = await valuesOn(under.source, carried);
      await under.engine.start(reverse.name);
      await fill(under.target, carried, "back", 4);
      await inStep(under.engine, reverse.name, under.target, carried);
      const back = ["back-0", "back-1", "back-2", "back-3"];
      expect(await valuesOn(under.source, carried)).toEqual(before.map((values) => [...values, ...back]));
      await under.engine.stop(reverse.name);
      expect(await valuesOn(under.source, carried)).toEqual(before.map((values) => [...values, ...back]));
    });

    it("forgets a removed flow's offsets", async ({ expect }) => {
      const { carried, forward } = await stoppedTopic();
      expect((await under.engine.copied(forward.name)).get(carried)).toHaveLength(partitions);
      await under.engine.remove(forward.name);
      expect((await under.engine.status(forward.name)).state).toBe("absent");
      await under.engine.define(forward, "stopped");
      expect((await under.engine.copied(forward.name)).get(carried) ?? []).toEqual([]);
      const reverse = flow("reverse", [carried]);
      await under.engine.define(reverse, "stopped");
      await under.engine.seed(reverse.name, new Map([[carried, [1, 1, 1]]]));
      await under.engine.remove(reverse.name);
      await under.engine.define(reverse, "stopped");
      expect((await under.engine.copied(reverse.name)).get(carried) ?? []).toEqual([]);
    });

    it("reports a failed task with its trace", async ({ expect }) => {
      const forward = await failing;
      const failed = await eventually(
        "a failed task",
        async () => {
          const status = await under.engine.status(forward);
          return status.state === "failed" ? status : undefined;
        },
        // A task says FAILED only when its producer has closed, for which Connect gives it 30 s.
        patienceMs,
      );
      const traces = failed.tasks.filter(({ state }) => state === "FAILED").map(({ trace }) => trace);
      expect(traces.length).toBeGreaterThan(0);
      expect(traces[0]).toMatch(/Exception/);
      await expect(under.engine.start(forward)).rejects.toMatchObject({ code: "E_TASK_FAILED" });
    });

    // After the test above: of the same flow. How often is the watch's to limit (jobs/mirror/restart-failed.ts).
    it("starts failed tasks again, which copy once the cause is gone, and leaves a mirror that runs alone", async ({
      expect,
    }) => {
      const forward = await failing;
      const [carried = ""] = (await under.engine.status(forward)).topics;
      const { cluster } = under.target;
      await cluster.createTopics([{ name: carried, partitions, replicationFactor: 1, configs: {} }]);
      await cluster.alterTopicConfigs([{ topic: carried, name: "max.message.bytes", value: "1000000" }]);
      await under.engine.restartFailed(forward);
      await inStep(under.engine, forward, under.source, carried);
      const healed = await under.engine.status(forward);
      expect([healed.state, healed.tasks.filter(({ trace }) => trace !== undefined)]).toEqual([
        "running",
        [],
      ]);
      await under.engine.restartFailed(forward);
      expect((await under.engine.status(forward)).state).toBe("running");
    });
  });
}

async function fill(side: Side, topic: string, prefix: string, count: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition += 1) {
    const drafts = Array.from({ length: count }, (_, index) => ({ key: "k", value: `${prefix}-${index}` }));
    await side.append(topic, partition, drafts);
  }
}

function keepWriting(side: Side, topic: string) {
  let count = 0;
  const ended = new AbortController();
  const loop = (async () => {
    while (!ended.signal.aborted) {
      await side.append(topic, count % partitions, [{ key: "k", value: `load-${count}` }]);
      count += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    wrote: (more: number) => {
      const until = count + more;
      return eventually("records written", () => (count >= until ? true : undefined), patienceMs);
    },
    end: async () => {
      ended.abort();
      await loop;
    },
  };
}

async function inStep(engine: ReplicationEngine, flow: string, origin: Side, topic: string): Promise<void> {
  const ends = await origin.cluster.offsets([topic], "end");
  await eventually(
    `${flow} in step`,
    async () => {
      const data = await lastData(origin, topic, ends);
      const copied = (await engine.copied(flow)).get(topic) ?? [];
      return data.every((last, partition) => last === undefined || (copied[partition] ?? -1) >= last)
        ? true
        : undefined;
    },
    patienceMs,
  );
}

/** Offset of the last data record: exactly-once leaves markers behind it. */
async function lastData(
  side: Side,
  topic: string,
  ends: OffsetTable,
): Promise<ReadonlyArray<number | undefined>> {
  const rows = ends.get(topic) ?? [];
  return Promise.all(
    rows.map(async (end, partition) => {
      const from = Math.max(0, (end ?? 0) - 20);
      return (await side.cluster.read({ topic, partition }, from, { max: 20 })).at(-1)?.offset;
    }),
  );
}

async function valuesOn(side: Side, topic: string): Promise<readonly string[][]> {
  return Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const records = await side.cluster.read({ topic, partition }, 0, { max: 100_000 });
      return records.map(({ value }) => value?.toString() ?? "null");
    }),
  );
}

function lastOffsets(ends: OffsetTable): OffsetTable {
  return new Map([...ends].map(([topic, row]) => [topic, row.map((end) => (end ? end - 1 : undefined))]));
}
