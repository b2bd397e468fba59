import { describe, expect, it } from "vitest";
import { z } from "zod";
import { audit } from "#jobs/audit.ts";
import { createCard } from "#jobs/card.ts";
import type { Work } from "#jobs/work.ts";
import { createSmallWork } from "#support/small-work.ts";

async function recorded() {
  const small = createSmallWork();
  const { jobId, chat, store, clock, log } = small;
  const work: Work = { ...small, card: createCard({ jobId, channel: "C1", chat, store, clock, log }) };
  for (let n = 1; n <= 40; n += 1) await work.audit({ what: `step.${n}`, reason: "because" });
  return { work, fake: small.fake };
}

const job = { name: "audit", migration: "orders", by: "UANA" } as const;

describe("the audit", () => {
  it("says whether the chain is whole and tells the newest entries in the thread", async () => {
    const { work, fake } = await recorded();
    await audit({ ...job, export: false }, work);
    const [card, thread] = fake.posts.map((post) => JSON.stringify(post.message));
    expect(card).toContain("The chain of 40 entries is whole");
    expect(thread).toContain("step.40");
    expect(thread).toContain("step.11");
    expect(thread).not.toContain('"step.10"');
  });

  it("exports the whole chain with its verification", async () => {
    const { work, fake } = await recorded();
    await audit({ ...job, export: true }, work);
    const Bundle = z.object({
      verification: z.object({ intact: z.boolean() }),
      entries: z.array(z.unknown()),
    });
    const bundle = Bundle.parse(JSON.parse(fake.files[0]?.content.toString() ?? ""));
    expect(bundle.verification.intact).toBe(true);
    expect(bundle.entries).toHaveLength(40);
    expect(fake.files[0]?.name).toBe("audit-orders-2026-11-22T141000.json");
  });

  it("sounds the alarm when an entry was changed", async () => {
    const { work, fake } = await recorded();
    const trail = await work.store.auditTrail("orders");
    const forged = trail.map((entry) => (entry.sequence === 7 ? { ...entry, actor: "UEVE" } : entry));
    await audit(
      { ...job, export: false },
      { ...work, store: { ...work.store, auditTrail: async () => forged } },
    );
    expect(fake.posts[0]?.message.tone).toBe("alarm");
    expect(JSON.stringify(fake.posts[0]?.message)).toContain("at entry 7");
  });
});
