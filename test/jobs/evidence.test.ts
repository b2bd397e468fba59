import { expect, it } from "vitest";
import { z } from "zod";
import { checkEvidence } from "#domain/audit/evidence-check.ts";
import { audit } from "#jobs/audit.ts";
import { approvedByTwo } from "#support/approval-bench.ts";

const ReadBack = z.object({
  at: z.string(),
  message: z.object({ channel: z.string(), ts: z.string() }),
  reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()) })),
  people: z.array(z.object({ id: z.string(), kind: z.string() })),
  eligible: z.array(z.string()),
});
const Bundle = z.object({
  requests: z.array(z.object({ id: z.string(), state: z.string() })),
  gateFacts: z.array(
    z.object({
      request: z.string(),
      asked: z.object({ facts: z.array(z.unknown()) }),
      later: z.array(z.object({ what: z.string(), facts: z.array(z.unknown()) })),
    }),
  ),
  approvals: z.array(
    z.object({
      what: z.string(),
      subject: z.string(),
      wave: z.string(),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
      detail: z.object({ readBack: ReadBack.optional() }),
    }),
  ),
  journals: z.array(z.object({ run: z.string(), journal: z.object({ state: z.string() }) })),
});

it("evidence of an approval holds what Slack showed when it was decided and when it was carried out", async () => {
  const at = await approvedByTwo();
  at.react("UEVE", "eyes");
  await at.execute();
  const files: Buffer[] = [];
  const card = { ...at.work.card, file: async (file: { content: Buffer }) => `F${files.push(file.content)}` };
  await audit({ name: "audit", migration: "orders", by: "UANA", export: true }, { ...at.work, card });
  const [content = Buffer.alloc(0)] = files;
  expect(checkEvidence(content, undefined)).toMatchObject({ verdict: "unsigned" });

  const bundle = Bundle.parse(JSON.parse(content.toString()));
  expect(bundle.requests).toMatchObject([{ id: at.id, state: "done" }]);
  const decided = bundle.approvals.filter(
    ({ what }) => what === "request.approved" || what === "run.started",
  );
  expect(decided).toMatchObject([
    { what: "request.approved", subject: at.id, wave: "billing", before: "open", after: "approved" },
    { what: "run.started", subject: at.id, wave: "billing", before: "approved", after: "executing" },
  ]);
  const [first, second] = decided.map(({ detail }) => detail.readBack);
  expect(first?.message).toEqual(at.ref);
  expect(usersOf(first, "white_check_mark")).toEqual(expect.arrayContaining(["UBEN", "UCAT"]));
  expect(usersOf(first, "eyes")).toEqual([]);
  expect(usersOf(second, "eyes")).toEqual(["UEVE"]);
  expect(second?.people).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ id: "UBEN", kind: "member" }),
      expect.objectContaining({ id: "UCAT", kind: "member" }),
    ]),
  );
  expect(second?.eligible).toEqual(expect.arrayContaining(["UBEN", "UCAT", "UDAN"]));
  const [facts] = bundle.gateFacts;
  expect(facts?.later.map(({ what }) => what)).toEqual(["request.approved", "run.started"]);
  expect(facts?.asked.facts.length).toBeGreaterThan(0);
  expect(bundle.journals).toMatchObject([{ journal: { state: "done" } }]);
});

function usersOf(readBack: z.infer<typeof ReadBack> | undefined, emoji: string): readonly string[] {
  return readBack?.reactions.filter(({ name }) => name === emoji).flatMap(({ users }) => users) ?? [];
}
