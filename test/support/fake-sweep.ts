import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { GroupDescription, Missing, OffsetTable, Sweep } from "#domain/topology.ts";

/** A sweep of the fake: topic by topic and group by group, so that what fails is missing by itself. */
export async function sweepPieces(
  cluster: Pick<KafkaCluster, "offsets" | "committed" | "describeGroups">,
  { topics, groups }: { readonly topics: readonly string[]; readonly groups: readonly string[] },
): Promise<Sweep> {
  const missing: Missing[] = [];

  async function pieces<T>(
    names: readonly string[],
    of: (name: string) => Omit<Missing, "why">,
    ask: (name: string) => Promise<T | undefined>,
  ): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    for (const name of names) {
      try {
        const answer = await ask(name);
        if (answer !== undefined) found.set(name, answer);
      } catch (thrown) {
        if (!(thrown instanceof FerryError) || thrown.code.endsWith("_UNREACHABLE")) throw thrown;
        missing.push({ ...of(name), why: thrown.message });
      }
    }
    return found;
  }

  const table = (which: "start" | "end"): Promise<OffsetTable> =>
    pieces(
      topics,
      (topic) => ({ of: which, topic }),
      async (name) => (await cluster.offsets([name], which)).get(name),
    );
  const described: ReadonlyMap<string, GroupDescription> = await pieces(
    groups,
    (group) => ({ of: "state", group }),
    async (id) => (await cluster.describeGroups([id]))[0],
  );
  const committed: ReadonlyMap<string, OffsetTable> = await pieces(
    groups,
    (group) => ({ of: "committed", group }),
    async (id) => (await cluster.committed([id])).get(id),
  );
  const starts = await table("start");
  return { starts, ends: await table("end"), committed, groups: described, missing };
}
