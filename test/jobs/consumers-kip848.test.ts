import { describe, expect, it } from "vitest";
import type { GroupDescription } from "#domain/topology.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import type { Work } from "#jobs/work.ts";
import { carryOut, expectNothingLost, started, withWorld } from "#support/cutover-bench.ts";
import type { SampleMigration } from "#support/sample-migration.ts";

type GroupType = GroupDescription["type"];

/** Applications whose members speak this protocol wherever they are started. */
function speaking(type: GroupType, sample: SampleMigration, work: Work): Work {
  return withWorld(work, {
    client: (client) => {
      const driver = work.world.client(client);
      if (client.role !== "consumer") return driver;
      return {
        ...driver,
        start: async (place, access, request) => {
          await driver.start(place, access, request);
          sample[place].removeMember(client.group);
          sample[place].addMember(client.group, { type, clientId: client.name });
        },
        stop: (request) => driver.stop(request),
        status: () => driver.status(),
      };
    },
  });
}

async function typesOn(sample: SampleMigration, side: "source" | "target") {
  const described = await sample[side].cluster.describeGroups(["billing", "ledger"]);
  return described.map(({ type, state }) => `${type} ${state}`);
}

describe("a cutover of groups of KIP-848", () => {
  it.each(["classic", "consumer"] as const)(
    "moves a %s group to members of KIP-848 and back, each record read once",
    async (type) => {
      const sample = await started();
      for (const group of ["billing", "ledger"]) {
        sample.source.removeMember(group);
        sample.source.addMember(group, { type, clientId: group });
      }
      expect(await typesOn(sample, "source")).toEqual([`${type} Stable`, `${type} Stable`]);
      const work = await sample.openWork();
      const there = await carryOut(cutoverConsumers, sample, speaking("consumer", sample, work), "R1");
      expect(there.kind).toBe("done");
      expect(await typesOn(sample, "target")).toEqual(["consumer Stable", "consumer Stable"]);
      for (let round = 0; round < 3; round += 1) await sample.clock.sleep(200);
      const back = await carryOut(rollback, sample, speaking(type, sample, work), "R2");
      expect(back.kind).toBe("done");
      expect(await typesOn(sample, "source")).toEqual([`${type} Stable`, `${type} Stable`]);
      await expectNothingLost(sample);
    },
  );

  it("does not commit for a group of KIP-848 that is alive on the target", async () => {
    const sample = await started();
    const work = await sample.openWork();
    const target = await work.world.target();
    let committed = 0;
    const watched = withWorld(work, {
      target: async () => ({
        ...target,
        commit: async (offsets) => {
          committed += 1;
          await target.commit(offsets);
        },
      }),
      client: (client) => ({
        ...work.world.client(client),
        stop: async (request) => {
          await work.world.client(client).stop(request);
          sample.target.addMember("nightly", { type: "consumer", clientId: "early" });
        },
      }),
    });
    const result = await carryOut(cutoverConsumers, sample, watched, "R1");
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_GROUP_ALIVE" } });
    expect(committed).toBe(0);
    await expectNothingLost(sample);
  });
});
