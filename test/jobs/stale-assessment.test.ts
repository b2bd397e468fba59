import { describe, expect, it } from "vitest";
import { staleAssessment, staleBasis, staleStored } from "#domain/assess/assessment-age.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { settingsMarks } from "#domain/plan/staleness.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { audit } from "#jobs/audit.ts";
import { provision } from "#jobs/aws/provision.ts";
import { home } from "#jobs/home.ts";
import { overview } from "#jobs/home-standing.ts";
import { createDigest } from "#jobs/mirror/digest.ts";
import { replicate } from "#jobs/mirror/replicate.ts";
import { plan } from "#jobs/plan.ts";
import { status } from "#jobs/status.ts";
import { proposeConsumers } from "#jobs/switch/consumers-proposal.ts";
import { proposeProducers } from "#jobs/switch/producers-proposal.ts";
import type { Work } from "#jobs/work.ts";
import { assessedTopic, assessmentOf } from "#support/assessed.ts";
import { createAwsWork } from "#support/aws-work.ts";
import { createMirrorWork } from "#support/mirror-work.ts";
import { createSmallWork } from "#support/small-work.ts";

const dayMs = 86_400_000;
const from = { migration: "orders", by: "UANA" } as const;
const ofPlan = "the plan rests on an assessment that is";

/** ISO 8601, so many days before the clock's now. */
function daysAgo(days: number, work: Pick<Work, "clock">): string {
  return new Date(work.clock.now() - days * dayMs).toISOString();
}

/** Makes the plan in the store rest on an assessment of so many days ago. */
async function restOn(days: number, work: Pick<Work, "clock" | "store" | "migration">): Promise<void> {
  const stored = Plan.parse((await work.store.read(planKey("orders")))?.value);
  const basis = { assessedAt: daysAgo(days, work), settings: settingsMarks(work.migration) };
  await work.store.write(planKey("orders"), { ...stored, basis });
}

describe("the age of an assessment", () => {
  const taken = "2026-11-10T00:00:00.000Z";
  const now = (days: number) => Date.parse(taken) + days * dayMs;

  it("is worth a word after seven days, not before", () => {
    expect(staleAssessment(taken, now(7))).toBeUndefined();
    expect(staleAssessment(taken, now(7) + 1)).toBe(
      "the assessment is 7 days old (2026-11-10) and stale: run `/ferry assess` again",
    );
    expect(staleAssessment(taken, now(-1))).toBeUndefined();
  });

  it("is that of the plan where the plan does not name it", () => {
    expect(staleBasis({ madeAt: taken }, now(8))).toContain("at least 8 days old (2026-11-10)");
    const basis = { assessedAt: taken, settings: {} };
    expect(staleBasis({ madeAt: "2026-11-17T00:00:00.000Z", basis }, now(8))).toContain(" 8 days old");
  });

  it("is not known of one that another release kept", () => {
    expect(staleStored({ takenAt: taken }, now(0))).toContain("of a time that cannot be read");
    expect(staleStored(assessmentOf({ taken: { at: taken, windowMs: 1 } }), now(1))).toBeUndefined();
  });
});

describe("a stale assessment is called stale", () => {
  it.each([
    { days: 6, stale: false },
    { days: 9, stale: true },
  ])("before there is a plan: status, plain /ferry and the Home tab, $days days", async ({ days, stale }) => {
    const work = createSmallWork();
    const assessment = assessmentOf({ taken: { at: daysAgo(days, work), windowMs: 30_000 } });
    await work.store.write(assessmentKey("orders"), assessment);
    const words = "the assessment is 9 days old";
    await status({ name: "status", ...from }, work);
    await home({ name: "home", ...from }, work);
    const said = [work.card.shown.at(-1), await overview(work), work.fake.homes.get("UANA")];
    expect(said.map((message) => JSON.stringify(message).includes(words))).toEqual(said.map(() => stale));
  });

  it("by the plan that is made from it", async () => {
    const work = createSmallWork();
    const topics = [assessedTopic("invoices")];
    const assessment = assessmentOf({ topics, taken: { at: daysAgo(9, work), windowMs: 30_000 } });
    await work.store.write(assessmentKey("orders"), assessment);
    await plan({ name: "plan", ...from }, work);
    expect(JSON.stringify(work.card.shown.at(-1))).toContain("the assessment is 9 days old");
    await plan({ name: "plan", ...from, part: "iam" }, work);
    expect(JSON.stringify(work.card.shown.at(-1))).toContain(`${ofPlan} 9 days old`);
  });

  it.each([
    { days: 6, stale: false },
    { days: 9, stale: true },
  ])(
    "with a plan: status, plain /ferry, replicate, the digest, evidence and both cutovers, $days days",
    async ({ days, stale }) => {
      const mirror = await createMirrorWork();
      const { work } = mirror;
      await restOn(days, work);
      const told: boolean[] = [];
      const note = (text: string) => told.push(text.includes(`${ofPlan} ${days} days old`));
      await status({ name: "status", ...from }, work);
      note(mirror.said());
      note(JSON.stringify(await overview(work)));
      await replicate({ name: "replicate", ...from, action: "start" }, work);
      note(mirror.said());
      await createDigest(async () => [])({ name: "digest", ...from }, work);
      note(mirror.said());
      const files = new Map<string, string>();
      const card = {
        ...work.card,
        file: async ({ name, content }: { name: string; content: Buffer }) => {
          files.set(name, content.toString());
          return name;
        },
      };
      const assessment = assessmentOf({ taken: { at: daysAgo(days, work), windowMs: 30_000 } });
      await work.store.write(assessmentKey("orders"), assessment);
      await audit({ name: "audit", ...from, export: true }, { ...work, card });
      note(mirror.said());
      const sealed = [...files.values()].join("");
      expect(sealed).toContain('"assessedAt"');
      expect(sealed.includes(`"stale":"the assessment is ${days} days old`)).toBe(stale);
      note(JSON.stringify((await proposeConsumers({ wave: "billing", by: "UANA" }, work)).effects));
      await work.store.write("wave:orders:billing", {
        phase: "consumers-moved",
        changedAt: daysAgo(0, work),
      });
      note(JSON.stringify((await proposeProducers({ wave: "billing", by: "UANA" }, work)).effects));
      expect(told).toEqual(told.map(() => stale));
      expect(told).toHaveLength(7);
    },
  );

  it("while the cluster is made and when it is there", async () => {
    const aws = await createAwsWork();
    await restOn(9, aws.open());
    const shown = await aws.carryOut((work) => provision({ name: "provision", ...from }, work));
    expect(JSON.stringify(shown[0])).toContain(`${ofPlan} 9 days old`);
    expect(JSON.stringify(shown.at(-1))).toContain(`${ofPlan} 9 days old`);
  });
});
