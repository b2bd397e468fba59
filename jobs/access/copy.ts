import { z } from "zod";
import { aclKey } from "#domain/access/copy.ts";
import { type AccessPlan, planAccess } from "#domain/access/plan.ts";
import { anonymous } from "#domain/access/principals.ts";
import { entityKey } from "#domain/access/quotas.ts";
import type { GateFact, Proposal } from "#domain/approval/approval.ts";
import { hashOf } from "#domain/canonical.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Part } from "#domain/message.ts";
import { type QuotaChange } from "#domain/ports.ts";
import type { Acl } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import type { Approvable, Asked, Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { AccessDocument, among, readAdded } from "./access-document.ts";
import { addedRows } from "./access-parts.ts";
import { addAcls, removeAcls, removeQuotas, setQuotas } from "./add-access.ts";
import { readAccess } from "./read-access.ts";

/** Adds to the target what its access lacks, or takes away exactly what the bot added. One person approves the first. */
export const access: Approvable = { propose, steps, summary };

const Guide = z.object({ choice: z.enum(["copy", "withdraw"]), hash: z.string() });

async function propose(asked: Asked, work: Work): Promise<Proposal> {
  return asked.choice === "withdraw" ? await proposeWithdrawal(work) : await proposeCopy(work);
}

async function proposeCopy(work: Work): Promise<Proposal> {
  const reading = await readAccess(work);
  const plan = planAccess(reading);
  const rows = addedRows(plan);
  if (rows.length === 0) {
    const why = plan.acls.known ? "The target has all that can be copied." : plan.acls.why;
    throw new FerryError("E_USAGE", `There is nothing to add. ${why}`);
  }
  const { acls, quotas } = wantedOf(plan);
  const hash = hashOf({ acls, quotas });
  const closes =
    acls.length === 0
      ? "nothing"
      : "MSK asks ACLs only where there are some: whoever uses one of these resources on MSK and is named by none is refused from then on";
  return {
    action: "access",
    title: `add ${count(acls.length, "ACL")} and ${count(quotas.length, "quota")} on MSK`,
    plan: { choice: "copy", hash } satisfies z.infer<typeof Guide>,
    effects: [
      {
        label: "What happens",
        value: "adds what is listed, the mirror's own rights first; nothing that is there is changed",
      },
      { label: "Also ends", value: closes },
      ...(acls.some(({ principal }) => principal === anonymous && principal === reading.mirror.target)
        ? [nameless]
        : []),
      { label: "Left out", value: `${count(plan.open.length, "open item")}: \`/ferry access\` lists them` },
      { label: "Way back", value: "`/ferry access withdraw` removes exactly these" },
    ],
    table: tableOf(rows),
    facts: [
      ...(acls.length === 0 ? [] : [await mayFact(work)]),
      { name: "missing", state: "pass", text: count(rows.length, "addition"), pinned: hash },
    ],
    quorum: 1,
  };
}

const nameless = {
  label: "Beware",
  value: `the bot and the mirror have no name on this target: their rights are those of ${anonymous}, and so of whoever logs in without a certificate`,
};

async function proposeWithdrawal(work: Work): Promise<Proposal> {
  const { acls, quotas } = await readAdded(work);
  if (acls.length + quotas.length === 0)
    throw new FerryError("E_USAGE", "The bot has added nothing to the target's access.");
  const rows = addedRows({
    acls: { known: true, value: { keep: [], add: acls, present: [], left: [] } },
    quotas: { known: true, value: { set: quotas, present: [], left: [] } },
  });
  const hash = hashOf({ acls, quotas });
  return {
    action: "access",
    title: `remove the ${count(acls.length, "ACL")} that the bot added on MSK, and its limits`,
    plan: { choice: "withdraw", hash } satisfies z.infer<typeof Guide>,
    effects: [
      {
        label: "What happens",
        value: "removes what is listed, the mirror's own rights last; all else stays",
      },
      {
        label: "Means",
        value:
          "applications on MSK lose what only these ACLs gave them; resources without an ACL are open to everybody again, where MSK's default holds",
      },
      { label: "Way back", value: "`/ferry access copy`" },
    ],
    table: tableOf(rows),
    facts: [
      await mayFact(work),
      { name: "added", state: "pass", text: count(rows.length, "addition"), pinned: hash },
    ],
    // What it takes away, applications on MSK may live by.
    quorum: work.migration.settings.approvals.quorum,
  };
}

function tableOf(rows: ReadonlyArray<readonly string[]>): NonNullable<Proposal["table"]> {
  const columns = ["kind", "for", "what"].map((title) => ({ title, align: "left" as const }));
  return { columns, rows: rows.map((row) => [...row]) };
}

/** Asks for the right before anybody is asked. */
async function mayFact({ world }: Work): Promise<GateFact> {
  const target = await world.target();
  try {
    await target.addAcls([]);
    return { name: "right", state: "pass", text: "the bot may change ACLs on the target", pinned: true };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code !== "E_KAFKA_AUTH" && code !== "E_KAFKA") throw thrown;
    const held = await target.acls();
    // Without an authorizer only quotas are to be set.
    const state = held.known ? "fail" : "warn";
    return { name: "right", state, text: held.known ? message : held.why, pinned: held.known };
  }
}

