import { FerryError } from "#domain/errors.ts";
import {
  type GroupDescription,
  type GroupListing,
  type GroupMember,
  type GroupState,
  type Known,
  known,
  type OffsetTable,
  type TopicPartition,
  unknown,
} from "#domain/topology.ts";

type MemberDraft = {
  readonly clientId?: string;
  readonly host?: string;
  /** A static member. */
  readonly instanceId?: string;
  /** Without it, the topics of the assignment. */
  readonly subscription?: readonly string[];
  readonly assignment?: readonly TopicPartition[];
  /** The group's protocol from now on; `consumer` is KIP-848's. */
  readonly type?: GroupDescription["type"];
};

type Group = {
  members: readonly GroupMember[];
  protocolType: string;
  type: GroupDescription["type"];
  state: GroupState | undefined;
  readonly offsets: Map<string, Array<number | undefined>>;
  /** Milliseconds. */
  committedAt: number | undefined;
};

/** Consumer groups in memory, with the broker's rule for commits from outside: nobody may be in the group. */
export type FakeGroups = {
  /** Returns the member id. */
  readonly addMember: (group: string, draft?: MemberDraft) => string;
  /** One member, or all of them. The group stays, empty. */
  readonly removeMember: (group: string, memberId?: string) => void;
  /**
   * Overrules the state that follows from the members, for a rebalance; `undefined` ends that. `Unknown`: the group
   * is listed and cannot be described, so its members are not told.
   */
  readonly setState: (group: string, state: GroupState | undefined) => void;
  /** What a member or a checkpoint connector commits: no rule applies. */
  readonly commitAs: (group: string, offsets: OffsetTable) => void;
  readonly deleteGroup: (group: string) => void;
  readonly list: () => readonly GroupListing[];
  readonly describe: (group: string) => GroupDescription;
  readonly committed: (group: string) => OffsetTable;
  readonly lastCommit: (group: string) => Known<number>;
  /** Commits for all or for none. @throws FerryError `E_GROUP_ALIVE` */
  readonly commit: (offsets: ReadonlyMap<string, OffsetTable>) => void;
};

export function createFakeGroups(role: "source" | "target", now: () => number): FakeGroups {
  const groups = new Map<string, Group>();
  let members = 0;

  function open(id: string): Group {
    const group: Group = groups.get(id) ?? {
      members: [],
      protocolType: "",
      type: "classic",
      state: undefined,
      offsets: new Map(),
      committedAt: undefined,
    };
    groups.set(id, group);
    return group;
  }

  function commitAs(id: string, offsets: OffsetTable): void {
    const group = open(id);
    group.committedAt = now();
    for (const [topic, cells] of offsets) {
      const row = group.offsets.get(topic) ?? [];
      for (const [partition, offset] of cells.entries()) {
        while (row.length <= partition) row.push(undefined);
        if (offset !== undefined) row[partition] = offset;
      }
      group.offsets.set(topic, row);
    }
  }

  return {
    addMember(id, draft = {}) {
      const { clientId = "app", host = "10.0.0.1", instanceId = null, assignment = [] } = draft;
      const { type = "classic", subscription = [...new Set(assignment.map(({ topic }) => topic))] } = draft;
      const group = open(id);
      members += 1;
      const memberId = `${clientId}-${members}`;
      const member = { memberId, instanceId, clientId, host, subscription, assignment };
      group.members = [...group.members, member];
      group.protocolType = "consumer";
      group.type = type;
      return memberId;
    },
    removeMember(id, memberId) {
      const group = open(id);
      group.members = group.members.filter(
        (member) => memberId !== undefined && member.memberId !== memberId,
      );
    },
    setState(id, state) {
      open(id).state = state;
    },
    commitAs,
    deleteGroup: (id) => void groups.delete(id),
    list: () => [...groups].map(([id, { protocolType, type }]) => ({ id, protocolType, type })).sort(byId),
    describe(id) {
      const group = groups.get(id);
      if (!group) return { id, type: "unknown", state: "Dead", protocolType: "", members: [] };
      const { type, protocolType, members } = group;
      if (group.state === "Unknown")
        return { id, type: "unknown", state: "Unknown", protocolType, members: [] };
      const state = group.state ?? (members.length > 0 ? "Stable" : "Empty");
      return { id, type, state, protocolType, members };
    },
    lastCommit(id) {
      const at = groups.get(id)?.committedAt;
      return at === undefined ? unknown(`__consumer_offsets holds no commit of ${id}`) : known(at);
    },
    committed: (id) => new Map([...(groups.get(id)?.offsets ?? [])].map(([topic, row]) => [topic, [...row]])),
    commit(offsets) {
      const alive = [...offsets.keys()].flatMap((id) => {
        const inside = groups.get(id)?.members ?? [];
        if (inside.length === 0) return [];
        const names = inside.map(({ clientId, host }) => `${clientId} at ${host}`).join(", ");
        return [`Group ${id} on the ${role} cluster has ${inside.length} members: ${names}.`];
      });
      if (alive.length > 0) throw new FerryError("E_GROUP_ALIVE", alive.join(" "));
      for (const [id, table] of offsets) commitAs(id, table);
    },
  };
}

export function byId(a: GroupListing, b: GroupListing): number {
  return a.id < b.id ? -1 : 1;
}
