import { FerryError } from "#domain/errors.ts";
import type { Check } from "#domain/message.ts";
import type { Network, Route, RouteTable } from "#domain/network.ts";
import type { Work } from "#jobs/work.ts";
import { auditedCall, madeBy, seenMade } from "./aws-audit.ts";
import type { Sides } from "./peering.ts";

/** Every block of the other side in every route table of both sides; of the source those that ferry.yaml names. */
export async function routeBothWays(
  { source, target, atSource, atTarget }: Sides,
  peering: string,
  work: Work,
): Promise<readonly Check[]> {
  const named = work.migration.settings.source.network.routeTables;
  const all = await atSource.routeTables(source.id);
  const strange = named.find((id) => !all.some((table) => table.id === id));
  if (strange !== undefined) {
    throw new FerryError("E_SETTINGS", `source.network.routeTables: ${strange} is not of ${source.id}.`);
  }
  const ofSource = named.length === 0 ? all : all.filter(({ id }) => named.includes(id));
  const ofTarget = await atTarget.routeTables(target.id);
  const checks: Check[] = [];
  for (const [network, tables, cidrs] of [
    [atSource, ofSource, target.cidrs],
    [atTarget, ofTarget, source.cidrs],
  ] as const) {
    for (const table of tables) {
      for (const cidr of cidrs) checks.push(await ensureRoute({ network, table, cidr, peering }, work));
    }
  }
  return checks;
}

type Wanted = {
  readonly network: Network;
  readonly table: RouteTable;
  readonly cidr: string;
  readonly peering: string;
};

async function ensureRoute({ network, table, cidr, peering }: Wanted, work: Work): Promise<Check> {
  const known = table.routes.find(({ destination }) => destination === cidr);
  const resource = `${cidr} in ${table.id}`;
  const creation = { action: "CreateRoute", resource, undo: `delete the route ${resource}` };
  const removal = { action: "DeleteRoute", resource, undo: "nothing: it led to a peering that is gone" };
  if (known?.target === peering) {
    await seenMade(removal, undefined, work);
    await seenMade(creation, peering, work);
    return { state: "pass", text: `${table.id}: ${cidr} through ${peering}` };
  }
  if (known !== undefined && !(await isDeadOfOurs(known, resource, work))) {
    throw new FerryError(
      "E_NETWORK",
      `${table.id} sends ${cidr} to ${known.target}; with ${peering} beside it nothing would arrive.`,
    );
  }
  if (known === undefined) await seenMade(removal, undefined, work);
  else await auditedCall(work, removal, () => network.deleteRoute(table.id, cidr));
  await auditedCall(
    work,
    creation,
    () => network.createRoute(table.id, cidr, peering),
    () => peering,
  );
  return { state: "pass", text: `${table.id}: ${cidr} through ${peering}, added` };
}

/** Led to a peering that is gone, and this migration made it: one of others is theirs to take away. */
async function isDeadOfOurs({ state, target }: Route, resource: string, work: Work): Promise<boolean> {
  return state === "blackhole" && (await madeBy("CreateRoute", resource, work)) === target;
}
