import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  type Batch,
  batchesOf,
  createAbortFilter,
  holdsBatch,
  recordsOf,
} from "#adapters/kafka/record-batches.ts";
import type { KafkaRecord } from "#domain/topology.ts";

type Draft = {
  readonly delta: number;
  readonly value: string | null;
  readonly headers?: ReadonlyArray<readonly [string, string | null]>;
};

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}

function blob(text: string | null): Buffer {
  return text === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)]);
}

function record({ delta, value, headers = [] }: Draft): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(delta * 10),
    varint(delta),
    blob(null),
    blob(value),
    varint(headers.length),
    ...headers.flatMap(([name, content]) => [blob(name), blob(content)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

type Options = { attributes?: number; producerId?: number; lastDelta?: number; maxTimestamp?: number };

function batch(base: number, drafts: readonly Draft[], options: Options = {}): Buffer {
  const {
    attributes = 0,
    producerId = -1,
    lastDelta = drafts.at(-1)?.delta ?? 0,
    maxTimestamp = 5000,
  } = options;
  const plain = Buffer.concat(drafts.map(record));
  const body = (attributes & 7) === 1 ? gzipSync(plain) : plain;
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(base), 0);
  header.writeInt32BE(61 - 12 + body.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(lastDelta, 23);
  header.writeBigInt64BE(1000n, 27);
  header.writeBigInt64BE(BigInt(maxTimestamp), 35);
  header.writeBigInt64BE(BigInt(producerId), 43);
  header.writeInt32BE(drafts.length, 57);
  return Buffer.concat([header, body]);
}

async function decode(bytes: Buffer): Promise<readonly KafkaRecord[]> {
  const records = await Promise.all([...batchesOf(bytes)].map(recordsOf));
  return records.flat();
}

it("keeps headers in order, with duplicates, without a value and empty", async () => {
  const headers: Draft["headers"] = [
    ["b", "1"],
    ["a", null],
    ["b", "2"],
    ["", ""],
  ];
  const [found] = await decode(batch(7, [{ delta: 0, value: "v", headers }]));
  expect(found?.headers).toEqual([
    ["b", Buffer.from("1")],
    ["a", null],
    ["b", Buffer.from("2")],
    ["", Buffer.from("")],
  ]);
});

it("knows where to go on after compaction took records, the last ones too", async () => {
  const bytes = batch(100, [{ delta: 3, value: "x" }], { lastDelta: 50 });
  expect((await decode(bytes)).map(({ offset, timestamp }) => [offset, timestamp])).toEqual([[103, 1030]]);
  expect([...batchesOf(bytes)].map(({ lastOffset }) => lastOffset)).toEqual([150]);
});

it("leaves out a last batch that the broker cut short", async () => {
  const whole = batch(0, [{ delta: 0, value: "a" }]);
  const cut = batch(1, [{ delta: 0, value: "b" }]);
  for (let length = 0; length < cut.length; length += 1) {
    const found = await decode(Buffer.concat([whole, cut.subarray(0, length)]));
    expect(found.map(({ offset }) => offset)).toEqual([0]);
    expect(holdsBatch(cut.subarray(0, length))).toBe(false);
  }
  expect(holdsBatch(cut)).toBe(true);
});

it("decompresses, and takes the broker's time where the batch says so", async () => {
  const [found] = await decode(
    batch(0, [{ delta: 4, value: "z" }], { attributes: 1 | 8, maxTimestamp: 9999 }),
  );
  expect(found).toMatchObject({ offset: 4, timestamp: 9999, value: Buffer.from("z") });
});

it("says which codec or bytes it cannot read", async () => {
  await expect(decode(batch(0, [{ delta: 0, value: "z" }], { attributes: 7 }))).rejects.toMatchObject({
    code: "E_KAFKA",
    message: expect.stringContaining("codec 7"),
  });
  const broken = batch(0, [{ delta: 0, value: "z" }]);
  broken.writeInt16BE(4, 21);
  await expect(decode(broken)).rejects.toMatchObject({ code: "E_KAFKA" });
});

it("leaves out aborted transactions and markers, and nothing else", () => {
  const one = { attributes: 16, producerId: 1 };
  const two = { attributes: 16, producerId: 2 };
  const marker = { attributes: 16 | 32, producerId: 1 };
  const data: readonly Draft[] = [{ delta: 0, value: "v" }];
  const log: readonly Batch[] = [
    ...batchesOf(
      Buffer.concat([
        batch(0, data, one), // aborted
        batch(1, data, two),
        batch(2, data), // no transaction
        batch(3, data, marker),
        batch(4, data, one), // the same producer's next transaction
      ]),
    ),
  ];
  const skip = createAbortFilter([{ producerId: 1, firstOffset: 0 }]);
  expect(log.map(skip)).toEqual([true, false, false, true, false]);
});

it("reads message format 1, alone and in a compressed wrapper", async () => {
  const inner = Buffer.concat([message(0, 10, Buffer.from("a")), message(1, 20, Buffer.from("b"))]);
  const log = Buffer.concat([message(5, 7, Buffer.from("x")), message(9, 20, gzipSync(inner), 1)]);
  expect(
    (await decode(log)).map(({ offset, timestamp, value }) => [offset, timestamp, `${value?.toString()}`]),
  ).toEqual([
    [5, 7, "x"],
    [8, 10, "a"],
    [9, 20, "b"],
  ]);
});

/** Message format 1, without a key. */
function message(offset: number, timestamp: number, value: Buffer, attributes = 0): Buffer {
  const bytes = Buffer.alloc(34 + value.length);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt32BE(22 + value.length, 8);
  bytes.writeInt8(1, 16);
  bytes.writeInt8(attributes, 17);
  bytes.writeBigInt64BE(BigInt(timestamp), 18);
  bytes.writeInt32BE(-1, 26);
  bytes.writeInt32BE(value.length, 30);
  value.copy(bytes, 34);
  return bytes;
}
