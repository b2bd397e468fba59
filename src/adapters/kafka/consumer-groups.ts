import type { GroupDescription, GroupMember, GroupState, TopicPartition } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import type { Reader } from "./wire.ts";

type Described = GroupDescription & { readonly error: number };

/** `GroupState` says why Assigning and Reconciling become rebalance states. */
const states = new Map<string, GroupState>([
  ["Empty", "Empty"],
  ["Assigning", "PreparingRebalance"],
  ["Reconciling", "CompletingRebalance"],
  ["Stable", "Stable"],
  ["Dead", "Dead"],
]);

/** ConsumerGroupDescribe: groups of the protocol of KIP-848, general since Kafka 4.0. Topics come by name. */
export function consumerGroupsRequest(groups: readonly string[]): Request<readonly Described[]> {
  return {
    key: 69,
    name: "ConsumerGroupDescribe",
    min: 0,
    max: 0,
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
  return { error, id, type: "consumer", state, protocolType: "consumer", members };
}

function readMember(reader: Reader): GroupMember {
  const memberId = reader.compactText();
  const instanceId = reader.compactNullableText();
  reader.compactNullableText(); // rack
  reader.i32(); // member epoch
  const clientId = reader.compactText();
  const host = reader.compactText().replace(/^\//, "");
  const subscription = reader.compactArray(reader.compactText);
  reader.compactNullableText(); // a pattern, which the broker resolves
  const assignment = readAssignment(reader);
  readAssignment(reader); // the one it is on its way to
  reader.tags();
  return { memberId, instanceId, clientId, host, subscription, assignment };
}

function readAssignment(reader: Reader): readonly TopicPartition[] {
  const topics = reader.compactArray(() => {
    reader.take(16); // topic id
    const topic = reader.compactText();
    const partitions = reader.compactArray(reader.i32);
    reader.tags();
    return partitions.map((partition) => ({ topic, partition }));
  });
  reader.tags();
  return topics.flat();
}
