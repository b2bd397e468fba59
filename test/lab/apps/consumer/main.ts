import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { EachBatchPayload, KafkaMessage } from "kafkajs";
import { appEnvironment, endWith, hurryPath, markReady, onStop, report } from "../app.ts";
import { kafkaFor } from "../connection.ts";
import { appendLines, consumedPath } from "../journal.ts";
import { idOf } from "../records.ts";
import { consumers } from "../world.ts";

/** One consuming application: logs each record, then commits. The committed offset is always the last logged one plus 1. */

const chunkSize = 50;
const app = appEnvironment();
const settings = consumers.find((one) => one.name === app.client);
if (settings === undefined) throw new Error(`no consumer is called ${app.client}`);
const { rate } = settings;

const consumer = kafkaFor(app.connection, app.client).consumer({
  groupId: app.client,
  sessionTimeout: 10_000,
  heartbeatInterval: 2000,
  maxWaitTimeInMs: 250,
  allowAutoTopicCreation: false,
});

/** Last offset logged by this process: a commit that failed and is tried again does not log twice. */
const logged = new Map<string, number>();

function logRecords(topic: string, partition: number, messages: readonly KafkaMessage[]): void {
  const place = `${topic}-${partition}`;
  const after = logged.get(place) ?? -1;
  const fresh = messages.filter((message) => Number(message.offset) > after);
  const ts = Date.now();
  const lines = fresh.map((message) => ({
    id: idOf(message),
    topic,
    partition,
    offset: Number(message.offset),
    cluster: app.cluster,
    ts,
    key: message.key?.toString() ?? null,
  }));
  appendLines(consumedPath(app.folder, app.client), lines);
  logged.set(place, Math.max(after, Number(messages.at(-1)?.offset ?? after)));
}

async function wait(ms: number): Promise<void> {
  await pause(ms, undefined, { signal: stopping }).catch(() => undefined);
}

async function handleBatch(payload: EachBatchPayload): Promise<void> {
  const { topic, partition, messages } = payload.batch;
  for (let at = 0; at < messages.length; ) {
    if (!payload.isRunning() || payload.isStale()) return;
    const limit = existsSync(hurryPath(app.folder)) ? null : rate;
    const chunk = messages.slice(at, at + (limit === null ? chunkSize : Math.max(1, Math.floor(limit / 5))));
    const last = chunk.at(-1);
    if (last === undefined) return;
    logRecords(topic, partition, chunk);
    await consumer.commitOffsets([{ topic, partition, offset: String(Number(last.offset) + 1) }]);
    payload.resolveOffset(last.offset);
    await payload.heartbeat();
    at += chunk.length;
    if (limit !== null) await wait((chunk.length * 1000) / limit);
  }
}

const stopping = onStop();
consumer.on(consumer.events.GROUP_JOIN, () => markReady(app));
consumer.on(consumer.events.CRASH, ({ payload }) => {
  report("consumer crashed", payload.error);
  if (!payload.restart) process.exit(1);
});

async function run(topics: readonly string[]): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: handleBatch });
  if (!stopping.aborted) await once(stopping, "abort");
  await consumer.stop();
  await consumer.disconnect();
}

await endWith(run(settings.topics));
