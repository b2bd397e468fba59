import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type {
  GroupDescription,
  GroupListing,
  GroupMember,
  GroupState,
  TopicPartition,
} from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { consumerGroupsRequest } from "./consumer-groups.ts";
import type { Coordinators, GroupCall } from "./coordinators.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect, type Gaps } from "./retry.ts";
import { createReader, type Reader } from "./wire.ts";

type Described = GroupDescription & { readonly error: number };

const groupsPerCall = 200;
const consumerGroupDescribe = 69;
/** No such group, or the new coordinator is off (3.7 to 3.9), or a topic that a member reads is not ours to see. */
const undescribed = new Set<number>([code.groupIdNotFound, code.unsupportedVersion, code.topicAuthorization]);

const states = new Map<string, GroupState>([
  ["Stable", "Stable"],
  ["Empty", "Empty"],
  ["Dead", "Dead"],
  ["PreparingRebalance", "PreparingRebalance"],
  ["CompletingRebalance", "CompletingRebalance"],
  ["AwaitingSync", "CompletingRebalance"], // its name before 0.11
]);

export type Groups = Pick<KafkaCluster, "listGroups"> & {
  /** With `gaps`, a group without an answer is told there and left out; without, the call fails. */
  readonly describeGroups: (
    groups: readonly string[],
    gaps?: Gaps<string>,
  ) => Promise<readonly GroupDescription[]>;
};

type Descriptions = ReadonlyMap<string, GroupDescription>;

/** Asks every broker: each lists the groups that it coordinates. */
function createListing(role: Role, metadata: Metadata, clock: Clock): Groups["listGroups"] {
  return async (): Promise<readonly GroupListing[]> => {
    const { brokers } = await metadata.view();
    const found = new Map<string, GroupListing>();
    await collect(
      [...brokers.keys()],
      async (pending, fail) => {
        const asking = pending.map(async (id) => {
          try {
            const node = await metadata.broker(id);
            const { error, groups } = await node.send(listRequest);
            if (isPassing(error)) return fail(id, codeName(error));
            if (error !== 0) throw answerError(role, error, `ListGroups of broker ${id}`);
            for (const group of groups) found.set(group.id, group);
          } catch (thrown) {
            if (!isUnreachable(thrown)) throw thrown;
            fail(id, thrown.message);
          }
        });
        await Promise.all(asking);
      },
      { clock, what: `Groups of the ${role} cluster`, name: (id) => `broker ${id}` },
    );
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  };
}

type Describe = (ids: readonly string[], gaps: Gaps<string> | undefined) => Promise<Descriptions>;

function createClassic(coordinators: Coordinators): Describe {
  return async (ids, gaps) => {
    const found = new Map<string, GroupDescription>();
    const describe: GroupCall = async (node, groups) => {
      const answers = await node.send(describeRequest(groups));
      for (const { error, ...group } of answers) {
        if (error !== 0) continue;
        found.set(group.id, group.state === "Dead" ? { ...group, type: "unknown" } : group);
      }
      return new Map(answers.map(({ id, error }) => [id, error]));
    };
    await coordinators.ask(ids, groupsPerCall, "DescribeGroups", describe, gaps);
    return found;
  };
}

/** DescribeGroups calls groups of the newer protocol (KIP-848) "Dead". Those that cannot be described are left out. */
function createConsumers(coordinators: Coordinators): Describe {
  return async (ids, gaps) => {
    const found = new Map<string, GroupDescription>();
    const describe: GroupCall = async (node, groups) => {
      if (!node.versions.has(consumerGroupDescribe)) return new Map(groups.map((id) => [id, 0]));
      const answers = await node.send(consumerGroupsRequest(groups));
      for (const { error, ...group } of answers) if (error === 0) found.set(group.id, group);
      return new Map(answers.map(({ id, error }) => [id, undescribed.has(error) ? 0 : error]));
    };
    await coordinators.ask(ids, groupsPerCall, "ConsumerGroupDescribe", describe, gaps);
    return found;
  };
}

/** Groups of a type that could not be described are in the list all the same. */
function createListed(listGroups: Groups["listGroups"]): Describe {
  return async (ids, gaps) => {
    if (ids.length === 0) return new Map();
    const names = new Set(ids);
    try {
      const listed = (await listGroups()).filter(({ id }) => names.has(id));
      return new Map(listed.map(({ id, protocolType }) => [id, unknownState(id, protocolType)]));
    } catch (thrown) {
      if (!gaps || !(thrown instanceof FerryError)) throw thrown;
      // Whether they exist is not known, so they are not called dead.
      for (const id of ids) gaps.refused(id, thrown);
      return new Map();
    }
  };
}

