import type { Reader, Writer } from "#adapters/kafka/wire.ts";
import type { Api, FakeGroup, Model } from "./model.ts";

/** How each API of the fake brokers reads a request and writes its answer. https://kafka.apache.org/protocol */

export type Question = {
  readonly model: Model;
  /** The one that is asked. */
  readonly broker: number;
  readonly version: number;
  readonly reader: Reader;
};

export type Answering = {
  readonly name: Api;
  readonly min: number;
  readonly max: (model: Model) => number;
  /** From this version on headers carry tagged fields. */
  readonly flexibleFrom?: number;
  readonly answer: (question: Question, writer: Writer) => void;
};

const unknownTopic = 3;
const leaderNotAvailable = 5;
const notLeader = 6;
const notCoordinator = 16;

export const apis: ReadonlyMap<number, Answering> = new Map<number, Answering>([
  [2, { name: "ListOffsets", min: 2, max: () => 2, answer: listOffsets }],
  [3, { name: "Metadata", min: 4, max: () => 5, answer: metadata }],
  [
    9,
    {
      name: "OffsetFetch",
      min: 3,
      max: ({ offsetFetch }) => offsetFetch,
      flexibleFrom: 6,
      answer: offsetFetch,
    },
  ],
  [10, { name: "FindCoordinator", min: 1, max: () => 4, flexibleFrom: 3, answer: findCoordinator }],
  [15, { name: "DescribeGroups", min: 1, max: () => 4, answer: describeGroups }],
  [16, { name: "ListGroups", min: 1, max: () => 2, answer: listGroups }],
  [18, { name: "ApiVersions", min: 0, max: () => 2, answer: apiVersions }],
]);

/** A client that asks with a newer version is told the versions in the oldest form. */
function apiVersions({ model, version }: Question, writer: Writer): void {
  const tooNew = version > 2;
  writer.i16(tooNew ? 35 : 0);
  writer.array([...apis], ([key, { min, max }]) => {
    writer.i16(key);
    writer.i16(min);
    writer.i16(max(model));
  });
  if (version >= 1 && !tooNew) writer.i32(0);
}

function metadata({ model, broker, reader, version }: Question, writer: Writer): void {
  const count = reader.i32();
  const names = count < 0 ? [...model.topics.keys()] : times(count, reader.text);
  writer.i32(0);
  const up = [...model.ports].filter(([id]) => !model.down.has(id));
  writer.array(up, ([id, port]) => {
    writer.i32(id);
    writer.text("127.0.0.1");
    writer.i32(port);
    writer.text(null);
  });
  writer.text("fake-brokers");
  writer.i32(up[0]?.[0] ?? -1);
  writer.array(names, (topic) => {
    const found = model.topics.get(topic);
    const error = model.errorAt({ api: "Metadata", broker, topic }) || (found ? 0 : unknownTopic);
    writer.i16(error);
    writer.text(topic);
    writer.bool(false);
    const partitions = error === 0 ? [...(found ?? []).entries()] : [];
    writer.array(partitions, ([id, { leader }]) => {
      const isUp = leader >= 0 && !model.down.has(leader);
      writer.i16(isUp ? 0 : leaderNotAvailable);
      writer.i32(id);
      writer.i32(isUp ? leader : -1);
      writer.array([leader], writer.i32);
      writer.array(isUp ? [leader] : [], writer.i32);
      if (version >= 5) writer.array([], writer.i32);
    });
  });
}

function listOffsets({ model, broker, reader }: Question, writer: Writer): void {
  reader.i32();
  const isolation = reader.i8();
  writer.i32(0);
  const topics = reader.array(() => ({
    topic: reader.text(),
    rows: reader.array(() => ({ partition: reader.i32(), timestamp: reader.i64() })),
  }));
  writer.array(topics, ({ topic, rows }) => {
    writer.text(topic);
    writer.array(rows, ({ partition, timestamp }) => {
      const found = model.topics.get(topic)?.[partition];
      const wrong = found === undefined ? unknownTopic : found.leader === broker ? 0 : notLeader;
      const error = model.errorAt({ api: "ListOffsets", broker, topic, partition }) || wrong;
      writer.i32(partition);
      writer.i16(error);
      writer.i64(-1);
      const end = isolation === 1 ? found?.stable : found?.end;
      const offset = timestamp === -2 ? found?.start : end;
      writer.i64(error === 0 ? (offset ?? -1) : -1);
    });
  });
}

