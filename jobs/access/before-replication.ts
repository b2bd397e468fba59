import { hasNoAuthorizer } from "#domain/access/acl-matching.ts";
import { type AccessPlan, planAccess } from "#domain/access/plan.ts";
import { anonymous } from "#domain/access/principals.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Check, Part } from "#domain/message.ts";
import type { Log } from "#domain/ports.ts";
import { unknown } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import { refuseBesideRun } from "#jobs/mirror/beside-run.ts";
import type { Work } from "#jobs/work.ts";
import { addedRows, leftRows, listed, openChecks, unknownLines, userChecks } from "./access-parts.ts";
import { addAcls, setQuotas } from "./add-access.ts";
import { handOut } from "./hand-out.ts";
import { readAccess } from "./read-access.ts";

/**
 * Before the first record is copied: ACLs, quotas, policies, with a report in the thread. What keeps it from being done
 * is answered as a warning: records can be copied all the same, and `/ferry access` does it later.
 */
export async function accessBeforeReplication(work: Work): Promise<readonly Check[]> {
  const refused: Check[] = [];
  const attempt = async (what: string, act: () => Promise<void>) => {
    const why = await refusalOf(act, work.log);
    if (why !== undefined)
      refused.push({ state: "warn", text: `${what}: ${why} \`/ferry access\` does it later.` });
  };
  await attempt("Access was not copied", async () => {
    if (await hasNothing(work)) return;
    const plan = withoutNameless(planAccess(await readAccess(work)), work);
    const given = await handOut(plan.policies, work, { onlyChanged: true });
    const { acls, quotas } = plan;
    // A fence on the target closes what its ACLs let in when it was set: nothing may be let in behind it.
    await refuseBesideRun(work);
    if (acls.known) {
      const all = [...acls.value.keep, ...acls.value.add];
      await attempt("ACLs were not added", async () => void (await addAcls(all, work, { reason: "asked" })));
    }
    if (quotas.known) {
      await attempt(
        "Quotas were not set",
        async () => await setQuotas(quotas.value.set, work, { reason: "asked" }),
      );
    }
    if (refused.length === 0 && addedRows(plan).length + given.length > 0) await report(plan, given, work);
    refused.push(...warnings(plan));
  });
  return refused;
}

/**
 * On a target where clients log in nobody gives rights to all who do not, without being asked: where the mirror has no
 * name there, no ACL is added.
 */
function withoutNameless(plan: AccessPlan, { migration }: Work): AccessPlan {
  const { acls } = plan;
  if (!acls.known) return plan;
  const granted = [...acls.value.keep, ...acls.value.add];
  if (!granted.some(({ principal, permission }) => principal === anonymous && permission === "ALLOW"))
    return plan;
  const { auth } = migration.settings.target;
  const why = `ACLs were not added: they would need a right for ${anonymous}, which the bot and the mirror are with target.auth ${auth}, and so is everybody who shows no certificate. Applications with certificates may do there what MSK allows where there is no ACL. \`/ferry access copy\` lists them, and asks before it adds any.`;
  return { ...plan, acls: unknown(why) };
}

/** What passes by itself is left to the queue, which calls the job again. */
async function refusalOf(act: () => Promise<void>, log: Log): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (thrown) {
    const { code, message, retryable, stack } = asFerryError(thrown);
    if (retryable || code === "E_LEASE_LOST") throw thrown;
    log.warn({ code, error: message, stack }, "access was not copied before replication");
    return `${code} ${message}`;
  }
}

/** Without an authorizer and quotas there is nothing to copy. ACLs that cannot be read are not none. */
async function hasNothing({ world, migration }: Work): Promise<boolean> {
  const acls = await world.source.acls();
  if (acls.known ? acls.value.length > 0 : !hasNoAuthorizer(acls)) return false;
  const quotas = await world.source.quotas();
  if (quotas.known && quotas.value.length > 0) return false;
  if (migration.settings.target.auth !== "scram") return true;
  const users = await world.source.scramUsers();
  return !users.known || users.value.length === 0;
}

async function report(plan: AccessPlan, given: readonly Part[], work: Work): Promise<void> {
  const rows = addedRows(plan);
  const parts: readonly Part[] = [
    ...given,
    ...(await listed(
      {
        name: "access-added",
        title: `Added on MSK: ${count(rows.length, "addition")}`,
        columns: ["kind", "for", "what"],
        rows,
      },
      work.card,
    )),
    ...(await listed(
      { name: "access-left-out", title: "Left out", columns: ["what", "why"], rows: leftRows(plan) },
      work.card,
    )),
    { kind: "note", text: "`/ferry access withdraw` removes exactly what was added." },
  ];
  await work.card.thread("access", {
    subject: `${work.migration.name} · access on MSK`,
    tone: "done",
    parts,
  });
}

function warnings(plan: AccessPlan): readonly Check[] {
  const users = userChecks(plan.users).filter(({ state }) => state !== "pass");
  const open = openChecks(plan);
  const said = [
    ...unknownLines(plan),
    ...(open.length > 0 ? [`Access: ${count(open.length, "open item")}; \`/ferry access\` lists them.`] : []),
    ...(users.length > 0
      ? [`SCRAM: ${count(users.length, "user")} to be made on MSK; \`/ferry access\` lists them.`]
      : []),
  ];
  return said.map((text): Check => ({ state: "warn", text }));
}