export function createGroups(
  role: Role,
  metadata: Metadata,
  coordinators: Coordinators,
  clock: Clock,
): Groups {
  const listGroups = createListing(role, metadata, clock);
  const classic = createClassic(coordinators);
  const consumers = createConsumers(coordinators);
  const listed = createListed(listGroups);

  return {
    listGroups,
    async describeGroups(ids, given) {
      const lost = new Set<string>();
      const gaps = given && noting(given, lost);
      const found = await classic(ids, gaps);
      const gone = [...new Set(ids)].filter(
        (id) => !lost.has(id) && (found.get(id)?.state ?? "Dead") === "Dead",
      );
      const newer = await consumers(gone, gaps);
      const existing = await listed(
        gone.filter((id) => !lost.has(id) && !newer.has(id)),
        gaps,
      );
      return ids
        .filter((id) => !lost.has(id))
        .map((id) => newer.get(id) ?? existing.get(id) ?? found.get(id) ?? dead(id));
    },
  };
}

/** Passes gaps on and remembers whose they are. */
function noting({ missing, refused }: Gaps<string>, lost: Set<string>): Gaps<string> {
  return {
    missing(failed, asked) {
      for (const [id] of failed) lost.add(id);
      missing(failed, asked);
    },
    refused(id, error) {
      lost.add(id);
      refused(id, error);
    },
  };
}

function unknownState(id: string, protocolType: string): GroupDescription {
  return { id, type: "unknown", state: "Unknown", protocolType, members: [] };
}

function dead(id: string): GroupDescription {
  return { id, type: "unknown", state: "Dead", protocolType: "", members: [] };
}

/** The type of a group from version 5 on: KIP-848, Kafka 3.8. */
export const listRequest: Request<{ error: number; groups: readonly GroupListing[] }> = {
  key: 16,
  name: "ListGroups",
  min: 1,
  max: 5,
  flexibleFrom: 3,
  encode(writer, version) {
    if (version >= 4) writer.compactArray([], () => {}); // every state
    if (version >= 5) writer.compactArray([], () => {}); // every type
    if (version >= 3) writer.tags();
  },
  decode(reader, version) {
    reader.throttle();
    const error = reader.i16();
    if (version < 3) {
      return { error, groups: reader.array(() => ({ id: reader.text(), protocolType: reader.text() })) };
    }
    const groups = reader.compactArray(() => {
      const id = reader.compactText();
      const protocolType = reader.compactText();
      if (version >= 4) reader.compactText(); // its state
      const type = version >= 5 ? reader.compactText().toLowerCase() : undefined;
      reader.tags();
      return { id, protocolType, ...(type === undefined ? {} : { type }) };
    });
    return { error, groups };
  },
};

/** Static members' ids from version 4 on: KIP-345, Kafka 2.4. */
function describeRequest(groups: readonly string[]): Request<readonly Described[]> {
  return {
    key: 15,
    name: "DescribeGroups",
    min: 1,
    max: 4,
    encode(writer, version) {
      writer.array(groups, writer.text);
      if (version >= 3) writer.bool(false); // authorized operations
    },
    decode(reader, version) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const id = reader.text();
        const state = states.get(reader.text()) ?? "Unknown";
        const protocolType = reader.text();
        const protocol = reader.text();
        const members = reader.array(() => readMember(reader, protocolType, version));
        if (version >= 3) reader.i32();
        const agreed = protocol === "" ? {} : { protocol };
        return { error, id, type: "classic", state, protocolType, ...agreed, members };
      });
    },
  };
}

function readMember(reader: Reader, protocolType: string, version: number): GroupMember {
  const memberId = reader.text();
  const instanceId = version >= 4 ? reader.nullableText() : null;
  const clientId = reader.text();
  const host = reader.text().replace(/^\//, "");
  const subscription = reader.bytes();
  const assignment = reader.bytes();
  const isConsumer = protocolType === "consumer";
  return {
    memberId,
    instanceId,
    clientId,
    host,
    subscription: isConsumer ? decodeSubscription(subscription) : [],
    assignment: isConsumer ? decodeAssignment(assignment) : [],
  };
}

/** ConsumerProtocolSubscription: version, topics, then what is of no interest here. Empty while a rebalance runs. */
function decodeSubscription(bytes: Buffer | null): readonly string[] {
  if (bytes === null || bytes.length === 0) return [];
  const reader = createReader(bytes);
  reader.i16();
  return reader.array(reader.text);
}

/** ConsumerProtocolAssignment: version, topics with partitions, user data. Empty while a rebalance runs. */
function decodeAssignment(bytes: Buffer | null): readonly TopicPartition[] {
  if (bytes === null || bytes.length === 0) return [];
  const reader = createReader(bytes);
  reader.i16();
  return reader
    .array(() => ({ topic: reader.text(), partitions: reader.array(reader.i32) }))
    .flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}
