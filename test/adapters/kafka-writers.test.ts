import { expect, it } from "vitest";
import { tally } from "#adapters/kafka/writers.ts";
import type { Writer } from "#domain/topology.ts";

type Shape = {
  /** Offsets of the records it still has, from its base offset on. */
  readonly deltas: readonly number[];
  readonly lastDelta?: number;
  readonly producerId?: number;
  readonly attributes?: number;
};

const transactional = 0x10;
const control = 0x20;

/** A record batch (https://kafka.apache.org/documentation/#recordbatch) of small records; timestamps are 1000 + 5 per offset. */
function batch(base: number, shape: Shape): Buffer {
  const { deltas, lastDelta = deltas.at(-1) ?? 0, producerId = -1, attributes = 0 } = shape;
  // Length, attributes, timestamp delta and offset delta as zigzag, no key, no value, no headers.
  const records = deltas.map((delta) => Buffer.from([12, 0, delta * 10, delta * 2, 1, 1, 0]));
  const body = Buffer.concat(records);
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(base), 0);
  header.writeInt32BE(61 - 12 + body.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(lastDelta, 23);
  header.writeBigInt64BE(1000n, 27);
  header.writeBigInt64BE(BigInt(1000 + (deltas.at(-1) ?? 0) * 5), 35);
  header.writeBigInt64BE(BigInt(producerId), 43);
  header.writeInt32BE(deltas.length, 57);
  return Buffer.concat([header, body]);
}

async function tallied(pieces: readonly Buffer[], from: number, until: number) {
  const found = new Map<number, Writer>();
  const next = await tally(found, Buffer.concat(pieces), { from, until });
  return { next, writers: [...found.values()] };
}

it("counts what compaction left of a batch, exactly where the range cuts it", async () => {
  const sparse = batch(100, { deltas: [0, 3, 4, 9], lastDelta: 11 });
  const plain = { producerId: -1, transactional: false };
  expect(await tallied([sparse], 0, 200)).toEqual({
    next: 112,
    writers: [{ ...plain, records: 4, firstOffset: 100, lastOffset: 111, lastTimestamp: 1045 }],
  });
  expect(await tallied([sparse], 102, 109)).toEqual({
    next: 112,
    writers: [{ ...plain, records: 2, firstOffset: 103, lastOffset: 104, lastTimestamp: 1020 }],
  });
  expect(await tallied([sparse], 110, 200)).toEqual({ next: 112, writers: [] });
});

it("passes over control batches and batches that compaction emptied", async () => {
  const pieces = [
    batch(0, { deltas: [0, 1], producerId: 7, attributes: transactional }),
    batch(2, { deltas: [0], producerId: 7, attributes: transactional | control }),
    batch(3, { deltas: [], lastDelta: 4, producerId: 8 }),
    batch(8, { deltas: [0], producerId: 9 }),
  ];
  expect(await tallied(pieces, 0, 9)).toEqual({
    next: 9,
    writers: [
      { producerId: 7, transactional: true, records: 2, firstOffset: 0, lastOffset: 1, lastTimestamp: 1005 },
      { producerId: 9, transactional: false, records: 1, firstOffset: 8, lastOffset: 8, lastTimestamp: 1000 },
    ],
  });
});

it("goes on where a cut answer ends, and not past the range", async () => {
  const pieces = [batch(0, { deltas: [0, 1] }), batch(2, { deltas: [0, 1] }).subarray(0, 70)];
  expect(await tallied(pieces, 0, 9)).toMatchObject({ next: 2, writers: [{ records: 2 }] });
  const more = [batch(0, { deltas: [0, 1] }), batch(2, { deltas: [0, 1] }), batch(4, { deltas: [0] })];
  expect(await tallied(more, 0, 3)).toMatchObject({ next: 4, writers: [{ records: 3, lastOffset: 2 }] });
});
