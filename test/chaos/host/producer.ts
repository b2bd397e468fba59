import { setTimeout as pause } from "node:timers/promises";
import type { Kafka, Producer } from "kafkajs";
import { kafkaFor } from "#lab/apps/connection.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { ackedPath, appendLines, type Cluster } from "#lab/apps/journal.ts";
import { type App, type AppOrder, createApp, type Session } from "./app.ts";
import { numberedRecord } from "./record.ts";

/** A producing application: numbers its records and logs each one that was acknowledged. */

type Order = Extract<AppOrder, { role: "producer" }>;
type Lane = { readonly topic: string; readonly partitions: number; owed: number; seq: number };

export function createProducer(order: Order): App {
  // Numbers are never given out twice: a record of a failed send may have been written.
  const lanes = Object.entries(order.topics).map(
    ([topic, partitions]): Lane => ({ topic, partitions, owed: 0, seq: 0 }),
  );
  return createApp(order.name, (cluster, bootstrap) => openSession(order, lanes, cluster, bootstrap));
}

async function openSession(
  order: Order,
  lanes: readonly Lane[],
  cluster: Cluster,
  bootstrap: string,
): Promise<Session> {
  const kafka = kafkaFor(connectionTo(bootstrap), order.name);
  const stopping = new AbortController();
  const first = await connect(kafka);
  const running = run();

  async function run(): Promise<void> {
    let producer = first;
    while (!stopping.signal.aborted) {
      const began = Date.now();
      if (!(await sendRound(producer, order, lanes, cluster))) producer = await reconnect(producer);
      await rest(Math.max(0, order.roundMs - (Date.now() - began)));
    }
    await producer.disconnect().catch(() => undefined);
  }

  async function rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  /** A new producer id: KafkaJS does not repair its sequence numbers after a refused batch. */
  async function reconnect(old: Producer): Promise<Producer> {
    await old.disconnect().catch(() => undefined);
    while (!stopping.signal.aborted) {
      await rest(order.roundMs);
      const next = await connect(kafka).catch(() => undefined);
      if (next !== undefined) return next;
    }
    return old;
  }

  return {
    async end() {
      stopping.abort();
      await running;
    },
  };
}

async function connect(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  return producer;
}

/** False when a send failed. */
async function sendRound(
  producer: Producer,
  { name, rate, roundMs, folder }: Order,
  lanes: readonly Lane[],
  cluster: Cluster,
): Promise<boolean> {
  const results = await Promise.allSettled(
    lanes.map(async (lane) => {
      lane.owed += (rate * roundMs) / 1000;
      const records = [];
      for (; lane.owed >= 1; lane.owed -= 1) {
        lane.seq += 1;
        records.push(numberedRecord(name, lane.topic, lane.partitions, lane.seq));
      }
      if (records.length === 0) return;
      const answers = await producer.send({
        topic: lane.topic,
        acks: -1,
        messages: records.map(({ message }) => message),
      });
      const next = new Map(answers.map((answer) => [answer.partition, Number(answer.baseOffset ?? -1)]));
      const ts = Date.now();
      const lines = records.map(({ id, partition, key }) => {
        const offset = next.get(partition) ?? -1;
        if (offset >= 0) next.set(partition, offset + 1);
        return { id, topic: lane.topic, partition, offset: offset < 0 ? null : offset, cluster, ts, key };
      });
      appendLines(ackedPath(folder, name), lines);
    }),
  );
  return results.every(({ status }) => status === "fulfilled");
}
