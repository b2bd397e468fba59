import { expect, it } from "vitest";
import { at, type OffsetTable } from "#domain/topology.ts";
import { eventually } from "#support/eventually.ts";
import type { Membership } from "#support/java-consumer.ts";
import { unique } from "#support/unique.ts";
import type { ClusterUnderTest } from "./kafka-cluster.ts";

/** The cases of a KafkaCluster's contract that are about groups and their offsets. */
export function describeGroupCases({
  topic,
  under,
  types,
}: {
  /** Creates one with this many partitions. */
  readonly topic: (partitions?: number) => Promise<string>;
  readonly under: () => ClusterUnderTest;
  readonly types: ReadonlyArray<Membership["type"]>;
}): void {
  it("tells an absent group from an empty one", async () => {
    const name = await topic(3);
    const [empty, absent] = [unique("contract-group"), unique("never-was")];
    await under().cluster.commit(one(empty, name, [0, undefined, 0]));
    expect(await under().cluster.describeGroups([absent, empty])).toMatchObject([
      { id: absent, state: "Dead", members: [] },
      { id: empty, state: "Empty", members: [] },
    ]);
    const listed = (await under().cluster.listGroups()).map(({ id }) => id);
    expect(listed).toContain(empty);
    expect(listed).not.toContain(absent);
    expect(await under().cluster.committed([absent, empty])).toEqual(
      new Map([
        [absent, new Map()],
        [empty, new Map([[name, [0, undefined, 0]]])],
      ]),
    );
  });

  it("commits forwards and back, and leaves the other partitions alone", async () => {
    const name = await topic(2);
    const group = unique("contract-group");
    await under().cluster.commit(one(group, name, [7, 8]));
    await under().cluster.commit(one(group, name, [3]));
    expect((await under().cluster.committed([group])).get(group)).toEqual(new Map([[name, [3, 8]]]));
  });

  it("refuses to commit for a group that lives and names its members", async () => {
    const name = await topic();
    const group = unique("contract-group");
    const leave = await under().join(group, name);
    try {
      const [described] = await under().cluster.describeGroups([group]);
      expect(described).toMatchObject({ state: "Stable", protocolType: "consumer" });
      expect(described?.members).toMatchObject([
        { clientId: "contract-app", assignment: [{ topic: name, partition: 0 }] },
      ]);
      await expect(under().cluster.commit(one(group, name, [1]))).rejects.toMatchObject({
        code: "E_GROUP_ALIVE",
        message: expect.stringContaining("contract-app"),
      });
    } finally {
      await leave();
    }
    await under().cluster.commit(one(group, name, [1]));
    expect(at((await under().cluster.committed([group])).get(group) ?? new Map(), name, 0)).toBe(1);
  });

  it("commits for many groups at once, or for none when somebody is in one", async () => {
    const name = await topic(3);
    const groups = Array.from({ length: 40 }, () => unique("contract-group"));
    await under().cluster.commit(
      new Map(groups.map((group, n) => [group, new Map([[name, [n, undefined, n + 1]]])])),
    );
    const committed = await under().cluster.committed(groups);
    expect(groups.map((group) => committed.get(group)?.get(name))).toEqual(
      groups.map((_, n) => [n, undefined, n + 1]),
    );
    const living = unique("contract-group");
    const free = groups[0] ?? "";
    const leave = await under().join(living, name);
    try {
      const both = new Map([...one(free, name, [99]), ...one(living, name, [99])]);
      const error: unknown = await under()
        .cluster.commit(both)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "E_GROUP_ALIVE", message: expect.stringContaining(living) });
      expect(String(error)).not.toContain(free);
    } finally {
      await leave();
    }
    expect((await under().cluster.committed([free])).get(free)?.get(name)).toEqual([0, undefined, 1]);
  });

  it.each(types)("shows what the static members of a %s group read", async (type) => {
    const name = await topic(2);
    const [group, instanceId] = [unique("contract-group"), unique("instance")];
    const leave = await under().joinAs(group, name, { type, instanceId });
    try {
      const described = await eventually(
        "the member has its partitions",
        async () => {
          const [found] = await under().cluster.describeGroups([group]);
          return found?.state === "Stable" && found.members[0]?.assignment.length === 2 ? found : undefined;
        },
        60_000,
      );
      const [zero, first] = [0, 1].map((partition) => ({ topic: name, partition }));
      const member = {
        memberId: expect.any(String),
        instanceId,
        clientId: "contract-app",
        host: expect.stringMatching(/^[\d.]+$/),
        subscription: [name],
        assignment: [zero, first],
      };
      expect(described).toMatchObject({ id: group, type, state: "Stable", protocolType: "consumer" });
      expect(described.members).toEqual([member]);
      await expect(under().cluster.commit(one(group, name, [1]))).rejects.toMatchObject({
        code: "E_GROUP_ALIVE",
      });
    } finally {
      await leave();
    }
  });
}

function one(
  group: string,
  topic: string,
  offsets: ReadonlyArray<number | undefined>,
): ReadonlyMap<string, OffsetTable> {
  return new Map([[group, new Map([[topic, offsets]])]]);
}
