import { z } from "zod";
import { aclText } from "#domain/access/acl-matching.ts";
import { aclKey } from "#domain/access/copy.ts";
import { anonymous, mirrorOnTarget } from "#domain/access/principals.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Acl } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import { forgetAcls, readAdded } from "#jobs/access/access-document.ts";
import { removeAcls } from "#jobs/access/add-access.ts";
import type { Run, Step } from "#jobs/run/approvable.ts";
import { done, type Work } from "#jobs/work.ts";
import { otherMirrors } from "./other-mirrors.ts";

/** The rights on the target that the bot gave to its mirror and to itself beside the applications' ACLs. */

type Place = Pick<Work, "world" | "migration" | "store">;

export type OwnRights = {
  /** Taken back, in the order in which they were added. */
  readonly remove: readonly Acl[];
  /** Noted and no longer on the target. */
  readonly gone: readonly Acl[];
  readonly stay: ReadonlyArray<{ readonly acl: Acl; readonly why: string }>;
};

/**
 * A right stays where nobody else is named on its resource (MSK's `allow.everyone.if.no.acl.found` would open it to all),
 * where it is everybody's, and where a mirror of another migration may live by it.
 */
export async function lookAtRights(work: Place): Promise<OwnRights> {
  const { world, migration } = work;
  const principal = mirrorOnTarget(migration.settings);
  const noted = (await readAdded(work)).acls.filter((acl) => acl.principal === principal);
  const stayAll = (why: string) => ({ remove: [], gone: [], stay: noted.map((acl) => ({ acl, why })) });
  if (noted.length === 0) return stayAll("");
  if (principal === anonymous) return stayAll("applications without a name have it, too");
  const held = await (await world.target()).acls();
  // An earlier attempt may have taken away the right to see them, with them.
  if (!held.known) return stayAll(notKnown(held.why));
  if ((await otherMirrors(work)).length > 0) return stayAll("a mirror of another migration may log in alike");
  const has = new Set(held.value.map(aclKey));
  const named = new Set(held.value.filter((acl) => acl.principal !== principal).map(resourceKey));
  const there = noted.filter((acl) => has.has(aclKey(acl)));
  return {
    remove: there.filter((acl) => named.has(resourceKey(acl))),
    gone: noted.filter((acl) => !has.has(aclKey(acl))),
    stay: there
      .filter((acl) => !named.has(resourceKey(acl)))
      .map((acl) => ({ acl, why: "without it nobody is named there, and all would be let in" })),
  };
}

function resourceKey({ resourceType, resourceName, patternType }: Acl): string {
  return [resourceType, resourceName, patternType].join("\n");
}

/** What the request says beside what else is removed; nothing where there is none. */
export function rightsText({ remove, stay }: OwnRights): string {
  const [first] = remove;
  if (first === undefined && stay.length === 0) return "";
  const taken =
    first === undefined
      ? ""
      : `; last of all ${count(remove.length, "ACL")} of ${first.principal} on MSK (\`/ferry access withdraw\` no longer works then)`;
  const kept =
    stay.length === 0
      ? ""
      : `; ${count(stay.length, "ACL")} of the mirror stay on MSK, and the report says why`;
  return `${taken}${kept}`;
}

const memory = "own-rights";
const Left = z.array(z.string());

/** After everything that needs them. What the target refuses is left to people and said in the report. */
export function rightsStep(work: Work, run: Run): Step {
  return {
    name: "remove-rights",
    title: "take back the mirror's own rights on MSK",
    isDone: async () => (await run.recall(memory)) !== undefined,
    act: async () => {
      await run.remember(memory, await takeBack(work, run));
      return done;
    },
  };
}

async function takeBack(work: Work, run: Run): Promise<readonly string[]> {
  const { remove, gone, stay } = await lookAtRights(work);
  if (gone.length > 0) await forgetAcls(gone, work, { lease: run.lease });
  const left = stay.map(({ acl, why }) => leftLine(acl, why));
  try {
    await removeAcls(remove, work, { lease: run.lease, reason: "run" });
    return left;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code !== "E_KAFKA_AUTH" && code !== "E_KAFKA") throw thrown;
    return [...left, ...remove.map((acl) => leftLine(acl, notKnown(`${code} ${message}`)))];
  }
}

function notKnown(why: string): string {
  return `not known whether it is gone: ${why}`;
}

function leftLine(acl: Acl, why: string): string {
  return `The mirror's right on MSK, ${aclText(acl)}: ${why.replace(/\.$/, "")}.`;
}

/** For the report: rights that stay. */
export async function rightsLeft(run: Run): Promise<readonly string[]> {
  return Left.safeParse(await run.recall(memory)).data ?? [];
}
