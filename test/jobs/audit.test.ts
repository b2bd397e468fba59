import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { verifyChain } from "#domain/audit/audit.ts";
import { checkEvidence } from "#domain/audit/evidence-check.ts";
import { readSigner } from "#domain/audit/evidence-key.ts";
import { planHistoryKey } from "#domain/plan.ts";
import { keepAudit } from "#jobs/audit/retention.ts";
import { audit } from "#jobs/audit.ts";
import { createCard } from "#jobs/card.ts";
import type { Work } from "#jobs/work.ts";
import { createSmallWork } from "#support/small-work.ts";

function workWithCard(small = createSmallWork()) {
  const { jobId, chat, store, clock, log } = small;
  const work: Work = { ...small, card: createCard({ jobId, channel: "C1", chat, store, clock, log }) };
  return { work, fake: small.fake, clock };
}

async function recorded(entries = 40) {
  const at = workWithCard();
  for (let n = 1; n <= entries; n += 1) await at.work.audit({ what: `thing.${n}`, reason: "because" });
  return at;
}

/** Two waves, one of which was moved. */
async function moved() {
  const at = workWithCard();
  const { work } = at;
  const about = { subject: "7K3Q", wave: "billing" };
  const detail = { request: "7K3Q" };
  await work.audit({ what: "mirror.running", wave: "shipping", detail: { flow: "ferry-orders-shipping" } });
  await work.audit({
    what: "request.opened",
    actor: "UANA",
    ...about,
    detail: { ...detail, action: "cutover-consumers" },
  });
  await work.audit({
    what: "reaction.not-counted",
    actor: "UANA",
    ...about,
    reason: "requester",
    detail: { ...detail, vote: "approve" },
  });
  await work.audit({
    what: "reaction.counted",
    actor: "UBEN",
    ...about,
    detail: { ...detail, vote: "approve" },
  });
  await work.audit({
    what: "request.approved",
    actor: "slack",
    ...about,
    detail: { ...detail, by: ["UBEN", "UCAT"] },
  });
  const run = { request: "7K3Q", run: "orders-7K3Q" };
  await work.audit({
    what: "run.started",
    actor: "bot",
    ...about,
    detail: { ...run, approvedBy: ["UBEN", "UCAT"] },
  });
  await work.audit({
    what: "step.intent",
    actor: "bot",
    detail: { run: "orders-7K3Q", step: "stop-clients" },
  });
  await work.audit({ what: "step.done", actor: "bot", detail: { run: "orders-7K3Q", step: "stop-clients" } });
  const committed = [{ group: "billing-app" }, { group: "ledger" }, { group: "ledger" }];
  await work.audit({ what: "offsets.committed", actor: "bot", wave: "billing", detail: committed });
  await work.audit({
    what: "client.started",
    actor: "bot",
    ...about,
    detail: { client: "app", place: "target" },
  });
  await work.audit({
    what: "consumers.moved",
    actor: "bot",
    wave: "billing",
    detail: { pauses: [{ group: "ledger", pauseMs: 400 }, { group: "billing-app" }] },
  });
  await work.audit({ what: "topics.created", actor: "bot", wave: "billing", detail: ["invoices"] });
  await work.audit({
    what: "wave.phase",
    wave: "billing",
    before: "before-cutover",
    after: "consumers-moved",
    detail: { phase: "consumers-moved" },
  });
  return at;
}

function textOf(posts: ReadonlyArray<{ readonly message: unknown }>): string {
  return JSON.stringify(posts.map(({ message }) => message));
}

const job = { name: "audit", migration: "orders", by: "UANA" } as const;

