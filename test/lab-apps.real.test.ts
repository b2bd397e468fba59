import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Admin } from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type Connection, kafkaFor } from "#lab/apps/connection.ts";
import {
  clientsOfFleet,
  connectionTo,
  hurryUp,
  killFleet,
  startFleet,
  stopFleet,
  stopProducers,
  whereaboutsOfFleet,
} from "#lab/apps/fleet.ts";
import { ConsumedRecord, consumedPath, readLines } from "#lab/apps/journal.ts";
import { commitFor, createWorld } from "#lab/apps/seed.ts";
import { consumers, idleGroup, topics } from "#lab/apps/world.ts";
import { countMigration, readAcked, waitUntilCaughtUp } from "#lab/count/count.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "ferry-apps-"));
const source = connectionTo(inject("clusters").source.bootstrap);
const target = connectionTo(inject("clusters").target.bootstrap);
const groups = [...consumers, idleGroup];

type Client = ReturnType<typeof clientsOfFleet>[number];

function clientNamed(name: string): Client {
  const found = clientsOfFleet(folder).find((client) => client.name === name);
  if (found === undefined) throw new Error(`no client ${name}`);
  return found;
}

/** What the `exec` driver does; gives what was printed. */
async function callSwitch(client: Client, action: string, cluster: string, request: string): Promise<string> {
  const [command = "", ...args] = client.switch.command;
  const { bootstrap, security } = cluster === "target" ? target : source;
  const { stdout } = await run(command, args, {
    env: {
      ...client.switch.environment,
      FERRY_ACTION: action,
      FERRY_CLIENT: client.name,
      FERRY_ROLE: client.role,
      FERRY_CLUSTER: cluster,
      FERRY_BOOTSTRAP: bootstrap.join(","),
      FERRY_SECURITY: JSON.stringify(security),
      FERRY_REQUEST: request,
    },
  });
  return stdout.trim();
}

async function withAdmin<T>(connection: Connection, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaFor(connection, "apps-test").admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Copies every topic record by record onto equal offsets; leaves out the record whose value holds `without`. */
async function copyWorld(without: string | null): Promise<void> {
  const names = topics.map(({ name }) => name);
  const total = await withAdmin(source, async (admin) => {
    const ends = await Promise.all(names.map(async (name) => await admin.fetchTopicOffsets(name)));
    return ends.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  });
  await withAdmin(target, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: topics.map(({ name, partitions }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: 1,
      })),
    });
  });
  const producer = kafkaFor(target, "apps-copy").producer({ idempotent: true, maxInFlightRequests: 1 });
  const groupId = `apps-copy-${Date.now()}`;
  const consumer = kafkaFor(source, "apps-copy").consumer({ groupId, maxWaitTimeInMs: 200 });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let copied = 0;
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topics: names, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { topic, partition, messages } }) => {
      const kept = messages.filter(({ value }) => without === null || !value?.includes(`"${without}"`));
      await producer.send({
        topic,
        messages: kept.map(({ key, value, headers, timestamp }) => ({
          key,
          value,
          timestamp,
          partition,
          ...(headers === undefined ? {} : { headers }),
        })),
      });
      copied += messages.length;
      if (copied >= total) resolve();
    },
  });
  await done;
  await consumer.disconnect();
  await producer.disconnect();
  await withAdmin(source, async (admin) => await admin.deleteGroups([groupId]));
}

/** The copy has equal offsets, so the groups' offsets are carried over as they are. */
async function carryOffsets(): Promise<void> {
  await Promise.all(
    groups.map(async ({ name, topics }) => {
      await commitFor(kafkaFor(target, "apps-carry"), name, await committedOf(name, topics));
    }),
  );
}

async function committedOf(group: string, names: readonly string[]): Promise<Record<string, number[]>> {
  const answer = await withAdmin(
    source,
    async (admin) => await admin.fetchOffsets({ groupId: group, topics: [...names] }),
  );
  const table: Record<string, number[]> = {};
  for (const { topic, partitions } of answer) {
    const offsets = Array.from({ length: partitions.length }, () => 0);
    for (const { partition, offset } of partitions) offsets[partition] = Number(offset);
    table[topic] = offsets;
  }
  return table;
}

/** "topic-partition" to the offset behind the last logged one, for all partitions where something was logged. */
function loggedNext(group: string): Record<string, number> {
  const next: Record<string, number> = {};
  for (const line of readLines(consumedPath(folder, group), ConsumedRecord)) {
    next[`${line.topic}-${line.partition}`] = line.offset + 1;
  }
  return next;
}