const Wanted = AccessDocument.pick({ acls: true, quotas: true });

function wantedOf({ acls, quotas }: Pick<AccessPlan, "acls" | "quotas">): {
  readonly acls: readonly Acl[];
  readonly quotas: readonly QuotaChange[];
} {
  return {
    acls: acls.known ? [...acls.value.keep, ...acls.value.add] : [],
    quotas: quotas.known ? quotas.value.set : [],
  };
}

async function steps(proposal: Proposal, work: Work, run: Run): Promise<readonly Step[]> {
  const { choice, hash } = Guide.parse(proposal.plan);
  const remembered = Wanted.safeParse(await run.recall("access"));
  const found = choice === "copy" ? wantedOf(planAccess(await readAccess(work))) : await readAdded(work);
  const wanted = remembered.data ?? Wanted.parse({ acls: found.acls, quotas: found.quotas });
  if (!remembered.success) {
    if (hashOf(wanted) !== hash) {
      throw new FerryError("E_APPROVAL", "What is to be changed is no longer what was approved.");
    }
    await run.remember("access", wanted);
  }
  if (choice === "copy") return copySteps(wanted, work, run);
  return withdrawSteps(wanted, work, { lease: run.lease, reason: "run" });
}

type Under = { readonly lease: Run["lease"]; readonly reason: "run" };
type Wanted = z.infer<typeof Wanted>;

function copySteps({ acls, quotas }: Wanted, work: Work, run: Run): readonly Step[] {
  const under = { lease: run.lease, reason: "run" } as const;
  const undone = { lease: run.lease, reason: "undone" } as const;
  return [
    {
      name: "add-acls",
      title: `add ${count(acls.length, "ACL")}`,
      isDone: async () => await hasAcls(acls, work, true),
      act: async () => {
        await addAcls(acls, work, under);
        return done;
      },
      undo: { title: "remove them again", run: async () => await removeAcls(acls, work, undone) },
    },
    {
      name: "set-quotas",
      title: `set ${count(quotas.length, "quota")}`,
      isDone: async () => (await refusedQuotas(run)) !== undefined || (await hasQuotas(quotas, work)),
      act: async () => {
        await setOrNote(quotas, work, run);
        return done;
      },
      undo: { title: "remove them again", run: async () => await removeQuotas(quotas, work, undone) },
    },
  ];
}

/** A cluster that takes no quotas keeps the ACLs all the same. */
async function setOrNote(quotas: readonly QuotaChange[], work: Work, run: Run): Promise<void> {
  try {
    await setQuotas(quotas, work, { lease: run.lease, reason: "run" });
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code !== "E_KAFKA_AUTH" && code !== "E_KAFKA") throw thrown;
    await run.remember("quotas-refused", message);
  }
}

async function refusedQuotas(run: Run): Promise<string | undefined> {
  return z.string().safeParse(await run.recall("quotas-refused")).data;
}

function withdrawSteps({ acls, quotas }: Wanted, work: Work, under: Under): readonly Step[] {
  return [
    {
      name: "remove-quotas",
      title: `remove ${count(quotas.length, "quota")}`,
      // What was added since was not approved.
      isDone: async () => among(quotas, (await readAdded(work)).quotas).length === 0,
      act: async () => {
        await removeQuotas(quotas, work, under);
        return done;
      },
    },
    {
      name: "remove-acls",
      title: `remove ${count(acls.length, "ACL")}`,
      isDone: async () => {
        const noted = new Set((await readAdded(work)).acls.map(aclKey));
        return acls.every((acl) => !noted.has(aclKey(acl)));
      },
      act: async () => {
        await removeAcls(acls, work, under);
        return done;
      },
    },
  ];
}

async function hasAcls(acls: readonly Acl[], { world }: Work, present: boolean): Promise<boolean> {
  if (acls.length === 0) return true;
  const held = await (await world.target()).acls();
  if (!held.known) return false;
  const has = new Set(held.value.map(aclKey));
  return acls.every((acl) => has.has(aclKey(acl)) === present);
}

async function hasQuotas(quotas: readonly QuotaChange[], { world }: Work): Promise<boolean> {
  if (quotas.length === 0) return true;
  const held = await (await world.target()).quotas();
  if (!held.known) return false;
  const now = new Map(held.value.map((each) => [entityKey(each.entity), each.limits]));
  return quotas.every(({ entity, limits }) => {
    const there = now.get(entityKey(entity)) ?? {};
    return Object.entries(limits).every(([key, value]) => there[key] === value);
  });
}

async function summary(proposal: Proposal, _work: Work, run: Run): Promise<readonly Part[]> {
  const { choice } = Guide.parse(proposal.plan);
  const wanted = Wanted.safeParse(await run.recall("access")).data ?? { acls: [], quotas: [] };
  const verb = choice === "copy" ? "Added" : "Removed";
  const refused = await refusedQuotas(run);
  const rows = [
    { label: verb, value: `${count(wanted.acls.length, "ACL")}, ${count(wanted.quotas.length, "quota")}` },
    ...(refused === undefined ? [] : [{ label: "Quotas", value: `not set: ${refused}` }]),
    { label: "What differs", value: "`/ferry access diff`" },
  ];
  return [{ kind: "facts", rows }];
}
