import kafkajs, { type CompressionTypes, type Message, type Producer } from "kafkajs";
import createSnappy from "kafkajs-snappy";
import type { ClientPlace } from "#domain/ports.ts";
import { type Connection, kafkaFor } from "#lab/apps/connection.ts";
import { realClock } from "./real-clock.ts";
import { abortedMessage, type KindName, kindNames, kinds, messageOf } from "./record-kinds.ts";

type Cluster = "source" | "target";

/** Requests of so many records, a transaction of each where the kind has them. */
const chunk = 4000;
/** Records of each kind per beat while it runs by itself. */
const perBeat = 4;
const beatMs = 250;

/**
 * The producing application of all kinds. A switch starts and stops it; while it runs it writes a little by itself,
 * unless it is hushed, and as much as it is told to.
 */
export type RecordWriter = {
  place(): ClientPlace;
  start(place: Cluster): Promise<void>;
  stop(): Promise<void>;
  /** Writes so many records of a kind where it runs, and waits until all are acknowledged. */
  write(kind: KindName, count: number): Promise<void>;
  /** Number of the last acknowledged record of a kind. */
  last(kind: KindName): number;
  /** Offset of a record of the history, which was written in order. */
  offsetOf(kind: KindName, seq: number): number;
  hush(): Promise<void>;
};

export function createRecordWriter(options: {
  readonly name: string;
  readonly topicOf: (kind: KindName) => string;
  readonly connections: Readonly<Record<Cluster, Connection>>;
}): RecordWriter {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = createSnappy;
  const { name, topicOf, connections } = options;
  const last = new Map<KindName, number>(kindNames.map((kind) => [kind, 0]));
  const offsets = new Map<KindName, number[]>(kindNames.map((kind) => [kind, []]));
  let requests = 0;
  let turn: Promise<void> = Promise.resolve();
  let aborted = 0;
  let place: ClientPlace = "stopped";
  let producers: { readonly plain: Producer; readonly transactional: Producer } | undefined;
  let beating: { readonly end: AbortController; readonly over: Promise<void> } | undefined;

  /** One request at a time: numbers are given in order. */
  async function write(kind: KindName, count: number): Promise<void> {
    for (let left = count; left > 0; left -= chunk) {
      const size = Math.min(chunk, left);
      const sent = turn.then(() => send(kind, size));
      turn = sent.catch(() => undefined);
      await sent;
    }
  }

  async function send(kind: KindName, count: number): Promise<void> {
    if (producers === undefined) throw new Error(`${name} is stopped`);
    const first = (last.get(kind) ?? 0) + 1;
    const seqs = Array.from({ length: count }, (_, index) => first + index);
    const messages = seqs.map((seq) => messageOf(kind, seq));
    requests += 1;
    const compression = kinds[kind].codec(requests);
    const request = { topic: topicOf(kind), acks: -1, messages, compression };
    const answers = kinds[kind].transactional
      ? await sendInTransaction(producers.transactional, request)
      : await producers.plain.send(request);
    const next = new Map(answers.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]));
    for (const seq of seqs) {
      const offset = next.get(seq % 2) ?? -1;
      next.set(seq % 2, offset + 1);
      offsets.get(kind)?.push(offset);
    }
    last.set(kind, first + count - 1);
  }

  /** Before each that is committed one that is aborted. */
  async function sendInTransaction(
    producer: Producer,
    request: { topic: string; acks: number; messages: Message[]; compression: CompressionTypes },
  ) {
    const lost = await producer.transaction();
    const messages = Array.from({ length: 100 }, () => abortedMessage((aborted += 1)));
    await lost.send({ ...request, messages });
    await lost.abort();
    const kept = await producer.transaction();
    const answers = await kept.send(request);
    await kept.commit();
    return answers;
  }

  async function beat(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const kind of kindNames) await write(kind, perBeat);
      await realClock.sleep(beatMs, signal).catch(() => undefined);
    }
  }

  async function start(to: Cluster): Promise<void> {
    if (place === to) return;
    if (place !== "stopped") throw new Error(`${name} runs on the ${place}: stop it first`);
    const kafka = kafkaFor(connections[to], name);
    const common = { idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false };
    const plain = kafka.producer(common);
    const transactional = kafka.producer({ ...common, transactionalId: `${name}-transactions` });
    await Promise.all([plain.connect(), transactional.connect()]);
    producers = { plain, transactional };
    place = to;
    const end = new AbortController();
    const over = beat(end.signal);
    // Told when it is hushed.
    over.catch(() => undefined);
    beating = { end, over };
  }

  async function hush(): Promise<void> {
    beating?.end.abort();
    await beating?.over;
    beating = undefined;
  }

  return {
    place: () => place,
    start,
    async stop() {
      await hush();
      await producers?.plain.disconnect();
      await producers?.transactional.disconnect();
      producers = undefined;
      place = "stopped";
    },
    write,
    last: (kind) => last.get(kind) ?? 0,
    offsetOf: (kind, seq) => offsets.get(kind)?.[seq - 1] ?? -1,
    hush,
  };
}