async function clear(connection: Connection): Promise<void> {
  await withAdmin(connection, async (admin) => {
    const there = new Set(await admin.listTopics());
    await admin.deleteTopics({ topics: topics.map(({ name }) => name).filter((name) => there.has(name)) });
    await vi.waitUntil(
      async () => (await admin.listTopics()).every((name) => !topics.some((topic) => topic.name === name)),
      { timeout: 20_000, interval: 100 },
    );
    const known = new Set((await admin.listGroups()).groups.map(({ groupId }) => groupId));
    const ours = groups.map(({ name }) => name).filter((name) => known.has(name));
    if (ours.length > 0) await admin.deleteGroups(ours);
  });
}

async function produceAWhile(): Promise<void> {
  const before = readAcked(folder).length;
  await vi.waitUntil(() => readAcked(folder).length > before + 200, { timeout: 30_000, interval: 200 });
}

async function settle(): Promise<void> {
  await stopProducers(folder);
  hurryUp(folder);
  expect(await waitUntilCaughtUp(folder, 60_000)).toBe(true);
  await stopFleet(folder);
}

function expectNothingLost(count: Awaited<ReturnType<typeof countMigration>>): void {
  expect(count.groups.map(({ name, lost, duplicated }) => ({ name, lost, duplicated }))).toEqual(
    groups.map(({ name }) => ({ name, lost: 0, duplicated: 0 })),
  );
}

beforeAll(async () => {
  await createWorld({ folder, connection: source });
  await startFleet({ folder, bootstrap: source.bootstrap });
});

afterAll(async () => {
  killFleet(folder);
  await clear(source);
  await clear(target);
  rmSync(folder, { recursive: true, force: true });
});

describe("the applications and the count", () => {
  it("lose and double nothing on the source, and stop exactly at what they committed", async () => {
    await produceAWhile();
    for (const { name, topics } of consumers) {
      await callSwitch(clientNamed(name), "stop", "source", "h1");
      const committed = await committedOf(name, topics);
      const next = loggedNext(name);
      expect(next).not.toEqual({});
      for (const [topic, offsets] of Object.entries(committed)) {
        const known = offsets.map((offset, partition) => next[`${topic}-${partition}`] ?? offset);
        expect(offsets, `${name} on ${topic}`).toEqual(known);
      }
      await callSwitch(clientNamed(name), "start", "source", "h2");
    }
    await settle();
    const count = await countMigration({ folder, source, target: null });
    expectNothingLost(count);
    expect(count.produced).toBe(readAcked(folder).length);
    expect(new Set(whereaboutsOfFleet(folder).values())).toEqual(new Set(["stopped"]));
  });

  it("are moved by the switch command, and the count follows them", async () => {
    await copyWorld(null);
    await carryOffsets();
    const client = clientNamed("billing-app");
    expect(await callSwitch(client, "status", "target", "s0")).toBe("stopped");
    await Promise.all([
      callSwitch(client, "start", "target", "s1"),
      callSwitch(client, "start", "target", "s1"),
    ]);
    expect(await callSwitch(client, "status", "target", "s2")).toBe("target");
    await expect(callSwitch(client, "start", "source", "s3")).rejects.toThrow(/stop it first/);
    await Promise.all(
      clientsOfFleet(folder).map(async (other) => await callSwitch(other, "start", "target", "s4")),
    );
    await produceAWhile();
    await settle();
    const count = await countMigration({ folder, source, target });
    expectNothingLost(count);
    expect(count.topics.filter(({ equal }) => !equal)).toEqual([]);
    expect(count.groups.find(({ name }) => name === "billing-app")?.pauseMs).toBeGreaterThan(0);
  });

  it("finds a line removed and a line doubled in a log", async () => {
    const path = consumedPath(folder, "ledger");
    const text = readFileSync(path, "utf8");
    const lines = text.trimEnd().split("\n");
    writeFileSync(path, `${[...lines.slice(0, 40), ...lines.slice(41), lines[7]].join("\n")}\n`);
    const count = await countMigration({ folder, source, target });
    writeFileSync(path, text);
    expect(count.groups.filter(({ lost, duplicated }) => lost + duplicated > 0)).toMatchObject([
      { name: "ledger", lost: 1, duplicated: 1 },
    ]);
  });

  it("finds a record that is not in the target's copy", async () => {
    await clear(target);
    await copyWorld("seed:invoices:17");
    await carryOffsets();
    const count = await countMigration({ folder, source, target });
    expect(count.topics.filter(({ equal }) => !equal)).toMatchObject([{ name: "invoices" }]);
  });
});
