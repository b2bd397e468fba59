import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, it as test } from "vitest";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { listOffsets } from "#adapters/kafka/list-offsets.ts";
import { createReader, createWriter } from "#adapters/kafka/wire.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { Missing } from "#domain/topology.ts";
import { type FakeBrokers, openFakeBrokers } from "#support/fake-brokers/open.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const loading = 14;
const topicAuthorization = 29;
const groupAuthorization = 30;
const beyond32Bits = 7_000_000_000;

/** Topic "orders" of 6 partitions and "parcels" of 2; partition p is led by broker p % 3 + 1. Groups of brokers 1, 2, 3. */
const wanted = { topics: ["orders", "parcels"], groups: ["billing", "ledger", "nightly"] };

/** Sleeping takes a turn of the event loop and moves the time on, so that patience ends at once. */
function hastyClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    async sleep(ms) {
      now += ms;
      await setImmediate();
    },
  };
}

async function open(
  options: { readonly offsetFetch?: number } = {},
): Promise<{ readonly brokers: FakeBrokers; readonly cluster: KafkaCluster }> {
  const brokers = await openFakeBrokers(options);
  brokers.addTopic("orders", 6, { start: 5, end: beyond32Bits });
  brokers.addTopic("parcels", 2, { start: 0, end: 0 });
  brokers.addGroup("billing", {
    state: "Stable",
    members: ["till"],
    offsets: new Map([
      ["orders", [10, 11, 12, 13, 14, beyond32Bits]],
      ["parcels", [0, 0]],
    ]),
  });
  brokers.addGroup("ledger", { offsets: new Map([["orders", [undefined, 7, undefined, 9]]]) });
  brokers.addGroup("nightly", { offsets: new Map() });
  const cluster = createKafkaCluster({
    role: "source",
    access: { bootstrap: brokers.bootstrap, protocol: "PLAINTEXT" },
    log: createQuietLog(),
    clock: hastyClock(),
  });
  onTestFinished(async () => {
    await cluster.close();
    await brokers[Symbol.asyncDispose]();
  });
  return { brokers, cluster };
}

/** "end orders-1: no leader (…)", without what differs between runs. */
function words(missing: readonly Missing[]): readonly string[] {
  return missing
    .map(({ of, topic, partition, group, why }) => {
      const where = group ?? (partition === undefined ? topic : `${topic}-${partition}`);
      return `${of} ${where}: ${why.replaceAll(/127\.0\.0\.1:\d+/g, "BROKER")}`;
    })
    .toSorted();
}

function sorted(table: ReadonlyMap<string, unknown>): readonly string[] {
  return [...table.keys()].toSorted();
}

test.each([8, 3])(
  "knows everything in few requests, with OffsetFetch up to version %i",
  async (offsetFetch) => {
    const { brokers, cluster } = await open({ offsetFetch });
    const sweep = await cluster.sweep({ ...wanted, groups: [...wanted.groups, "never-was"] });
    expect(sweep.missing).toEqual([]);
    expect(Object.fromEntries(sweep.starts)).toEqual({ orders: [5, 5, 5, 5, 5, 5], parcels: [0, 0] });
    expect(sweep.ends.get("orders")).toEqual(Array.from({ length: 6 }, () => beyond32Bits));
    expect(sweep.ends.get("parcels")).toEqual([0, 0]);
    expect(sweep.committed.get("billing")?.get("orders")).toEqual([10, 11, 12, 13, 14, beyond32Bits]);
    expect(sweep.committed.get("ledger")?.get("orders")).toEqual([undefined, 7, undefined, 9]);
    expect(sweep.committed.get("nightly")).toEqual(new Map());
    expect([...sweep.groups].map(([id, { state, members }]) => [id, state, members.length])).toEqual([
      ["billing", "Stable", 1],
      ["ledger", "Empty", 0],
      ["nightly", "Empty", 0],
      ["never-was", "Dead", 0],
    ]);
    expect(brokers.requests.filter((name) => name === "ListOffsets")).toHaveLength(6);
  },
);

test("asks for the ends when the committed offsets are there", async () => {
  const { brokers, cluster } = await open();
  await cluster.sweep(wanted);
  brokers.requests.length = 0;
  await cluster.sweep(wanted);
  const { requests } = brokers;
  expect(requests.slice(requests.lastIndexOf("OffsetFetch") + 1)).toContain("ListOffsets");
  expect(requests.filter((name) => name === "OffsetFetch")).toHaveLength(3);
});

