import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import { kindNames, survivors } from "#support/record-kinds.ts";
import { lags, openRecordMatrix, type RecordMatrix } from "#support/record-matrix.ts";

/**
 * One migration of six kinds of records, four groups on each, behind by 0, 1, 1,000 and 100,000 records at each switch
 * that the log still holds. Forth, back, forth, producers too, and back again, by the bot's own jobs.
 *
 * Each record exactly once means, by the applications' own logs over all five switches and both clusters:
 * - no record is read twice, none that was aborted, and in each partition all in the order they were written;
 * - on a topic that is not compacted: every record from where the group began to the last one written;
 * - on the compacted one: every record behind where the group began that the log still holds at the end. Others were
 *   replaced by a newer one of their key; they may be read before that happens, and then once.
 */

let matrix: RecordMatrix;

beforeAll(async () => {
  matrix = await openRecordMatrix(inject("clusters"));
}, 300_000);

afterAll(() => matrix.close());

it("mirrors all kinds, with gaps on both sides where the logs are compacted", async () => {
  await matrix.untilMirrored();
  const { source, target } = await matrix.compacted();
  expect(Math.min(source, target)).toBeGreaterThan(1000);
}, 300_000);

it("moves consumers that are behind, and takes them back behind by as much", async () => {
  await matrix.carryOut(cutoverConsumers);
  await matrix.writeAndHold(1300);
  await matrix.carryOut(rollback);
  await matrix.writeAndHold(1300);
  expect(matrix.places()).toEqual({ readers: ["source"], writer: "source" });
}, 300_000);

it("moves them again, and they read everything there", async () => {
  await matrix.carryOut(cutoverConsumers);
  await matrix.readAll();
  expect(matrix.places()).toEqual({ readers: ["target"], writer: "source" });
}, 300_000);

it("moves producers, whose records then are on the target only", async () => {
  await matrix.carryOut(cutoverProducers);
  await matrix.writeAndHold(101_000);
  expect(matrix.places()).toEqual({ readers: ["target"], writer: "target" });
}, 300_000);

it("takes everything back, and goes on on the source", async () => {
  await matrix.carryOut(rollback);
  await matrix.writeAndHold(200);
  await matrix.readAll();
  expect(matrix.places()).toEqual({ readers: ["source"], writer: "source" });
}, 300_000);

describe("over all switches", () => {
  for (const kind of kindNames) {
    it.each(lags)(`${kind}: a group behind by %i has read each record once`, async (lag) => {
      const { start, read, last } = matrix.logOf(kind, lag);
      const seqs = read.map(({ seq }) => seq);
      expect(new Set(read.map(({ cluster }) => cluster))).toEqual(new Set(["source", "target"]));
      expect(seqs.length).toBe(new Set(seqs).size);
      for (const parity of [0, 1]) {
        const own = seqs.filter((seq) => seq % 2 === parity);
        expect(own).toEqual(own.toSorted((one, other) => one - other));
      }
      const held = await matrix.heldOnSource(kind);
      const wanted = new Set([...survivors(kind, last), ...held].filter((seq) => seq > start));
      const had = new Set(seqs);
      expect([...wanted].filter((seq) => !had.has(seq))).toEqual([]);
      expect(seqs.filter((seq) => !(seq > start && seq <= last))).toEqual([]);
    });
  }
});
