import { expect } from "vitest";
import type { Proposal } from "#domain/approval/approval.ts";
import { approvedFloors } from "#jobs/switch/rollback-proposal.ts";
import type { SampleMigration } from "./sample-migration.ts";

/** A producer on the source that nobody knows, and the count of what every group has read in the end. */
export type Rogue = {
  readonly ids: string[];
  /** One record to each of two partitions, now. */
  write(): void;
  /** Writes right before the nth call that a run makes to anything, and twice more soon after. */
  during(moment: number): <T extends object>(part: T) => T;
};

const places = [
  { topic: "payments", partition: 1 },
  { topic: "orders", partition: 0 },
] as const;
const topics = ["orders", "payments"];

export function rogueOf(sample: SampleMigration): Rogue {
  const ids: string[] = [];
  let calls = 0;

  function write(): void {
    for (const { topic, partition } of places) {
      const id = `rogue:${ids.length}`;
      sample.source.append(topic, partition, { key: id, value: id, timestamp: sample.clock.now() });
      ids.push(id);
    }
  }

  return {
    ids,
    write,
    during: (moment) => (part) =>
      new Proxy(part, {
        get(from, key) {
          const member: unknown = Reflect.get(from, key);
          if (typeof member !== "function") return member;
          return (...given: unknown[]) => {
            calls += 1;
            if ([moment, moment + 5, moment + 40].includes(calls)) write();
            return Reflect.apply(member, from, given);
          };
        },
      }),
  };
}

/** Lets the world live on for some seconds. */
export async function settle(sample: SampleMigration): Promise<void> {
  for (let round = 0; round < 6; round += 1) await sample.clock.sleep(500);
}

/** "payments-1 120": where a request says that groups begin again. */
export function announced(proposal: Proposal): readonly string[] {
  return approvedFloors(proposal);
}

/**
 * Every group has read everything, the rogue's records too, and nothing twice but from the announced places on. No
 * record stands twice on a cluster, and none is left out where the mirror runs.
 */
export async function expectReadByAll(
  sample: SampleMigration,
  rogue: Rogue,
  floors: readonly string[],
): Promise<void> {
  sample.places.set("checkout", "stopped");
  await settle(sample);
  const onSource = await offsetsOf(sample.source.cluster);
  const onTarget = await offsetsOf(sample.target.cluster);
  const { state } = await sample.engine.status("ferry-orders-billing-forward");
  expect(["running", "absent"]).toContain(state);
  if (state === "running") expect([...onTarget.keys()].toSorted()).toEqual([...onSource.keys()].toSorted());
  const wanted = [...sample.produced, ...rogue.ids].toSorted();
  for (const [group, ids] of sample.read) {
    expect([...new Set(ids)].toSorted(), `records of ${group}`).toEqual(wanted);
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    const hidden = twice.filter((id) => {
      const place = onSource.get(id);
      return !floors.some((floor) => {
        const [name, first] = floor.split(" ");
        return place !== undefined && place.name === name && place.offset >= Number(first);
      });
    });
    expect(hidden, `read twice by ${group}, and not announced in ${floors.join(", ") || "nothing"}`).toEqual(
      [],
    );
  }
  expect(sample.trouble).toEqual([]);
}

type Cluster = SampleMigration["source"]["cluster"];

async function offsetsOf(
  cluster: Cluster,
): Promise<ReadonlyMap<string, { readonly name: string; readonly offset: number }>> {
  const found = new Map<string, { readonly name: string; readonly offset: number }>();
  for (const topic of topics) {
    for (const partition of [0, 1]) {
      for (const { value, offset } of await cluster.read({ topic, partition }, 0, { max: 1_000_000 })) {
        const id = String(value);
        expect(found.has(id), `${id} twice on the ${cluster.role}`).toBe(false);
        found.set(id, { name: `${topic}-${partition}`, offset });
      }
    }
  }
  return found;
}
