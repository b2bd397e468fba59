import type { MskCluster } from "#domain/msk.ts";
import { type Known, known, unknown } from "#domain/topology.ts";

/** How full brokers say that their volumes are. */
export type FakeDisks = {
  fill(cluster: string, broker: number, percent: number): void;
  /** The fullest, once all have told. */
  used(
    cluster: Pick<MskCluster, "name" | "brokers">,
  ): Known<{ readonly broker: number; readonly percent: number }>;
};

export function createFakeDisks(): FakeDisks {
  const told = new Map<string, Map<number, number>>();
  return {
    fill(cluster, broker, percent) {
      told.set(cluster, new Map([...(told.get(cluster) ?? []), [broker, percent]]));
    },
    used({ name, brokers }) {
      const found = [...(told.get(name) ?? [])].sort(([, a], [, b]) => b - a);
      const [fullest] = found;
      if (fullest === undefined || found.length < brokers)
        return unknown(`${found.length} of ${brokers} brokers told`);
      return known({ broker: fullest[0], percent: fullest[1] });
    },
  };
}