describe("the audit", () => {
  it("says whether the chain is whole and tells the newest part in the thread, in order", async () => {
    const { work, fake } = await recorded(50);
    await audit({ ...job, export: false }, work);
    const text = textOf(fake.posts);
    expect(text).toContain("The chain of 50 entries is whole");
    expect(text).toContain("10 lines before these");
    expect(text).not.toContain("thing 10 ");
    expect(text.indexOf("thing 11 ")).toBeLessThan(text.indexOf("thing 50 "));
    const [file] = fake.files;
    expect(file?.name).toBe("story-orders.md");
    expect(file?.content.toString()).toContain("#1 **uana** thing 1 – because");
  });

  it("tells one wave's story with who and when, without ringing anybody", async () => {
    const { work, fake } = await moved();
    await audit({ ...job, wave: "billing", export: false }, work);
    const thread = textOf(fake.posts.slice(1));
    const lines = [...thread.matchAll(/`14:10:00` (.*?)(?=\\n|")/g)].map(([, line]) => line);
    expect(lines).toEqual([
      "*uana* asks for cutover-consumers of wave billing: request 7K3Q",
      "*uana* reacts to request 7K3Q (approve), not counted – requester",
      "*uben* approves request 7K3Q",
      "*the bot* request 7K3Q is approved by uben, ucat",
      "*the bot* starts request 7K3Q, approved by uben, ucat",
      "*the bot* stop-clients: done",
      "*the bot* offsets committed: billing-app, ledger",
      "*the bot* app started on MSK",
      "*the bot* consumers moved, nobody read for: ledger 0.4 s, billing-app unknown",
      "*the bot* topics created",
      "*uana* wave billing stands at consumers-moved (before-cutover → consumers-moved)",
    ]);
    expect(thread).not.toContain("@{");
    expect(fake.files).toEqual([]);
  });

  it("refuses an unknown wave and names the nearest", async () => {
    const { work } = await moved();
    await expect(audit({ ...job, wave: "biling", export: false }, work)).rejects.toMatchObject({
      code: "E_UNKNOWN_WAVE",
      message: expect.stringContaining("did you mean billing? Known: billing, shipping"),
    });
    await expect(audit({ ...job, wave: "exprt", export: false }, work)).rejects.toMatchObject({
      message: expect.stringContaining("did you mean export?"),
    });
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
    expect(JSON.stringify(fake.posts[0]?.message)).toContain("at entry 7 (thing.7)");
  });
});

const Bundle = z.looseObject({
  manifest: z.looseObject({ versions: z.looseObject({ source: z.looseObject({}) }) }),
  entries: z.array(z.unknown()),
  plans: z.array(z.unknown()),
  approvals: z.array(z.looseObject({ what: z.string(), sequence: z.number() })),
});

describe("the export", () => {
  it("is one signed file that the offline check accepts", async () => {
    const { work, fake } = await moved();
    await work.store.write(planHistoryKey("orders", "aa"), { hash: "aa" });
    const { privateKey } = generateKeyPairSync("ed25519");
    const signer = readSigner(privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    await audit({ ...job, export: true }, { ...work, signer });
    const [file] = fake.files;
    expect(file?.name).toBe("audit-orders-2026-11-22T141000.json");
    const content = file?.content ?? Buffer.alloc(0);
    expect(checkEvidence(content, signer.publicKey)).toMatchObject({ verdict: "holds" });
    const bundle = Bundle.parse(JSON.parse(content.toString()));
    expect(bundle.entries).toHaveLength(13);
    expect(bundle.plans).toEqual([{ hash: "aa" }]);
    expect(bundle.approvals.map(({ what }) => what)).toEqual([
      "reaction.not-counted",
      "reaction.counted",
      "request.approved",
      "run.started",
    ]);
    expect(bundle.manifest.versions).toMatchObject({
      bot: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.version,
      source: { unknown: expect.stringContaining("E_INTERNAL") },
    });
    expect(textOf(fake.posts)).toContain(signer.fingerprint);
  });

  it("says loudly that nobody signed it where there is no key", async () => {
    const { work, fake } = await moved();
    await audit({ ...job, export: true }, work);
    expect(checkEvidence(fake.files[0]?.content ?? Buffer.alloc(0), undefined).verdict).toBe("unsigned");
    expect(textOf(fake.posts)).toContain("*NOT SIGNED*");
  });
});

describe("retention", () => {
  it("keeps everything unless the team says otherwise", async () => {
    const { work, clock } = await recorded(3);
    await clock.advance(4000 * 86_400_000);
    await keepAudit(work);
    expect(await work.store.auditTrail("orders")).toHaveLength(3);
  });

  it("removes what is older once a day, and the rest vouches for it", async () => {
    const { work, clock } = await recorded(3);
    const settings = { ...work.migration.settings, audit: { keep: 400 * 86_400_000 } };
    const keeping: Work = { ...work, migration: { ...work.migration, settings } };
    await clock.advance(401 * 86_400_000);
    await work.audit({ what: "thing.4" });
    await keepAudit(keeping);
    await keepAudit(keeping);
    const trail = await work.store.auditTrail("orders");
    expect(trail.map(({ what, reason }) => [what, reason])).toEqual([
      ["thing.4", undefined],
      ["audit.pruned", "audit.keep"],
    ]);
    expect(verifyChain(trail)).toMatchObject({ intact: true, pruned: { sequence: 3 } });
  });
});
