import { expect, it } from "vitest";
import type { Node, Request } from "#adapters/kafka/connection.ts";
import { createLastCommits } from "#adapters/kafka/last-commits.ts";
import type { Metadata } from "#adapters/kafka/metadata.ts";
import { createReader, createWriter, type Writer } from "#adapters/kafka/wire.ts";
import type { Topic } from "#domain/topology.ts";
import { createHandClock } from "#support/hand-clock.ts";

/** A log of commits, one in each offset, of which a fetch brings a few hundred. */

const end = 10_000;

type GroupAt = (offset: number) => string;

function groupAt(offset: number): string {
  if (offset === 2_100 || offset === 5_000) return "billing";
  return offset === 9_600 ? "audit" : "other";
}

function written(write: (writer: Writer) => void): Buffer {
  const writer = createWriter();
  write(writer);
  return Buffer.from(writer.done());
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}

/** Of this group, at a time that is its own offset. */
function commitBatch(offset: number, group: string): Buffer {
  const key = written((writer) => {
    writer.i16(1);
    writer.text(group);
    writer.text("orders");
    writer.i32(0);
  });
  const value = written((writer) => {
    writer.i16(3);
    writer.i64(7);
    writer.i32(-1);
    writer.text("");
    writer.i64(offset);
  });
  const content = [varint(key.length), key, varint(value.length), value, varint(0)];
  const body = Buffer.concat([Buffer.from([0, 0, 0]), ...content]);
  const record = Buffer.concat([varint(body.length), body]);
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(offset), 0);
  head.writeInt32BE(61 - 12 + record.length, 8);
  head.writeInt8(2, 16);
  head.writeBigInt64BE(BigInt(offset), 27);
  head.writeBigInt64BE(BigInt(offset), 35);
  head.writeBigInt64BE(-1n, 43);
  head.writeInt32BE(1, 57);
  return Buffer.concat([head, record]);
}

function answerFrom(from: number, perFetch: number, groupAt: GroupAt): Buffer {
  const count = Math.min(perFetch, end - from);
  const batches = Array.from({ length: count }, (_, at) => commitBatch(from + at, groupAt(from + at)));
  const bytes = Buffer.concat(batches);
  const head = written((writer) => {
    writer.i32(0);
    writer.array(["__consumer_offsets"], (topic) => {
      writer.text(topic);
      writer.array([0], (partition) => {
        writer.i32(partition);
        writer.i16(0);
        writer.i64(end);
        writer.i64(end);
        writer.array([], () => {});
        writer.i32(bytes.length);
      });
    });
  });
  return Buffer.concat([head, bytes]);
}

/** Of a Fetch of version 4, which asks for one partition. */
function offsetAsked<T>(request: Request<T>): number {
  const reader = createReader(written((writer) => request.encode(writer, 4)));
  reader.skip(4 * 4 + 1 + 4);
  reader.text();
  reader.skip(4 + 4);
  return reader.i64();
}

function lastCommitsOf(perFetch: number, groupAt: GroupAt) {
  const topic: Topic = {
    name: "__consumer_offsets",
    internal: true,
    partitions: [{ id: 0, leader: 1, replicas: [1], isr: [1] }],
  };
  const node: Node = {
    address: "broker-1",
    versions: new Map(),
    send: async (request) =>
      request.decode(createReader(answerFrom(offsetAsked(request), perFetch, groupAt)), 4),
  };
  const topics = new Map([[topic.name, topic]]);
  const metadata: Metadata = {
    view: async () => ({ clusterId: "c", controller: 1, brokers: new Map() }),
    all: async () => [topic],
    topics: async () => topics,
    existing: async () => topics,
    forget: () => {},
    broker: async () => node,
    any: async () => node,
    ask: (request) => node.send(request),
  };
  const offsets = {
    offsets: async (_: readonly string[], which: string) =>
      new Map([[topic.name, [which === "end" ? end : 0]]]),
  };
  return createLastCommits("source", metadata, offsets, createHandClock());
}

it("knows the last commit of each group that it has read, and what it has read", async () => {
  const found = await lastCommitsOf(5_000, groupAt).lastCommits(["billing", "audit", "absent"]);
  expect(found.get("billing")).toEqual({ known: true, value: 5_000 });
  expect(found.get("audit")).toEqual({ known: true, value: 9_600 });
  const why = expect.stringContaining("the newest 8000 offsets of __consumer_offsets-0, since 1970");
  expect(found.get("absent")).toEqual({ known: false, why });
});

it("calls no commit the last one when it has left out what came behind it", async () => {
  const found = await lastCommitsOf(300, groupAt).lastCommits(["billing", "audit"]);
  expect(found.get("audit")).toEqual({ known: true, value: 9_600 });
  const why = expect.stringMatching(/^the newest 500 offsets of __consumer_offsets-0/);
  expect(found.get("billing")).toEqual({ known: false, why });
});

it("nor when it did not get to the end", async () => {
  const found = await lastCommitsOf(100, groupAt).lastCommits(["audit"]);
  expect(found.get("audit")).toEqual({ known: false, why: expect.stringContaining("too much to read") });
});
