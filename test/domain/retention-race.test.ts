import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type RaceContext,
  type RaceInput,
  raceText,
  retentionRace,
  sumRaces,
} from "#domain/lag/retention-race.ts";

const now = 1_700_000_000_000;
const hour = 3_600_000;
const context: RaceContext = {
  now,
  caughtUpBy: null,
  bootstrap: "kafka:9092",
  origin: "source",
  engine: "connect",
  connectUrl: "http://connect:8083",
  tasks: 2,
  partitions: 12,
};
const limits = { deletes: true, ms: 10 * hour, bytes: null, own: { ms: true, bytes: false } };
const input: RaceInput = {
  topic: "events",
  partition: 3,
  wave: "billing",
  flow: "ferry-orders-billing-forward",
  waiting: 36_000,
  timestamp: now - hour,
  running: true,
  copying: 0,
  arriving: 10,
  limits,
  bytes: null,
  offsets: 100_000,
};

describe("the race against retention.ms", () => {
  it("gives the oldest record that waits until its own timestamp is past the limit", () => {
    const race = retentionRace(input, context);
    expect(race).toMatchObject({ state: "safe", by: "time", leftMs: 9 * hour, expiresAt: now + 9 * hour });
    expect(race.firstLossAt).toBe(now + 9 * hour);
    expect(raceText(sumRaces([race]))).toBe(
      "Nothing expires before it is copied: closest is events-3, 9 h left.",
    );
  });

  it("names a login for Kafka's tools where the cluster asks for one", () => {
    const secured = { ...context, security: "SASL_SSL with SCRAM-SHA-512" };
    const [raise] = retentionRace({ ...input, timestamp: now - 6 * hour }, secured).remedies;
    for (const command of [raise?.command, raise?.undo]) {
      expect(command).toMatch(
        /^kafka-configs\.sh --bootstrap-server kafka:9092 --command-config client\.properties --alter /,
      );
    }
    expect(raise?.title).toContain(
      "client.properties holds a login that may alter topics (SASL_SSL with SCRAM-SHA-512)",
    );
  });

  it("is at risk when half of the limit is left and the mirror falls back, and names both remedies", () => {
    const race = retentionRace({ ...input, timestamp: now - 6 * hour }, context);
    expect(race).toMatchObject({ state: "at-risk", leftMs: 4 * hour });
    const [raise, tasks] = race.remedies;
    expect(raise?.command).toBe(
      `kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics --entity-name events --add-config retention.ms=${261 * hour}`,
    );
    expect(raise?.undo).toContain(`--add-config retention.ms=${10 * hour}`);
    expect(tasks?.command).toContain("/connectors/ferry-orders-billing-forward/config");
    expect(tasks?.command).toContain('"tasks.max"="4"');
    expect(raceText(sumRaces([race]))).toContain("RETENTION RACE: events-3 may lose records from 4 h on");
  });

  it("names a change that `replicate start` keeps, and on the way back the cluster that loses", () => {
    const remedies = (other: Partial<RaceContext>) =>
      retentionRace({ ...input, timestamp: now - 6 * hour }, { ...context, ...other }).remedies;
    const [, connect] = remedies({});
    expect(connect?.title).toContain("`replication.tasks: {billing: 4}` in ferry.yaml keeps it");
    const { connectUrl: _, ...elsewhere } = context;
    const [, own] = retentionRace(
      { ...input, timestamp: now - 6 * hour },
      { ...elsewhere, engine: "mirrormaker" },
    ).remedies;
    expect(own?.command).toBe(
      "ferry.yaml: replication.tasks: {billing: 4}; restart the bot; /ferry replicate start",
    );
    expect(remedies({ engine: "replicator" })).toHaveLength(1);
    const [back] = remedies({ origin: "target" });
    expect(back?.title).toContain("of events on MSK until");
  });

  it("is won by a mirror that copies more of the log in a second than a second's worth", () => {
    const fast = { ...input, timestamp: now - 6 * hour, copying: 1000 };
    expect(retentionRace(fast, context)).toMatchObject({ state: "safe", firstLossAt: null });
    // Its copying stands still when it is stopped, whatever was seen before.
    expect(retentionRace({ ...fast, running: false }, context)).toMatchObject({ state: "at-risk" });
  });

  it("takes what is overdue for lost at the broker's next look, unless the mirror is past it by then", () => {
    const overdue = { ...input, timestamp: now - 11 * hour };
    expect(retentionRace(overdue, context)).toMatchObject({ state: "at-risk", firstLossAt: now });
    expect(retentionRace({ ...overdue, copying: 1000 }, context)).toMatchObject({ state: "safe" });
  });

  it("is unknown without a timestamp, a configuration or a rate", () => {
    expect(retentionRace({ ...input, timestamp: undefined }, context)).toMatchObject({ state: "unknown" });
    expect(retentionRace({ ...input, timestamp: -1 }, context)).toMatchObject({ state: "unknown" });
    expect(retentionRace({ ...input, limits: undefined }, context)).toMatchObject({ state: "unknown" });
    expect(retentionRace({ ...input, copying: null }, context)).toMatchObject({ state: "unknown" });
    const all = sumRaces([retentionRace({ ...input, copying: null }, context)]);
    expect(raceText(all)).toBe("Whether anything expires before it is copied is not known.");
  });

  it("is none where nothing expires", () => {
    const compacted = { ...input, timestamp: 0, limits: { ...limits, deletes: false } };
    expect(retentionRace(compacted, context)).toMatchObject({ state: "safe", leftMs: null });
    const endless = { ...input, timestamp: 0, limits: { ...limits, ms: null } };
    expect(retentionRace(endless, context)).toMatchObject({ state: "safe", leftMs: null });
  });

  it("never says a later loss than a broker that removes single records would make", () => {
    const minutes = integer({ min: 1, max: 60 });
    assert(
      property(
        minutes,
        integer({ min: 0, max: 19 }),
        integer({ min: 20, max: 200 }),
        (age, copying, arriving) => {
          const waiting = age * 60 * arriving;
          const limit = 2 * hour;
          const timestamp = now - age * 60_000;
          const race = retentionRace(
            { ...input, timestamp, waiting, copying, arriving, limits: { ...limits, ms: limit } },
            context,
          );
          // The record at the head after t seconds was written copying·t/arriving seconds after the first one.
          let truth = 0;
          while (
            truth < 400_000 &&
            timestamp + ((copying * truth) / arriving) * 1000 + limit > now + truth * 1000
          )
            truth += 1;
          const said = race.firstLossAt ?? now + 400_000_000;
          expect(said).toBeLessThanOrEqual(now + truth * 1000);
        },
      ),
    );
  });
});