function findCoordinator({ model, broker, reader, version }: Question, writer: Writer): void {
  const group = version < 4 ? reader.text() : "";
  reader.i8();
  const groups = version < 4 ? [group] : reader.compactArray(reader.compactText);
  writer.i32(0);
  const one = (id: string) => {
    const { coordinator } = model.groups.get(id) ?? { coordinator: 1 };
    const isUp = !model.down.has(coordinator);
    const error = model.errorAt({ api: "FindCoordinator", broker, group: id }) || (isUp ? 0 : 15);
    return { id, error, node: isUp ? coordinator : -1, port: model.ports.get(coordinator) ?? 0 };
  };
  if (version < 4) {
    const { error, node, port } = one(group);
    writer.i16(error);
    writer.text(null);
    writer.i32(node);
    writer.text("127.0.0.1");
    writer.i32(port);
    return;
  }
  writer.compactArray(groups.map(one), ({ id, error, node, port }) => {
    writer.compactText(id);
    writer.i32(node);
    writer.compactText("127.0.0.1");
    writer.i32(port);
    writer.i16(error);
    writer.compactText(null);
    writer.tags();
  });
  writer.tags();
}

/** The error of a whole group: who is asked about a group that somebody else coordinates knows nothing of it. */
function groupError({ model, broker }: Question, api: Api, group: string): number {
  const { coordinator } = model.groups.get(group) ?? { coordinator: 1 };
  return model.errorAt({ api, broker, group }) || (coordinator === broker ? 0 : notCoordinator);
}

function offsetFetch(question: Question, writer: Writer): void {
  const { reader, version } = question;
  if (version >= 8) return offsetFetchMany(question, writer);
  const group = reader.text();
  writer.i32(0);
  const error = groupError(question, "OffsetFetch", group);
  writer.array(error === 0 ? committed(question, group) : [], ({ topic, rows }) => {
    writer.text(topic);
    writer.array(rows, ({ partition, offset, error: own }) => {
      writer.i32(partition);
      writer.i64(offset);
      writer.text("");
      writer.i16(own);
    });
  });
  writer.i16(error);
}

function offsetFetchMany(question: Question, writer: Writer): void {
  const { reader } = question;
  const groups = reader.compactArray(() => {
    const group = reader.compactText();
    skipTopics(reader);
    return group;
  });
  writer.i32(0);
  writer.compactArray(groups, (group) => {
    const error = groupError(question, "OffsetFetch", group);
    writer.compactText(group);
    writer.compactArray(error === 0 ? committed(question, group) : [], ({ topic, rows }) => {
      writer.compactText(topic);
      writer.compactArray(rows, ({ partition, offset, error: own }) => {
        writer.i32(partition);
        writer.i64(offset);
        writer.i32(-1);
        writer.compactText("");
        writer.i16(own);
        writer.tags();
      });
      writer.tags();
    });
    writer.i16(error);
    writer.tags();
  });
  writer.tags();
}

/** The topics that the client asks for; the answer has all of them. */
function skipTopics(reader: Reader): void {
  reader.compactArray(() => {
    reader.compactText();
    reader.compactArray(reader.i32);
    reader.tags();
  });
  reader.tags();
}

type Row = { readonly partition: number; readonly offset: number; readonly error: number };

function committed(
  { model, broker }: Question,
  group: string,
): ReadonlyArray<{ readonly topic: string; readonly rows: readonly Row[] }> {
  const { offsets } = model.groups.get(group) ?? { offsets: new Map<string, readonly number[]>() };
  return [...offsets].map(([topic, cells]) => ({
    topic,
    rows: cells.flatMap((offset, partition) => {
      if (offset === undefined) return [];
      const error = model.errorAt({ api: "OffsetFetch", broker, group, topic, partition });
      return [{ partition, offset: error === 0 ? offset : -1, error }];
    }),
  }));
}

function describeGroups(question: Question, writer: Writer): void {
  const { model, reader, version } = question;
  const ids = reader.array(reader.text);
  writer.i32(0);
  writer.array(ids, (id) => {
    const error = groupError(question, "DescribeGroups", id);
    const { state, members } = (error === 0 ? model.groups.get(id) : undefined) ?? absent;
    writer.i16(error);
    writer.text(id);
    writer.text(state);
    writer.text(state === "Dead" ? "" : "consumer");
    writer.text("range");
    writer.array(members, (member) => {
      writer.text(`${member}-1`);
      if (version >= 4) writer.text(null);
      writer.text(member);
      writer.text("/127.0.0.1");
      writer.i32(0);
      writer.i32(0);
    });
    if (version >= 3) writer.i32(-1);
  });
}

const absent: Pick<FakeGroup, "state" | "members"> = { state: "Dead", members: [] };

function listGroups({ model, broker }: Question, writer: Writer): void {
  writer.i32(0);
  const error = model.errorAt({ api: "ListGroups", broker });
  writer.i16(error);
  const mine = [...model.groups].filter(([, { coordinator }]) => error === 0 && coordinator === broker);
  writer.array(mine, ([id]) => {
    writer.text(id);
    writer.text("consumer");
  });
}

function times<T>(count: number, each: () => T): T[] {
  return Array.from({ length: count }, each);
}
