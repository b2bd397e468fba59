import { describe, expect, it } from "vitest";
import { createCheckpoints, decodeCheckpoint } from "#domain/mirror/checkpoints.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";

const topic = "ferry-source.checkpoints.internal";
const config = {
  "source.cluster.alias": "ferry-source",
  topics: "orders,pay\\.ments",
  groups: "billing,nightly",
};

function checkpoint(group: string, name: string, partition: number, upstream: number, downstream: number) {
  const key = Buffer.concat([string(group), string(name), int32(partition)]);
  const value = Buffer.concat([Buffer.from([0, 0]), int64(upstream), int64(downstream), string("")]);
  return { key, value };
}

function string(text: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeInt16BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

describe("MirrorMaker's checkpoints", () => {
  it("are read as mirror-client writes them", () => {
    const record = checkpoint("billing", "orders", 7, 5_000_000_000, 4_999_999_999);
    expect(decodeCheckpoint(record)).toEqual({
      group: "billing",
      topic: "orders",
      partition: 7,
      downstream: 4_999_999_999,
    });
    expect(decodeCheckpoint({ key: record.key, value: null })).toBeUndefined();
    expect(decodeCheckpoint({ key: Buffer.from([0, 9, 1]), value: record.value })).toBeUndefined();
    expect(decodeCheckpoint({ key: record.key, value: Buffer.from([0, 1, 2]) })).toBeUndefined();
  });

  it("count with their newest one, of the flow's own groups and topics, from reading to reading", async () => {
    const target = createFakeKafka({ role: "target" });
    const read = createCheckpoints();
    expect(await read(config, target.cluster)).toMatchObject({ known: false });
    target.addTopic(topic);
    const write = (...given: Parameters<typeof checkpoint>) => target.append(topic, 0, checkpoint(...given));
    write("billing", "orders", 1, 10, 10);
    write("billing", "orders", 1, 20, 19);
    write("billing", "pay.ments", 0, 3, 2);
    write("billing", "other", 0, 3, 2);
    write("stranger", "orders", 0, 3, 2);
    const first = await read(config, target.cluster);
    expect(first).toEqual({
      known: true,
      value: new Map([
        [
          "billing",
          new Map([
            ["orders", [undefined, 19]],
            ["pay.ments", [2]],
          ]),
        ],
        ["nightly", new Map()],
      ]),
    });
    write("nightly", "orders", 0, 8, 7);
    const reads = target.calls.filter((call) => call === "read").length;
    const second = await read(config, target.cluster);
    expect(second.known && second.value.get("nightly")).toEqual(new Map([["orders", [7]]]));
    expect(second.known && second.value.get("billing")?.get("orders")).toEqual([undefined, 19]);
    expect(target.calls.filter((call) => call === "read").length).toBe(reads + 1);
    target.addTopic(topic);
    const anew = await read(config, target.cluster);
    expect(anew.known && anew.value.get("billing")).toEqual(new Map());
  });

  it("are unknown without a connector", async () => {
    const target = createFakeKafka({ role: "target" });
    expect(await createCheckpoints()(undefined, target.cluster)).toMatchObject({ known: false });
  });
});
