import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type {
  GroupDescription,
  GroupListing,
  GroupMember,
  GroupState,
  TopicPartition,
} from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import type { Coordinators } from "./coordinators.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect } from "./retry.ts";
import { createReader, type Reader } from "./wire.ts";

type Described = GroupDescription & { readonly error: number };

const groupsPerCall = 200;

const states = new Map<string, GroupState>([
  ["Stable", "Stable"],
  ["Empty", "Empty"],
  ["Dead", "Dead"],
  ["PreparingRebalance", "PreparingRebalance"],
  ["CompletingRebalance", "CompletingRebalance"],
  ["AwaitingSync", "CompletingRebalance"], // its name before 0.11
]);

export type Groups = Pick<KafkaCluster, "listGroups" | "describeGroups">;

export function createGroups(
  role: Role,
  metadata: Metadata,
  coordinators: Coordinators,
  clock: Clock,
): Groups {
  async function listGroups(): Promise<readonly GroupListing[]> {
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
  }

  async function describeGroups(ids: readonly string[]): Promise<readonly GroupDescription[]> {
    const found = new Map<string, GroupDescription>();
    await coordinators.ask(ids, groupsPerCall, "DescribeGroups", async (node, groups) => {
      const answers = await node.send(describeRequest(groups));
      for (const { error, ...group } of answers) if (error === 0) found.set(group.id, group);
      return new Map(answers.map(({ id, error }) => [id, error]));
    });
    const listed = await listedAmong([...found.values()].filter(({ state }) => state === "Dead"));
    return ids.map((id) => listed.get(id) ?? found.get(id) ?? dead(id));
  }

  /** "Dead" is also the answer for a group of another protocol (KIP-848): those that exist become Unknown. */
  async function listedAmong(
    dead: readonly GroupDescription[],
  ): Promise<ReadonlyMap<string, GroupDescription>> {
    if (dead.length === 0) return new Map();
    const names = new Set(dead.map(({ id }) => id));
    const listed = (await listGroups()).filter(({ id }) => names.has(id));
    return new Map(listed.map(({ id, protocolType }) => [id, unknownState(id, protocolType)]));
  }

  return { listGroups, describeGroups };
}

function unknownState(id: string, protocolType: string): GroupDescription {
  return { id, state: "Unknown", protocolType, members: [] };
}

function dead(id: string): GroupDescription {
  return { id, state: "Dead", protocolType: "", members: [] };
}

const listRequest: Request<{ error: number; groups: readonly GroupListing[] }> = {
  key: 16,
  name: "ListGroups",
  min: 1,
  max: 2,
  encode() {},
  decode(reader) {
    reader.throttle();
    const error = reader.i16();
    return { error, groups: reader.array(() => ({ id: reader.text(), protocolType: reader.text() })) };
  },
};

function describeRequest(groups: readonly string[]): Request<readonly Described[]> {
  return {
    key: 15,
    name: "DescribeGroups",
    min: 1,
    max: 2,
    encode(writer) {
      writer.array(groups, writer.text);
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const id = reader.text();
        const state = states.get(reader.text()) ?? "Unknown";
        const protocolType = reader.text();
        reader.text(); // the assignor
        const members = reader.array(() => readMember(reader, protocolType));
        return { error, id, state, protocolType, members };
      });
    },
  };
}

function readMember(reader: Reader, protocolType: string): GroupMember {
  const memberId = reader.text();
  const clientId = reader.text();
  const host = reader.text().replace(/^\//, "");
  reader.bytes(); // its subscription
  const assignment = reader.bytes();
  return {
    memberId,
    clientId,
    host,
    assignment: protocolType === "consumer" ? decodeAssignment(assignment) : [],
  };
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
