import { FerryError } from "#domain/errors.ts";
import type {
  GroupDescription,
  GroupListing,
  GroupMember,
  GroupState,
  OffsetTable,
  TopicPartition,
} from "#domain/topology.ts";

type MemberDraft = {
  readonly clientId?: string;
  readonly host?: string;
  readonly assignment?: readonly TopicPartition[];
  /** KIP-848: listed, but described as Unknown and without members. */
  readonly newProtocol?: boolean;
};

type Group = {
  members: readonly GroupMember[];
  protocolType: string;
  newProtocol: boolean;
  state: GroupState | undefined;
  readonly offsets: Map<string, Array<number | undefined>>;
};

/** Consumer groups in memory, with the broker's rule for commits from outside: nobody may be in the group. */
export type FakeGroups = {
  /** Returns the member id. */
  readonly addMember: (group: string, draft?: MemberDraft) => string;
  /** One member, or all of them. The group stays, empty. */
  readonly removeMember: (group: string, memberId?: string) => void;
  /** Overrules the state that follows from the members, for a rebalance; `undefined` ends that. */
  readonly setState: (group: string, state: GroupState | undefined) => void;
  /** What a member or a checkpoint connector commits: no rule applies. */
  readonly commitAs: (group: string, offsets: OffsetTable) => void;
  readonly deleteGroup: (group: string) => void;
  readonly list: () => readonly GroupListing[];
  readonly describe: (group: string) => GroupDescription;
  readonly committed: (group: string) => OffsetTable;
  /** @throws FerryError `E_GROUP_ALIVE` */
  readonly commit: (group: string, offsets: OffsetTable) => void;
};

export function createFakeGroups(role: "source" | "target"): FakeGroups {
  const groups = new Map<string, Group>();
  let members = 0;

  function open(id: string): Group {
    const fresh = { members: [], protocolType: "", newProtocol: false, state: undefined, offsets: new Map() };
    const group: Group = groups.get(id) ?? fresh;
    groups.set(id, group);
    return group;
  }

  function commitAs(id: string, offsets: OffsetTable): void {
    const group = open(id);
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
    addMember(id, { clientId = "app", host = "10.0.0.1", assignment = [], newProtocol = false } = {}) {
      const group = open(id);
      members += 1;
      const memberId = `${clientId}-${members}`;
      group.members = [...group.members, { memberId, clientId, host, assignment }];
      group.protocolType = "consumer";
      group.newProtocol = newProtocol;
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
    list: () => [...groups].map(([id, { protocolType }]) => ({ id, protocolType })).sort(byId),
    describe(id) {
      const group = groups.get(id);
      if (!group) return { id, state: "Dead", protocolType: "", members: [] };
      const { protocolType, members } = group;
      if (group.newProtocol) return { id, state: "Unknown", protocolType, members: [] };
      return { id, state: group.state ?? (members.length > 0 ? "Stable" : "Empty"), protocolType, members };
    },
    committed: (id) => new Map([...(groups.get(id)?.offsets ?? [])].map(([topic, row]) => [topic, [...row]])),
    commit(id, offsets) {
      const alive = groups.get(id)?.members ?? [];
      if (alive.length > 0) {
        const names = alive.map(({ clientId, host }) => `${clientId} at ${host}`).join(", ");
        const text = `Group ${id} on the ${role} cluster has ${alive.length} members: ${names}.`;
        throw new FerryError("E_GROUP_ALIVE", text);
      }
      commitAs(id, offsets);
    },
  };
}

function byId(a: GroupListing, b: GroupListing): number {
  return a.id < b.id ? -1 : 1;
}
