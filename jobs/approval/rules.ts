import { type ActionName, isOfTarget } from "#domain/action.ts";
import { type GateFact, type Proposal } from "#domain/approval/approval.ts";
import { flowName } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Approvable, Asked } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";

type RoleRule = NonNullable<NonNullable<MigrationSettings["approvals"]["roles"]>[ActionName]>[number];

/** The roles that must be filled for this action on this wave. */
export function rolesFor(
  action: ActionName,
  wave: string | undefined,
  { approvals }: Pick<MigrationSettings, "approvals">,
): readonly RoleRule[] {
  const all = approvals.roles?.[action] ?? [];
  return all.filter(({ waves }) => waves === undefined || (wave !== undefined && waves.includes(wave)));
}

/** How many people the roles of this proposal need at least. */
export function placesOf(roles: ReadonlyArray<{ readonly count: number }>): number {
  return roles.reduce((sum, { count }) => sum + count, 0);
}

/** What the action proposes, with the mirrors that it works with and the roles that must be filled: both are hashed. */
export async function proposeWithRules(approvable: Approvable, asked: Asked, work: Work): Promise<Proposal> {
  const proposal = await approvable.propose(asked, work);
  const { name, settings } = work.migration;
  const { action, wave } = proposal;
  const roles = rolesFor(action, wave, settings);
  const kinds = ["forward", "checkpoint", "reverse"] as const;
  const ofWave =
    wave === undefined || isOfTarget(action) ? [] : kinds.map((kind) => flowName(name, wave, kind));
  return {
    ...proposal,
    connectors: proposal.connectors ?? ofWave,
    facts: roles.length === 0 ? proposal.facts : [...proposal.facts, roleFact(roles)],
  };
}

function roleFact(roles: readonly RoleRule[]): GateFact {
  const wanted = roles.map(({ name, count }) => ({ name, count }));
  const text = `among those who approve: ${wanted.map(({ name, count }) => `${count} of ${name}`).join(", ")}`;
  return { name: "roles", state: "pass", text, pinned: wanted };
}
