import { describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import { known } from "#domain/topology.ts";
import { openTransactions } from "#jobs/switch/gate-facts.ts";
import { openOnes } from "#jobs/switch/open-transactions.ts";
import { flatEnds, proveAllCopied, untilDrained } from "#jobs/switch/wave-mirror.ts";
import type { Work } from "#jobs/work.ts";
import type { FakeClient } from "#support/fake-producers.ts";
import { createSampleMigration, type SampleMigration, startMirroring } from "#support/sample-migration.ts";

/** What is said of producers that go on, and of transactions that stay open, while a switch waits. */

const forward = "ferry-orders-billing-forward";

type Bench = {
  readonly sample: SampleMigration;
  readonly work: Work;
  readonly wave: SampleMigration["plan"]["waves"][number];
  /** What the card's thread says, by key. */
  readonly said: Map<string, string>;
  readonly audited: string[];
};

/** Producers of ferry.yaml have stopped; `stray` writes one record to payments-1 at every sleep. */
async function bench(stray?: FakeClient): Promise<Bench> {
  const sample = createSampleMigration();
  await startMirroring(sample);
  sample.places.set("checkout", "stopped");
  await sample.clock.sleep(500);
  const open = await sample.openWork();
  const said = new Map<string, string>();
  const audited: string[] = [];
  const [wave] = sample.plan.waves;
  if (wave === undefined) throw new Error("the sample has no wave");
  const work: Work = {
    ...open,
    audit: async ({ what }) => void audited.push(what),
    card: {
      ...open.card,
      thread: async (key: string, message: Message) => void said.set(key, JSON.stringify(message)),
    },
    clock: {
      now: () => open.clock.now(),
      sleep: async (ms, signal) => {
        if (stray !== undefined) sample.source.append("payments", 1, { value: "stray" }, stray);
        if (stray?.transactionalId !== undefined)
          sample.source.endTransaction(stray.transactionalId, "commit");
        await open.clock.sleep(ms, signal);
      },
    },
  };
  return { sample, work, wave, said, audited };
}

describe("a producer that goes on writing", () => {
  it.each([
    [{ producerId: 4711 }, "producer id 4711"],
    [{ transactionalId: "checkout-tx" }, "transactional id checkout-tx"],
    [{}, "without idempotence"],
  ])("is named while silence is waited for, and when patience ends %#", async (stray, named) => {
    const { sample, work, wave, said, audited } = await bench(stray);
    const began = work.clock.now();
    let saidAt = Number.POSITIVE_INFINITY;
    const thread = work.card.thread.bind(work.card);
    const card: Work["card"] = {
      ...work.card,
      thread: async (key, message) => {
        saidAt = Math.min(saidAt, work.clock.now());
        await thread(key, message);
      },
    };
    await expect(flatEnds(sample.source.cluster, wave, { ...work, card })).rejects.toMatchObject({
      code: "E_ROGUE_PRODUCER",
      message: expect.stringContaining(named),
    });
    expect(saidAt - began).toBeLessThan(30_000);
    expect([...said.values()].join()).toContain("payments-1 (1 record, 1.0 records/s)");
    expect([...said.values()].join()).toContain("in ferry.yaml: checkout");
    expect(audited).toEqual(["producer.still-writing"]);
  });

  it.each(["writers", "acls", "transactions", "brokerConfigs"] as const)(
    "is refused all the same when %s cannot be asked",
    async (call) => {
      const { sample, work, wave } = await bench({ transactionalId: "checkout-tx" });
      sample.source.fail(call, new FerryError("E_KAFKA_AUTH", `the bot may not ask ${call}`));
      await expect(flatEnds(sample.source.cluster, wave, work)).rejects.toMatchObject({
        code: "E_ROGUE_PRODUCER",
        message: expect.stringContaining("payments-1"),
      });
    },
  );

  it("is named when it wrote after the drain", async () => {
    const { sample, work, wave } = await bench();
    await sample.engine.stop(forward);
    sample.source.append("orders", 0, { value: "late" }, { producerId: 4711 });
    await expect(proveAllCopied(wave, forward, sample.source.cluster, work)).rejects.toMatchObject({
      code: "E_ROGUE_PRODUCER",
      message: expect.stringContaining("producer id 4711"),
    });
  });

  it("is not seen where there is none", async () => {
    const { sample, work, wave, said } = await bench();
    expect((await flatEnds(sample.source.cluster, wave, work)).size).toBe(2);
    expect(said.size).toBe(0);
  });
});

describe("an open transaction", () => {
  it("is waited for and named, and the drain goes on when it has ended", async () => {
    const { sample, work, wave, said } = await bench();
    sample.source.append("payments", 1, { value: "open" }, { transactionalId: "checkout-tx" });
    const ends = work.clock.now() + 12_000;
    let ended = false;
    const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
      if (!ended && work.clock.now() > ends) {
        sample.source.endTransaction("checkout-tx", "commit");
        ended = true;
      }
      await work.clock.sleep(ms, signal);
    };
    const patient = { ...work, clock: { now: () => work.clock.now(), sleep } };
    await untilDrained(wave, forward, sample.source.cluster, sample.target.cluster, patient);
    expect(ended).toBe(true);
    expect([...said.values()].join()).toContain("transactional id checkout-tx");
  });

  it("is named when patience ends", async () => {
    const { sample, work, wave } = await bench();
    sample.source.append("payments", 1, { value: "open" }, { transactionalId: "checkout-tx" });
    await expect(
      untilDrained(wave, forward, sample.source.cluster, sample.target.cluster, work),
    ).rejects.toMatchObject({
      code: "E_NOT_CAUGHT_UP",
      message: expect.stringContaining("transactional id checkout-tx, producer id"),
    });
  });

  it("is a warning of the gate, unknown where it cannot be asked", async () => {
    const { sample, wave } = await bench();
    expect(await openTransactions(wave, sample.source.cluster)).toMatchObject({ state: "pass" });
    sample.source.append("payments", 1, { value: "open" }, { transactionalId: "checkout-tx" });
    expect(await openTransactions(wave, sample.source.cluster)).toMatchObject({
      state: "warn",
      text: expect.stringContaining("checkout-tx"),
    });
    sample.source.fail("offsets", new FerryError("E_INCOMPLETE", "payments-1: no leader"), 1);
    expect(await openTransactions(wave, sample.source.cluster)).toMatchObject({ state: "unknown" });
  });

  it.each(["2.6", "2.8"])("is found on Kafka %s, which does not tell its name", async (version) => {
    const { sample, wave } = await bench();
    sample.source.setVersion(known(version));
    sample.source.append("payments", 1, { value: "open" }, { transactionalId: "checkout-tx" });
    expect(await openOnes(sample.source.cluster, wave.topics)).toMatchObject({
      known: true,
      value: [{ transactionalId: { known: false }, partitions: [{ topic: "payments", partition: 1 }] }],
    });
  });
});