test("names what a broker held that is down, and tells the rest", async () => {
  const { brokers, cluster } = await open();
  await brokers.stop(2);
  const sweep = await cluster.sweep(wanted);
  expect(words(sweep.missing)).toEqual([
    "committed ledger: GROUP_COORDINATOR_NOT_AVAILABLE (15)",
    "end orders-1: no leader",
    "end orders-4: no leader",
    "end parcels-1: no leader",
    "start orders-1: no leader",
    "start orders-4: no leader",
    "start parcels-1: no leader",
    "state ledger: GROUP_COORDINATOR_NOT_AVAILABLE (15)",
  ]);
  const end = beyond32Bits;
  expect(sweep.ends.get("orders")).toEqual([end, undefined, end, end, undefined, end]);
  expect(sweep.starts.get("parcels")).toEqual([0, undefined]);
  expect(sorted(sweep.committed)).toEqual(["billing", "nightly"]);
  expect(sorted(sweep.groups)).toEqual(["billing", "nightly"]);
});

test("names what a broker held that went while the others still name it", async () => {
  const { brokers, cluster } = await open();
  await cluster.sweep(wanted);
  await brokers.stop(3, { noticed: false });
  const sweep = await cluster.sweep(wanted);
  expect(sorted(sweep.committed)).toEqual(["billing", "ledger"]);
  expect(words(sweep.missing).map((line) => line.split(":")[0])).toEqual([
    "committed nightly",
    "end orders-2",
    "end orders-5",
    "start orders-2",
    "start orders-5",
    "state nightly",
  ]);
  for (const { why } of sweep.missing) expect(why).toMatch(/^Broker 127\.0\.0\.1:\d+ .*source cluster/);
});

test.each([7, 8])("takes -1 for no commit wherever it stands, OffsetFetch %i", async (offsetFetch) => {
  const { brokers, cluster } = await open({ offsetFetch });
  brokers.addGroup("ledger", { offsets: new Map([["orders", [4, -1, 6]]]) });
  expect((await cluster.committed(["ledger"])).get("ledger")).toEqual(
    new Map([["orders", [4, undefined, 6]]]),
  );
});

test("waits for a coordinator that loads, within its patience", async () => {
  const { brokers, cluster } = await open();
  brokers.fault({ api: "OffsetFetch", group: "ledger", error: loading, times: 3 });
  const sweep = await cluster.sweep(wanted);
  expect(sweep.missing).toEqual([]);
  expect(sweep.committed.get("ledger")?.get("orders")).toEqual([undefined, 7, undefined, 9]);
});

test("names the groups of a coordinator that loads on, and says nothing of their lag", async () => {
  const { brokers, cluster } = await open();
  brokers.fault({ api: "OffsetFetch", broker: 1, group: "billing", error: loading });
  brokers.fault({ api: "DescribeGroups", broker: 1, group: "billing", error: loading });
  const sweep = await cluster.sweep(wanted);
  expect(words(sweep.missing)).toEqual([
    "committed billing: GROUP_LOAD_IN_PROGRESS (14)",
    "state billing: GROUP_LOAD_IN_PROGRESS (14)",
  ]);
  expect(sorted(sweep.committed)).toEqual(["ledger", "nightly"]);
  expect(sorted(sweep.groups)).toEqual(["ledger", "nightly"]);
  await expect(cluster.committed(["billing"])).rejects.toMatchObject({
    code: "E_INCOMPLETE",
    message:
      "OffsetFetch on the source cluster: 1 of 1 without an answer. billing: GROUP_LOAD_IN_PROGRESS (14)",
  });
});

test("follows a leader and a coordinator that moved", async () => {
  const { brokers, cluster } = await open();
  await cluster.sweep(wanted);
  brokers.lead("orders", 0, 3);
  brokers.coordinate("billing", 3);
  const sweep = await cluster.sweep(wanted);
  expect(sweep.missing).toEqual([]);
  expect(sweep.ends.get("orders")?.[0]).toBe(beyond32Bits);
  expect(sweep.committed.get("billing")?.get("parcels")).toEqual([0, 0]);
});

test("names a partition without a leader and a topic that does not exist", async () => {
  const { brokers, cluster } = await open();
  brokers.lead("orders", 4, -1);
  const sweep = await cluster.sweep({ ...wanted, topics: [...wanted.topics, "gone"] });
  expect(words(sweep.missing)).toEqual([
    "end orders-4: no leader",
    "start orders-4: no leader",
    "topic gone: The source cluster has no topic gone.",
  ]);
  expect(sorted(sweep.ends)).toEqual(["orders", "parcels"]);
  await expect(cluster.offsets(["orders"], "end")).rejects.toMatchObject({
    code: "E_INCOMPLETE",
    message: "Offsets of the source cluster: 1 of 6 without an answer. orders-4: no leader",
  });
  await expect(cluster.offsets(["gone"], "end")).rejects.toMatchObject({ code: "E_UNKNOWN_TOPIC" });
});

