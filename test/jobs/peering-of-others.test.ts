import { describe, expect, it } from "vitest";
import { network } from "#jobs/aws/network.ts";
import { leftNetwork } from "#jobs/cleanup/left-network.ts";
import type { Work } from "#jobs/work.ts";
import { createAwsWork } from "#support/aws-work.ts";

const run = (work: Work) => network({ name: "network", migration: "orders", by: "UANA" }, work);

describe("a peering that waits between the two VPCs", () => {
  it("says that others asked for a peering that it accepts, in the audit and at the end, too", async () => {
    const aws = await createAwsWork({ source: { network: { kind: "peering", vpc: "vpc-source" } } });
    await aws.network.network.createPeering("vpc-target", "vpc-source", {});
    const shown = await aws.carryOut(run);
    const accepted = "others asked for it (vpc-target of account 1), this migration accepted it";
    expect(JSON.stringify(shown.at(-1))).toContain(
      `pcx-1 active, was there already; ${accepted}; cleanup does not undo that`,
    );
    const trail = await aws.store.auditTrail("orders");
    expect(trail.filter(({ subject }) => subject === "pcx-1")[0]).toMatchObject({
      what: "aws.intent",
      detail: { undo: expect.stringContaining("others asked for it") },
    });
    const { lines } = await leftNetwork(aws.open());
    expect(lines).toContain("# pcx-1 was there before: not the bot's to delete, though the bot accepted it");
  });

  it("says nothing of the kind of a peering of its own, or one that others had accepted", async () => {
    for (const own of [true, false]) {
      const aws = await createAwsWork({ source: { network: { kind: "peering", vpc: "vpc-source" } } });
      if (!own) {
        const { id } = await aws.network.network.createPeering("vpc-target", "vpc-source", {});
        await aws.clock.advance(2_000);
        await aws.network.network.acceptPeering(id);
      }
      expect(JSON.stringify(await aws.carryOut(run))).not.toContain("others asked");
    }
  });
});