describe("the race against retention.bytes", () => {
  const bySize: RaceInput = {
    ...input,
    limits: { deletes: true, ms: null, bytes: 1_000_000, own: { ms: false, bytes: false } },
    bytes: 1_000_000,
    offsets: 10_000,
    waiting: 4_000,
    arriving: 10,
  };

  it("ends when what follows the next record is as large as the limit", () => {
    const race = retentionRace(bySize, context);
    // 4,000 records of 100 bytes wait, a quarter more for safety: 500,000 bytes are left, 1,250 come a second.
    expect(race).toMatchObject({ by: "size", leftMs: 400_000, limit: 1_000_000, state: "at-risk" });
    expect(race.remedies[0]?.command).toContain("--add-config retention.bytes=");
    expect(race.remedies[0]?.undo).toContain("--delete-config retention.bytes");
  });

  it("is no race while nothing arrives, or while the mirror copies more than arrives", () => {
    expect(retentionRace({ ...bySize, arriving: 0 }, context)).toMatchObject({ state: "safe", leftMs: null });
    expect(retentionRace({ ...bySize, copying: 20 }, context)).toMatchObject({
      state: "safe",
      firstLossAt: null,
    });
  });

  it("is unknown without the size of the log", () => {
    expect(retentionRace({ ...bySize, bytes: null }, context)).toMatchObject({ state: "unknown" });
  });

  it("is that of the limit which is reached first where both are set", () => {
    const both = { ...bySize, limits: { ...limits, bytes: 1_000_000 } };
    expect(retentionRace(both, context)).toMatchObject({ by: "size", leftMs: 400_000 });
    expect(retentionRace({ ...both, timestamp: now - 10 * hour + 1000 }, context)).toMatchObject({
      by: "time",
      leftMs: 1000,
    });
  });
});
