import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Producer } from "kafkajs";
import { appEnvironment, endWith, markReady, onStop, report } from "../app.ts";
import { kafkaFor } from "../connection.ts";
import { ackedPath, appendLines } from "../journal.ts";
import { recordFor, sendRecords } from "../records.ts";
import { producers } from "../world.ts";

/** One producing application: numbers its records and logs each one that was acknowledged. */

/** Few large requests: two cores carry two brokers and Connect besides. */
const roundMs = 400;
const numbersAtOnce = 500;
const app = appEnvironment();
const settings = producers.find((one) => one.name === app.client);
if (settings === undefined) throw new Error(`no producer is called ${app.client}`);

/** Numbers are reserved on disk before use: a number that may have been written is never given out again. */
function numbering(topic: string): () => number {
  const path = ackedPath(app.folder, `${app.client}.${topic}`).replace(/acked\.jsonl$/, "reserved");
  let reserved = existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  let last = reserved;
  return () => {
    last += 1;
    if (last > reserved) {
      reserved += numbersAtOnce;
      writeFileSync(path, String(reserved));
    }
    return last;
  };
}

const lanes = Object.entries(settings.rates).map(([topic, rate]) => ({
  topic,
  perRound: (rate * app.speed * roundMs) / 1000,
  owed: 0,
  next: numbering(topic),
}));

async function connect(): Promise<Producer> {
  const producer = kafkaFor(app.connection, app.client).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  return producer;
}

/** Returns false when a send failed; its numbers are not used again. */
async function sendRound(producer: Producer): Promise<boolean> {
  const results = await Promise.allSettled(
    lanes.map(async (lane) => {
      lane.owed += lane.perRound;
      const records = [];
      for (; lane.owed >= 1; lane.owed -= 1) records.push(recordFor(app.client, lane.topic, lane.next()));
      appendLines(ackedPath(app.folder, app.client), await sendRecords(producer, app.cluster, records));
    }),
  );
  const failed = results.filter((result) => result.status === "rejected");
  for (const { reason } of failed) report("send failed", reason);
  return failed.length === 0;
}

const stopping = onStop();

async function wait(ms: number): Promise<void> {
  await pause(ms, undefined, { signal: stopping }).catch(() => undefined);
}

/** A new producer id: KafkaJS does not repair its sequence numbers after a refused batch. */
async function reconnect(old: Producer): Promise<Producer> {
  await old.disconnect().catch(() => undefined);
  while (!stopping.aborted) {
    await wait(roundMs);
    try {
      return await connect();
    } catch (error) {
      report("reconnect failed", error);
    }
  }
  return old;
}

async function run(): Promise<void> {
  let producer = await connect();
  markReady(app);
  while (!stopping.aborted) {
    const started = Date.now();
    const sent = await sendRound(producer);
    if (!sent) producer = await reconnect(producer);
    await wait(Math.max(0, roundMs - (Date.now() - started)));
  }
  await producer.disconnect();
}

await endWith(run());
