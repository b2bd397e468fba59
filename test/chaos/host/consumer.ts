import { setTimeout as pause } from "node:timers/promises";
import type { Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { kafkaFor } from "#lab/apps/connection.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { appendLines, type Cluster, consumedPath } from "#lab/apps/journal.ts";
import { idOf } from "#lab/apps/records.ts";
import { commitFor } from "#lab/apps/seed.ts";
import { type App, type AppOrder, createApp, type Session } from "./app.ts";

/**
 * A consuming application: logs each record, then commits. It counts as stopped only when what it logged is committed,
 * so a record that is read a second time was not read again by its own fault.
 */

type Order = Extract<AppOrder, { role: "consumer" }>;
type Positions = Map<string, Map<number, number>>;

const chunkSize = 500;
const retry = { initialRetryTime: 100, maxRetryTime: 2000, retries: 8 };
const joinDeadlineMs = 60_000;

export function createConsumer(order: Order): App {
  const warm = order.warm && {
    ...order.warm,
    consumer: connected(order, kafkaOf(order, order.warm.bootstrap)),
  };
  warm?.consumer.catch(() => undefined);
  return createApp(order.name, async (cluster, bootstrap) => {
    const ready = warm?.cluster === cluster ? await warm.consumer.catch(() => undefined) : undefined;
    return await openSession(order, cluster, bootstrap, ready);
  });
}

function kafkaOf(order: Order, bootstrap: string): Kafka {
  return kafkaFor(connectionTo(bootstrap), order.name);
}

async function openSession(
  order: Order,
  cluster: Cluster,
  bootstrap: string,
  ready: Consumer | undefined,
): Promise<Session> {
  const kafka = kafkaOf(order, bootstrap);
  const book = createBook(order, cluster);
  const ending = new AbortController();
  let reviving = Promise.resolve();
  let consumer = await join(ready ?? (await connected(order, kafka)), order, book, revive);

  /** KafkaJS gives up on some failures; a supervisor would start the application again. */
  function revive(): void {
    if (!ending.signal.aborted) reviving = again();
  }

  async function again(): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        consumer = await join(await connected(order, kafka), order, book, revive);
        return;
      } catch {
        await pause(500);
      }
    }
  }

  return {
    async end() {
      ending.abort();
      await reviving;
      await leave(consumer);
      const open = book.uncommitted();
      if (Object.keys(open).length > 0) await commitFor(kafka, order.name, open);
    },
  };
}

async function leave(consumer: Consumer): Promise<void> {
  await consumer.stop();
  await consumer.disconnect();
}

/** What a session has logged and committed: next offsets by topic and partition. */
function createBook(order: Order, cluster: Cluster) {
  const logged: Positions = new Map();
  const committed: Positions = new Map();
  return {
    log(
      topic: string,
      partition: number,
      messages: EachBatchPayload["batch"]["messages"],
    ): number | undefined {
      const next = logged.get(topic)?.get(partition) ?? 0;
      const fresh = messages.filter(({ offset }) => Number(offset) >= next);
      const ts = Date.now();
      const lines = fresh.map((message) => ({
        id: idOf(message),
        topic,
        partition,
        offset: Number(message.offset),
        cluster,
        ts,
        key: message.key?.toString() ?? null,
      }));
      appendLines(consumedPath(order.folder, order.name), lines);
      const last = messages.at(-1);
      if (last === undefined) return undefined;
      put(logged, topic, partition, Math.max(next, Number(last.offset) + 1));
      return Number(last.offset) + 1;
    },
    noteCommitted: (topic: string, partition: number, next: number) => put(committed, topic, partition, next),
    uncommitted(): Record<string, number[]> {
      const open: Record<string, number[]> = {};
      for (const [topic, row] of logged) {
        for (const [partition, next] of row) {
          if (next === committed.get(topic)?.get(partition)) continue;
          const list = (open[topic] ??= []);
          while (list.length < partition) list.push(-1);
          list[partition] = next;
        }
      }
      return open;
    },
  };
}

function put(positions: Positions, topic: string, partition: number, next: number): void {
  const row = positions.get(topic) ?? new Map<number, number>();
  positions.set(topic, row.set(partition, next));
}

async function connected(order: Order, kafka: Kafka): Promise<Consumer> {
  const consumer = kafka.consumer({
    groupId: order.name,
    sessionTimeout: 6000,
    heartbeatInterval: 1000,
    rebalanceTimeout: 6000,
    maxWaitTimeInMs: order.maxWaitMs,
    allowAutoTopicCreation: false,
    // A restart that KafkaJS has planned is not called off by a stop: it would come back as a member nobody knows.
    retry: { ...retry, restartOnFailure: () => Promise.resolve(false) },
  });
  await consumer.connect();
  return consumer;
}

/** Returns when it is a member of its group. `onDeath`: it was one, and has crashed. */
async function join(
  consumer: Consumer,
  order: Order,
  book: ReturnType<typeof createBook>,
  onDeath: () => void,
): Promise<Consumer> {
  const joined = Promise.withResolvers<void>();
  let isMember = false;
  const deadline = setTimeout(
    () => joined.reject(new Error(`${order.name} did not become a member within ${joinDeadlineMs / 1000} s`)),
    joinDeadlineMs,
  );
  consumer.on(consumer.events.GROUP_JOIN, () => {
    isMember = true;
    joined.resolve();
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (isMember) onDeath();
    else joined.reject(payload.error);
  });
  try {
    await consumer.subscribe({ topics: [...order.topics], fromBeginning: order.fromBeginning });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 3,
      eachBatch: (payload) => handle(consumer, book, payload),
    });
    await joined.promise;
    return consumer;
  } catch (error) {
    await leave(consumer).catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}

async function handle(
  consumer: Consumer,
  book: ReturnType<typeof createBook>,
  payload: EachBatchPayload,
): Promise<void> {
  const { topic, partition, messages } = payload.batch;
  for (let at = 0; at < messages.length; at += chunkSize) {
    if (!payload.isRunning() || payload.isStale()) return;
    const next = book.log(topic, partition, messages.slice(at, at + chunkSize));
    if (next === undefined) return;
    await consumer.commitOffsets([{ topic, partition, offset: String(next) }]);
    // KafkaJS also returns when it has given up a commit because it is being stopped.
    if (!payload.isRunning()) return;
    book.noteCommitted(topic, partition, next);
    payload.resolveOffset(String(next - 1));
    await payload.heartbeat();
  }
}