test("names the topic and the groups that it may not see", async () => {
  const { brokers, cluster } = await open();
  brokers.fault({ api: "Metadata", topic: "parcels", error: topicAuthorization });
  brokers.fault({ api: "FindCoordinator", group: "nightly", error: groupAuthorization });
  brokers.fault({ api: "OffsetFetch", group: "ledger", error: groupAuthorization });
  const sweep = await cluster.sweep(wanted);
  const lines = words(sweep.missing);
  expect(lines.map((line) => line.split(":")[0])).toEqual([
    "committed ledger",
    "committed nightly",
    "state nightly",
    "topic parcels",
  ]);
  expect(lines.every((line) => line.includes("AUTHORIZATION_FAILED"))).toBe(true);
  expect(sorted(sweep.starts)).toEqual(["orders"]);
  await expect(cluster.committed(wanted.groups)).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
  await expect(cluster.offsets(wanted.topics, "end")).rejects.toMatchObject({ code: "E_KAFKA_AUTH" });
});

test("names the partition that a leader refuses", async () => {
  const { brokers, cluster } = await open();
  brokers.fault({ api: "ListOffsets", topic: "orders", partition: 2, error: topicAuthorization });
  const sweep = await cluster.sweep(wanted);
  expect(words(sweep.missing).map((line) => line.split(":")[0])).toEqual(["end orders-2", "start orders-2"]);
  expect(sweep.ends.get("orders")?.filter((offset) => offset === undefined)).toHaveLength(1);
});

test("asks again when a connection is closed in place of an answer", async () => {
  const { brokers, cluster } = await open();
  await cluster.sweep(wanted);
  brokers.fault({ api: "OffsetFetch", broker: 2, close: true, times: 1 });
  brokers.fault({ api: "ListOffsets", broker: 1, close: true, times: 1 });
  const sweep = await cluster.sweep(wanted);
  expect(sweep.missing).toEqual([]);
  expect(sweep.committed.size).toBe(3);
});

test("does not call a group dead when the list of groups could not be had", async () => {
  const { brokers, cluster } = await open();
  brokers.fault({ api: "ListGroups", broker: 3, error: loading });
  const sweep = await cluster.sweep({ topics: [], groups: ["billing", "never-was"] });
  expect(sorted(sweep.groups)).toEqual(["billing"]);
  expect(sweep.missing).toMatchObject([{ of: "state", group: "never-was" }]);
});

test("fails when no broker answers", async () => {
  const { brokers, cluster } = await open();
  for (const id of [1, 2, 3]) await brokers.stop(id);
  await expect(cluster.sweep(wanted)).rejects.toMatchObject({ code: "E_SOURCE_UNREACHABLE" });
});

test("keeps apart what is searched by time in several topics at once", async () => {
  const { cluster } = await open();
  const found = await Promise.all([
    cluster.offsetAt({ topic: "orders", partition: 0 }, 1_700_000_000_000),
    cluster.offsetAt({ topic: "parcels", partition: 0 }, 1_700_000_000_000),
    cluster.offsetAt({ topic: "orders", partition: 1 }, 1_700_000_000_000),
    cluster.offsetAt({ topic: "parcels", partition: 1 }, 1_700_000_000_000),
  ]);
  expect(found).toEqual([beyond32Bits, 0, beyond32Bits, 0]);
});

/** What one asker knows of the topics: "orders" of so many partitions, "parcels" of one. */
function share(count: number) {
  return {
    places: new Map([
      ["orders", Array.from({ length: count }, (_, partition) => partition)],
      ["parcels", [0]],
    ]),
    timestamp: -1,
    cells: {
      offsets: new Float64Array(count + 1).fill(Number.NaN),
      firstOf: (topic: string) => (topic === "orders" ? 0 : count),
      sizeOf: (topic: string) => (topic === "orders" ? count : 1),
    },
  };
}

test("puts no offset into the place of another topic when one has grown since", async () => {
  const [before, after] = [share(1), share(2)];
  const writer = createWriter();
  writer.i32(0);
  const rows = { parcels: [9], orders: [3, 4] };
  writer.array(Object.entries(rows), ([topic, offsets]) => {
    writer.text(topic);
    writer.array([...offsets.entries()], ([partition, offset]) => {
      writer.i32(partition);
      writer.i16(0);
      writer.i64(-1);
      writer.i64(offset);
    });
  });
  await listOffsets([before, after], 0).decode(createReader(writer.done()), 2);
  expect([...before.cells.offsets]).toEqual([3, 9]);
  expect([...after.cells.offsets]).toEqual([3, 4, 9]);
});
