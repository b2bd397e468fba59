import { expect, it } from "vitest";
import type { Node, Request } from "#adapters/kafka/connection.ts";
import { createQuotas } from "#adapters/kafka/quotas.ts";
import { createReader, createWriter } from "#adapters/kafka/wire.ts";
import type { Clock } from "#domain/ports.ts";

const describeQuotas = 48;

/** A cluster that takes each change of a quota and shows it after so many reads. */
function slowTo(shows: number, rate: number | undefined) {
  let reads = 0;
  async function ask<T>(request: Request<T>): Promise<T> {
    const writer = createWriter();
    writer.i32(0);
    if (request.key !== describeQuotas) {
      writer.array(["altered"], () => {
        writer.i16(0);
        writer.text(null);
        writer.array([], () => {});
      });
      return await request.decode(createReader(writer.done()), 0);
    }
    reads += 1;
    const rates = reads > shows && rate !== undefined ? [rate] : [];
    writer.i16(0);
    writer.text(null);
    writer.array(rates, (value) => {
      writer.array([], () => {});
      writer.array([value], () => {
        writer.text("producer_byte_rate");
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleBE(value);
        writer.i32(bytes.readInt32BE(0));
        writer.i32(bytes.readInt32BE(4));
      });
    });
    return await request.decode(createReader(writer.done()), 0);
  }
  const node: Pick<Node, "versions"> = { versions: new Map([[describeQuotas, { min: 0, max: 0 }]]) };
  const metadata: Parameters<typeof createQuotas>[1] = { any: async () => node, ask };
  let now = 0;
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
  return { quotas: createQuotas("target", metadata, clock), reads: () => reads };
}

it("waits until a quota is seen", async () => {
  const { quotas, reads } = slowTo(3, 1_500_000);
  await quotas.limitProduce("mirror", 1_500_000);
  expect(reads()).toBe(4);
});

it("does not say that a quota holds which is never seen", async () => {
  const { quotas } = slowTo(Number.POSITIVE_INFINITY, undefined);
  await expect(quotas.limitProduce("mirror", 1_500_000)).rejects.toMatchObject({
    code: "E_INCOMPLETE",
    message: "producer_byte_rate of mirror on the target was set to 1500000 bytes/s and still reads no limit",
  });
});
