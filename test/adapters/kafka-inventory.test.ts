import { describe, expect, it } from "vitest";
import { readBrokerConfigs } from "#adapters/kafka/broker-configs.ts";
import type { Request } from "#adapters/kafka/connection.ts";
import { featuresRequest } from "#adapters/kafka/features.ts";
import { listRequest } from "#adapters/kafka/groups.ts";
import { partitionOf, readOffsetCommit } from "#adapters/kafka/offset-commits.ts";
import { readFirsts } from "#adapters/kafka/oldest.ts";
import { describeRequest } from "#adapters/kafka/quotas.ts";
import { sampleOf } from "#adapters/kafka/samples.ts";
import { scramRequest } from "#adapters/kafka/scram.ts";
import { shareGroupsRequest } from "#adapters/kafka/share-groups.ts";
import { createReader, createWriter, type Writer } from "#adapters/kafka/wire.ts";

function bytesOf<T>(request: Request<T>, version: number): string {
  const writer = createWriter();
  request.encode(writer, version);
  return writer.done().toString("hex");
}

async function answerOf<T>(request: Request<T>, version: number, hex: string): Promise<T> {
  return await request.decode(createReader(Buffer.from(hex, "hex")), version);
}

function written(write: (writer: Writer) => void) {
  const writer = createWriter();
  write(writer);
  return createReader(writer.done());
}

/** Answers are as brokers of 3.9.2 and 4.1.2 gave them, cut where they repeat themselves. */
describe("answers that were recorded", () => {
  it("tell features by a tag of ApiVersions, among other tags", async () => {
    const tags =
      "03001702116d657461646174612e76657273696f6e0007001b00010800000000000000380269050e67726f75702e76657273696f6e0001000100147472616e73616374696f6e2e76657273696f6e000200020021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e0001000100116d657461646174612e76657273696f6e001b001b00";
    const twoApis = ["000003", "00000000000d00", "00010004001200", "00000000"].join("");
    expect(await answerOf(featuresRequest, 3, `${twoApis}${tags}`)).toEqual({
      error: 0,
      features: [
        { name: "group.version", level: 1 },
        { name: "transaction.version", level: 2 },
        { name: "eligible.leader.replicas.version", level: 1 },
        { name: "metadata.version", level: 27 },
      ],
    });
    expect(bytesOf(featuresRequest, 3)).toBe("000a6d736b2d6665727279023100");
  });

  it("list groups with their types, and without where the broker is older", async () => {
    const five =
      "000000000000030a7265632d67726f75700106456d70747908636c61737369630008636f6e6e65637408636f6e6e65637407537461626c6508636c61737369630000";
    expect(await answerOf(listRequest, 5, five)).toEqual({
      error: 0,
      groups: [
        { id: "rec-group", protocolType: "", type: "classic" },
        { id: "connect", protocolType: "connect", type: "classic" },
      ],
    });
    const four = "000000000000020a7265632d67726f75700106456d7074790000";
    expect(await answerOf(listRequest, 4, four)).toEqual({
      error: 0,
      groups: [{ id: "rec-group", protocolType: "" }],
    });
    const one = "000000000000000000010001670008636f6e73756d6572";
    expect(await answerOf(listRequest, 1, one)).toEqual({
      error: 0,
      groups: [{ id: "g", protocolType: "consumer" }],
    });
    expect([1, 3, 4, 5].map((version) => bytesOf(listRequest, version))).toEqual([
      "",
      "00",
      "0100",
      "010100",
    ]);
  });

  it("name SCRAM users with their mechanisms", async () => {
    const hex = "000000000000010304626f62000001020100001000000006616c696365000001020200001000000000";
    expect(await answerOf(scramRequest, 0, hex)).toEqual({
      error: 0,
      detail: "",
      users: [
        { name: "bob", error: 0, mechanisms: ["SCRAM-SHA-256"] },
        { name: "alice", error: 0, mechanisms: ["SCRAM-SHA-512"] },
      ],
    });
    expect(bytesOf(scramRequest, 0)).toBe("0000");
  });

  it("name the limits of each entity", async () => {
    const hex =
      "000000000000000000000001000000010009636c69656e742d6964000a7265632d636c69656e7400000001001270726f64756365725f627974655f726174654136e36000000000";
    expect(await answerOf(describeRequest(), 0, hex)).toEqual({
      error: 0,
      detail: "",
      quotas: [
        { entity: [{ type: "client-id", name: "rec-client" }], limits: { producer_byte_rate: 1_500_000 } },
      ],
    });
    expect(bytesOf(describeRequest(), 0)).toBe("0000000000");
  });

  it("refuse share groups where the feature is off", async () => {
    const hex = "0000000002002300056e6f6e650100000000000000000101800000000000";
    expect(await answerOf(shareGroupsRequest(["none"]), 1, hex)).toEqual([
      { error: 35, id: "none", state: "Unknown", protocolType: "share", members: [] },
    ]);
    expect(bytesOf(shareGroupsRequest(["none"]), 1)).toBe("02056e6f6e650000");
  });

  it.each([
    ["3", "00030000000000000000ffffffff0000000001a20845c5cf", 1_795_435_120_079],
    ["4", "00040000000000000000ffffffff01000001a20845c6d000", 1_795_435_120_336],
  ])("hold the time of a commit in __consumer_offsets, version %s", (_, value, committedAt) => {
    const key = "0001001364756d702d67726f75702d3036383630323964000d64756d702d306561663561306200000000";
    expect(readOffsetCommit(Buffer.from(key, "hex"), Buffer.from(value, "hex"))).toEqual({
      group: "dump-group-0686029d",
      topic: "dump-0eaf5a0b",
      partition: 0,
      committedAt,
    });
  });
});

