import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Consumer, EachBatchPayload } from "kafkajs";
import type { ClientPlace } from "#domain/ports.ts";
import { type Connection, kafkaFor } from "#lab/apps/connection.ts";
import { seqOf } from "./record-kinds.ts";

type Cluster = "source" | "target";

/**
 * One consuming application: logs each record, then commits. It reads up to record `limit` of its topic and no further,
 * so that its group stays behind by as much as a test wants, with a member in it.
 */
export type RecordReader = {
  readonly group: string;
  place(): ClientPlace;
  start(place: Cluster): Promise<void>;
  stop(): Promise<void>;
  /** From now on it reads records up to this one. */
  allow(limit: number): void;
  /** The limit from its next start on. */
  allowWhenStarted(limit: number): void;
  /** Whether nothing is left to read of what is allowed: it waits at the limit, or has read the last record, in both partitions. */
  isSettled(last: number): boolean;
  /** Why KafkaJS started it anew, if it had to. */
  troubles(): readonly string[];
  /** What its log says it has read, in order. */
  journal(): ReadonlyArray<{ readonly cluster: string; readonly seq: number }>;
};

export function createRecordReader(options: {
  readonly group: string;
  readonly topic: string;
  readonly folder: string;
  readonly limit: number;
  readonly connections: Readonly<Record<Cluster, Connection>>;
}): RecordReader {
  const { group, topic, connections } = options;
  const path = join(options.folder, `${group}.log`);
  let { limit } = options;
  let nextLimit = limit;
  let place: ClientPlace = "stopped";
  let consumer: Consumer | undefined;
  const troubles: string[] = [];
  /** Partitions that wait at a record beyond the limit. */
  const waiting = new Set<number>();
  /** Last record that was read, by partition. */
  const latest = new Map<number, number>();

  async function read(payload: EachBatchPayload): Promise<void> {
    const { partition, messages } = payload.batch;
    const numbered = messages.map((message) => ({ seq: seqOf(message), offset: message.offset }));
    const beyond = numbered.findIndex(({ seq }) => seq > limit);
    const allowed = beyond < 0 ? numbered : numbered.slice(0, beyond);
    const last = allowed.at(-1);
    if (last !== undefined) {
      appendFileSync(path, `${place} ${allowed.map(({ seq }) => seq).join(",")}\n`);
      const offset = `${Number(last.offset) + 1}`;
      await consumer?.commitOffsets([{ topic, partition, offset }]);
      payload.resolveOffset(last.offset);
      latest.set(partition, last.seq);
    }
    await payload.heartbeat();
    const next = numbered[allowed.length];
    // The limit may have been raised since.
    if (next === undefined || next.seq <= limit) return;
    waiting.add(partition);
    payload.pause();
  }

  async function start(to: Cluster): Promise<void> {
    if (place === to) return;
    if (place !== "stopped") throw new Error(`${group} runs on the ${place}: stop it first`);
    const started = kafkaFor(connections[to], group).consumer({
      groupId: group,
      // Two dozen of them share one process and read a great deal: on a busy machine heartbeats come late.
      sessionTimeout: 60_000,
      heartbeatInterval: 1000,
      maxWaitTimeInMs: 100,
      allowAutoTopicCreation: false,
    });
    consumer = started;
    place = to;
    limit = nextLimit;
    waiting.clear();
    const joined = Promise.withResolvers<void>();
    started.on(started.events.CRASH, ({ payload }) => troubles.push(String(payload.error)));
    started.on(started.events.GROUP_JOIN, () => joined.resolve());
    await started.connect();
    await started.subscribe({ topics: [topic], fromBeginning: true });
    await started.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: read,
    });
    await joined.promise;
  }

  return {
    group,
    place: () => place,
    start,
    async stop() {
      await consumer?.disconnect();
      consumer = undefined;
      place = "stopped";
    },
    allowWhenStarted(next) {
      nextLimit = next;
    },
    allow(next) {
      limit = next;
      nextLimit = next;
      const partitions = [...waiting];
      waiting.clear();
      if (partitions.length > 0) consumer?.resume([{ topic, partitions }]);
    },
    troubles: () => troubles,
    isSettled: (last) => [last, last - 1].every((seq) => waiting.has(seq % 2) || latest.get(seq % 2) === seq),
    journal: () => (existsSync(path) ? readFileSync(path, "utf8").split("\n").flatMap(parseLine) : []),
  };
}

function parseLine(line: string): ReadonlyArray<{ readonly cluster: string; readonly seq: number }> {
  if (line === "") return [];
  const [cluster = "", seqs = ""] = line.split(" ");
  return seqs.split(",").map((seq) => ({ cluster, seq: Number(seq) }));
}
