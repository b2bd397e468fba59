import { flowName } from "#domain/plan.ts";

/** Mirrors of one name in two migrations, for names of migrations and waves may hold hyphens. Pure. */

export type Named = { readonly migration: string; readonly waves: readonly string[] };

/** The waves that would have the same mirror, and its name; names say where on the clusters a mirror keeps its state. */
export type SharedFlow = { readonly wave: string; readonly other: string; readonly flow: string };

/** All of them: wave eu-all of orders and wave all of orders-eu. Nothing where neither name begins with the other's. */
export function sharedFlows(one: Named, other: Named): readonly SharedFlow[] {
  const theirs = new Map(other.waves.map((wave) => [flowName(other.migration, wave, "forward"), wave]));
  return one.waves.flatMap((wave) => {
    const flow = flowName(one.migration, wave, "forward");
    const found = theirs.get(flow);
    return found === undefined ? [] : [{ wave, other: found, flow }];
  });
}