it("passes over what is no commit: a group's metadata, a tombstone, a version that it does not know", () => {
  const key = Buffer.from("000100016700017400000000", "hex");
  const value = Buffer.from("00030000000000000000ffffffff0000000001a20845c5cf", "hex");
  expect(readOffsetCommit(key, value)).toMatchObject({ group: "g", topic: "t" });
  expect(readOffsetCommit(key, null)).toBeUndefined();
  expect(readOffsetCommit(null, value)).toBeUndefined();
  expect(readOffsetCommit(Buffer.from("00020007636f6e6e656374", "hex"), value)).toBeUndefined();
  expect(readOffsetCommit(key, Buffer.from("0009", "hex"))).toBeUndefined();
  // Versions 0 to 2 have no leader epoch.
  const old = Buffer.from("000100000000000000070000000001a20845c5cf0000000000000000", "hex");
  expect(readOffsetCommit(key, old)).toMatchObject({ committedAt: 1_795_435_120_079 });
});

it("finds the partition of a group as Java does", () => {
  // "polygenelubricants".hashCode() is the smallest number; "billing".hashCode() is -109829509.
  expect(partitionOf("polygenelubricants", 50)).toBe(0);
  expect(partitionOf("billing", 50)).toBe(109_829_509 % 50);
  expect(partitionOf("a", 50)).toBe(97 % 50);
});

function entry(writer: Writer, name: string, value: string | null, source: number, standard?: string): void {
  writer.text(name);
  writer.text(value);
  writer.bool(false);
  writer.i8(source);
  writer.bool(false);
  const own = value === null ? [] : [[value, source] as const];
  const synonyms = standard === undefined ? own : [...own, [standard, 5] as const];
  writer.array(synonyms, ([text, from]) => {
    writer.text(name);
    writer.text(text);
    writer.i8(from);
  });
}

it("reads a broker's settings with Apache's defaults from their synonyms", () => {
  const reader = written((writer) => {
    writer.i32(0);
    writer.array(["1"], (id) => {
      writer.i16(0);
      writer.text(null);
      writer.i8(4);
      writer.text(id);
      const entries = [
        ["num.io.threads", "16", 4, "8"],
        ["super.users", null, 4, undefined],
        ["num.network.threads", "3", 5, undefined],
      ] as const;
      writer.array(entries, ([name, value, source, standard]) =>
        entry(writer, name, value, source, standard),
      );
    });
  });
  expect(readBrokerConfigs(reader).entries).toEqual([
    { name: "num.io.threads", value: "16", origin: "broker-static", default: "8" },
    { name: "super.users", value: null, origin: "broker-static", default: null },
    { name: "num.network.threads", value: "3", origin: "default", default: "3" },
  ]);
});

it("reads the timestamp of a partition's first record, and -1 where there is none", () => {
  const reader = written((writer) => {
    writer.i32(0);
    writer.array(["orders"], (topic) => {
      writer.text(topic);
      writer.array([1_700_000_000_000, -1], (timestamp) => {
        writer.i32(timestamp < 0 ? 1 : 0);
        writer.i16(0);
        writer.i64(timestamp);
        writer.i64(timestamp < 0 ? -1 : 7);
      });
    });
  });
  expect(readFirsts(reader)).toEqual([
    { topic: "orders", partition: 0, error: 0, timestamp: 1_700_000_000_000 },
    { topic: "orders", partition: 1, error: 0, timestamp: -1 },
  ]);
});

/** One batch of records with a key of one letter and no value; attributes as in its header. */
function batch(base: number, count: number, attributes = 0, producerId = -1): Buffer {
  const records = Array.from({ length: count }, (_, delta) =>
    Buffer.from([14, 0, delta * 2, delta * 2, 2, 0x6b, 1, 0]),
  );
  const body = Buffer.concat(records);
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(base), 0);
  header.writeInt32BE(49 + body.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(1000n, 27);
  header.writeBigInt64BE(BigInt(1000 + count - 1), 35);
  header.writeBigInt64BE(BigInt(producerId), 43);
  header.writeInt32BE(count, 57);
  return Buffer.concat([header, body]);
}

describe("a sample", () => {
  it("counts from the offset asked for to the most that is wanted, over batches of several writers", async () => {
    const bytes = Buffer.concat([
      batch(10, 3),
      batch(13, 1, 0x30, 7),
      batch(14, 4, 0x10, 7),
      batch(18, 2, 0, 9),
    ]);
    const sample = await sampleOf({ bytes }, 11, 5);
    expect(sample).toEqual({
      records: 5,
      bytes: 5,
      largestRecord: 1,
      largestBatch: 61 + 4 * 8,
      keyed: 5,
      withHeaders: 0,
      codecs: ["none"],
      batches: { plain: 1, idempotent: 1, transactional: 1 },
      firstTimestamp: 1001,
      newestTimestamp: 1002,
      keys: ["k", "k", "k", "k", "k"],
    });
  });

  it("is empty where only control records are, or nothing whole", async () => {
    const control = await sampleOf({ bytes: batch(10, 1, 0x30, 7) }, 10, 5);
    expect(control).toMatchObject({ records: 0, codecs: [], keys: [] });
    expect((await sampleOf({ bytes: batch(10, 3).subarray(0, 70) }, 10, 5)).records).toBe(0);
  });
});
