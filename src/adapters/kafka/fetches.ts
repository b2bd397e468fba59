import type { Isolation } from "#domain/ports.ts";
import type { TopicPartition } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { code } from "./errors.ts";
import { createLane, type Lane } from "./lane.ts";
import type { Metadata } from "./metadata.ts";
import type { Aborted } from "./record-batches.ts";
import type { Reader } from "./wire.ts";

/** What one partition's part of an answer holds. */
export type Fetched = {
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStable: number;
  readonly aborted: readonly Aborted[];
  readonly bytes: Buffer;
  readonly throttled: number;
};

export type Question = {
  readonly where: TopicPartition;
  readonly from: number;
  readonly isolation: Isolation;
  /** Bytes asked for, up to `fetchBytes`. Below that a first batch which is larger comes back as nothing. */
  readonly bytes: number;
};

/** A question of this size has a request to itself, and a larger batch comes whole all the same (KIP-74). */
export const fetchBytes = 1_048_576;

/** Partitions and bytes of a request that small questions share. */
const sharedPartitions = 500;
const sharedBytes = 8 * 1_048_576;

/** Asks this broker. Small questions that are asked at the same moment share requests. */
export type Fetches = (leader: number, question: Question) => Promise<Fetched>;

export function createFetches(metadata: Pick<Metadata, "broker">): Fetches {
  const lanes = new Map<string, Lane<Question, Fetched>>();

  function open(leader: number, isolation: Isolation, whole: boolean): Lane<Question, Fetched> {
    return createLane({
      async send(questions: readonly Question[]) {
        const node = await metadata.broker(leader, "reads");
        return node.send(fetchRequest(questions, isolation));
      },
      key: ({ where }) => `${where.topic} ${where.partition}`,
      weight: ({ bytes }) => bytes,
      most: whole ? 1 : sharedPartitions,
      heaviest: sharedBytes,
      atOnce: whole ? 8 : 2,
    });
  }

  return (leader, question) => {
    const whole = question.bytes >= fetchBytes;
    const name = `${leader} ${question.isolation} ${whole}`;
    const lane = lanes.get(name) ?? open(leader, question.isolation, whole);
    lanes.set(name, lane);
    return lane.ask(question);
  };
}

/** Fields by version: KIP-98 (4), KIP-107 (5), KIP-227 (7), KIP-320 (9), KIP-110 for zstd (10), KIP-392 (11). */
function fetchRequest(questions: readonly Question[], isolation: Isolation): Request<readonly Fetched[]> {
  const topics = [...Map.groupBy(questions, ({ where }) => where.topic)];
  const total = questions.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    key: 1,
    name: "Fetch",
    min: 4,
    max: 11,
    encode(writer, version) {
      writer.i32(-1); // an ordinary client, not a replica
      writer.i32(500); // milliseconds a tiered read may take
      writer.i32(0); // answer at once
      writer.i32(total);
      writer.i8(isolation === "read-committed" ? 1 : 0);
      if (version >= 7) {
        writer.i32(0); // no fetch session
        writer.i32(-1);
      }
      writer.array(topics, ([topic, mine]) => {
        writer.text(topic);
        writer.array(mine, ({ where, from, bytes }) => {
          writer.i32(where.partition);
          if (version >= 9) writer.i32(-1);
          writer.i64(from);
          if (version >= 5) writer.i64(-1);
          writer.i32(bytes);
        });
      });
      if (version >= 7) writer.array([], () => {});
      if (version >= 11) writer.text("");
    },
    decode: (reader, version) => readAnswer(reader, version, questions),
  };
}

type Part = Omit<Fetched, "throttled">;

const absent: Part = {
  error: code.unknownTopic,
  highWatermark: -1,
  lastStable: -1,
  aborted: [],
  bytes: Buffer.alloc(0),
};

function readAnswer(reader: Reader, version: number, questions: readonly Question[]): readonly Fetched[] {
  reader.throttle();
  const whole = version >= 7 ? reader.i16() : 0;
  if (version >= 7) reader.i32();
  const topics = new Map<string, Map<number, Part>>();
  reader.array(() => {
    const topic = reader.text();
    const parts = topics.get(topic) ?? new Map<number, Part>();
    topics.set(topic, parts);
    reader.array(() => parts.set(reader.i32(), readPart(reader, version)));
  });
  const throttled = reader.throttled();
  return questions.map(({ where }) => {
    const part = topics.get(where.topic)?.get(where.partition) ?? absent;
    return { ...part, error: whole || part.error, throttled };
  });
}

function readPart(reader: Reader, version: number): Part {
  const error = reader.i16();
  const highWatermark = reader.i64();
  const lastStable = reader.i64();
  if (version >= 5) reader.i64();
  const aborted = reader.array(() => ({ producerId: reader.i64(), firstOffset: reader.i64() }));
  if (version >= 11) reader.i32();
  return { error, highWatermark, lastStable, aborted, bytes: reader.bytes() ?? Buffer.alloc(0) };
}
