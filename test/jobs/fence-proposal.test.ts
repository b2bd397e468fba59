import { describe, expect, it } from "vitest";
import type { Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { attempt, expectNothingLost, started } from "#support/cutover-bench.ts";
import { guards, own, shared, sourceAcls } from "#support/fence-bench.ts";
import type { SampleGuard } from "#support/sample-migration.ts";

function rowsOf(proposal: Proposal): string {
  return proposal.effects.map(({ label, value }) => `${label}: ${value}`).join("\n");
}

async function proposed(guard: SampleGuard): Promise<Proposal> {
  const sample = await started([cutoverConsumers], guard);
  return await cutoverProducers.propose({ wave: "billing", by: "UANA" }, await sample.openWork());
}

describe("what the approval is told", () => {
  it("names the ACLs, for whom, and that they go before the reverse mirror runs", async () => {
    const proposal = await proposed(shared);
    const rows = rowsOf(proposal);
    expect(rows).toContain("DENY WRITE for User:* on orders, payments");
    expect(rows).toContain("ALLOW ALL for User:*");
    expect(rows).toContain("before the reverse mirror runs: it would stop that too (User:ANONYMOUS)");
    expect(proposal.facts).toContainEqual(expect.objectContaining({ name: "fence", state: "pass" }));
    expect(JSON.stringify(proposal.plan)).toContain("DENY WRITE on payments for User:*");
  });

  it("says that they stay where the mirror passes them", async () => {
    const rows = rowsOf(await proposed(own));
    expect(rows).toContain("the ACLs stay until rollback or cleanup: the mirror (User:mm2) passes them");
    expect(rows).toContain("super users pass: User:mm2");
  });

  it("names who is denied where the mirror has its right by name, and says once that it keeps it", async () => {
    const byName = guards.find(({ what }) => what === "rights by name");
    const proposal = await proposed(byName?.guard ?? {});
    const rows = rowsOf(proposal);
    expect(rows).toContain("DENY WRITE for User:checkout on orders, payments");
    expect(rows.split("the mirror (User:mm2) may still write: it must")).toHaveLength(2);
    expect(rows).not.toContain("Not kept off");
    expect(proposal.facts).toContainEqual(
      expect.objectContaining({
        name: "fence",
        state: "pass",
        text: expect.stringContaining("2 topics fenced"),
      }),
    );
  });

  it("says why there is none", async () => {
    const proposal = await proposed({});
    expect(rowsOf(proposal)).toContain("SECURITY_DISABLED");
    expect(proposal.facts).toContainEqual(expect.objectContaining({ name: "fence", state: "warn" }));
  });

  it("names the dangers of a size limit", async () => {
    const rows = rowsOf(await proposed({ fence: ["max.message.bytes"] }));
    expect(rows).toContain("max.message.bytes = 1 on orders, payments");
    expect(rows).toContain("StackOverflowError");
    expect(rows).toContain("acks=0");
  });

  it("warns beforehand when the bot may not set ACLs, and goes by the proof alone", async () => {
    const sample = await started([cutoverConsumers], own);
    const work = await sample.openWork();
    sample.source.fail("addAcls", new FerryError("E_KAFKA_AUTH", "CLUSTER_AUTHORIZATION_FAILED"));
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, work);
    expect(proposal.facts).toContainEqual(
      expect.objectContaining({
        name: "fence",
        state: "warn",
        text: expect.stringContaining("no right to set ACLs"),
      }),
    );
    expect((await attempt(cutoverProducers, sample, work, "R1", proposal)).kind).toBe("done");
    expect(await sourceAcls(sample)).toEqual([]);
    await expectNothingLost(sample);
  });

  it("is held to: ACLs that changed since turn the cutover back", async () => {
    const sample = await started([cutoverConsumers], own);
    const untouched = await sourceAcls(sample);
    const work = await sample.openWork();
    const proposal = await cutoverProducers.propose({ wave: "billing", by: "UANA" }, work);
    const read = { resourceType: "TOPIC", resourceName: "orders", patternType: "LITERAL" };
    sample.source.setAcls([
      { ...read, principal: "User:new", host: "*", operation: "WRITE", permission: "ALLOW" },
    ]);
    const result = await attempt(cutoverProducers, sample, work, "R1", proposal);
    expect(result).toMatchObject({ kind: "undone", error: { code: "E_PLAN_STALE" } });
    sample.source.setAcls([]);
    expect(await sourceAcls(sample)).toEqual(untouched);
    await expectNothingLost(sample);
  });
});
