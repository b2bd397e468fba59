import type { InventoryReads } from "#domain/inventory.ts";
import {
  type GroupDescription,
  type GroupMember,
  type GroupState,
  known,
  unknown,
} from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import type { Coordinators } from "./coordinators.ts";
import { code, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { Reader } from "./wire.ts";

type Group = Omit<GroupDescription, "type">;
type Described = Group & { readonly error: number };

const shareGroupDescribe = 77;
const groupsPerCall = 200;
/** No such group, or the feature is off. */
const untold = new Set<number>([code.groupIdNotFound, code.unsupportedVersion]);
const states = new Map<string, GroupState>([
  ["Empty", "Empty"],
  ["Stable", "Stable"],
  ["Dead", "Dead"],
]);

/** ShareGroupDescribe (KIP-932), in the version of Kafka 4.1 and later; 4.0 had another one in early access. */
export function createShareGroups(
  role: Role,
  metadata: Metadata,
  coordinators: Coordinators,
): Pick<InventoryReads, "shareGroups"> {
  return {
    async shareGroups(ids) {
      if (ids.length === 0) return known([]);
      const { versions } = await metadata.any();
      if ((versions.get(shareGroupDescribe)?.max ?? 0) < 1) {
        const how = "kafka-share-groups.sh --describe --members tells them";
        return unknown(`the ${role} cluster has no ShareGroupDescribe of Kafka 4.1; ${how}`);
      }
      const found = new Map<string, Group>();
      let off = false;
      await coordinators.ask(ids, groupsPerCall, "ShareGroupDescribe", async (node, mine) => {
        const answers = await node.send(shareGroupsRequest(mine));
        for (const { error, ...group } of answers) {
          if (error === 0) found.set(group.id, group);
          off ||= error === code.unsupportedVersion;
        }
        return new Map(answers.map(({ id, error }) => [id, untold.has(error) ? 0 : error]));
      });
      if (off) return unknown(`share groups are switched off on the ${role} cluster (share.version)`);
      return known(ids.map((id) => found.get(id) ?? dead(id)));
    },
  };
}

function dead(id: string): Group {
  return { id, state: "Dead", protocolType: "share", members: [] };
}

export function shareGroupsRequest(groups: readonly string[]): Request<readonly Described[]> {
  return {
    key: shareGroupDescribe,
    name: "ShareGroupDescribe",
    min: 1,
    max: 1,
    flexibleFrom: 0,
    encode(writer) {
      writer.compactArray(groups, writer.compactText);
      writer.bool(false); // authorized operations
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      return reader.compactArray(() => readGroup(reader));
    },
  };
}

function readGroup(reader: Reader): Described {
  const error = reader.i16();
  reader.compactNullableText(); // the error in words
  const id = reader.compactText();
  const state = states.get(reader.compactText()) ?? "Unknown";
  reader.i32(); // group epoch
  reader.i32(); // assignment epoch
  reader.compactText(); // assignor
  const members = reader.compactArray(() => readMember(reader));
  reader.i32(); // authorized operations
  reader.tags();
  return { error, id, state, protocolType: "share", members };
}

function readMember(reader: Reader): GroupMember {
  const memberId = reader.compactText();
  reader.compactNullableText(); // rack
  reader.i32(); // member epoch
  const clientId = reader.compactText();
  const host = reader.compactText().replace(/^\//, "");
  const subscription = reader.compactArray(reader.compactText);
  const assignment = reader.compactArray(() => {
    reader.take(16); // topic id
    const topic = reader.compactText();
    const partitions = reader.compactArray(reader.i32);
    reader.tags();
    return partitions.map((partition) => ({ topic, partition }));
  });
  reader.tags(); // of the assignment
  reader.tags();
  return { memberId, instanceId: null, clientId, host, subscription, assignment: assignment.flat() };
}
