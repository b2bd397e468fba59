import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type GroupDescription, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import type { Coordinators, GroupCall } from "./coordinators.ts";
import { answerError, code, isPassing, type Role } from "./errors.ts";
import type { Groups } from "./groups.ts";
import type { Metadata } from "./metadata.ts";
import { fetchOffsets } from "./offset-fetch.ts";
import { batches, type Gaps } from "./retry.ts";

type Row = TopicPartition & { readonly offset: number };
type CommitRow = TopicPartition & { readonly error: number };

const groupsPerCall = 100;
/** The broker writes the rows of one request as one batch: 1,000 with the longest names stay below its 1 MB. */
const rowsPerCommit = 1000;
const groupsTold = 5;
/** Somebody else owns the group: a member, or a group of the newer protocol (KIP-848). */
const ownedByOthers = new Set<number>([
  code.illegalGeneration,
  code.unknownMember,
  code.rebalanceInProgress,
  code.fencedInstance,
  code.staleMemberEpoch,
]);

export type Commits = Pick<KafkaCluster, "commit" | "committed"> & {
  /** Flat tables. With `gaps`, a group without an answer is told there and absent; without, the call fails. */
  readonly tables: (
    groups: readonly string[],
    gaps?: Gaps<string>,
  ) => Promise<ReadonlyMap<string, OffsetTable>>;
};

function createTables(coordinators: Coordinators): Commits["tables"] {
  return async (ids, gaps) => {
    const found = new Map<string, OffsetTable>();
    const fetch: GroupCall = async (node, mine) => {
      const answers = await fetchOffsets(node, mine);
      for (const { group, error, table } of answers) if (error === 0) found.set(group, table);
      return new Map(answers.map(({ group, error }) => [group, error]));
    };
    await coordinators.ask(ids, groupsPerCall, "OffsetFetch", fetch, gaps);
    return found;
  };
}

export function createCommits(
  role: Role,
  metadata: Metadata,
  coordinators: Coordinators,
  groups: Groups,
): Commits {
  const tables = createTables(coordinators);

  async function commit(offsets: ReadonlyMap<string, OffsetTable>): Promise<void> {
    const rows = rowsOf(offsets);
    if (rows.size === 0) return;
    await metadata.topics(topicsOf(rows));
    await refuseMembers(rows.keys().toArray());
    const refused = new Map<string, CommitRow>();
    await coordinators.ask(rows.keys().toArray(), 1, "OffsetCommit", async (node, [group = ""]) => {
      const failed = await commitTo(node, group, rows.get(group) ?? []);
      const passing = failed === undefined || isPassing(failed.error);
      if (!passing) refused.set(group, failed);
      return new Map([[group, passing ? (failed?.error ?? 0) : 0]]);
    });
    if (refused.size > 0) throw await refusal(refused);
    await verify(rows);
  }

  async function refuseMembers(ids: readonly string[]): Promise<void> {
    const alive = (await groups.describeGroups(ids)).filter(({ members }) => members.length > 0);
    if (alive.length > 0) throw aliveError(new Map(alive.map((group) => [group.id, aliveText(role, group)])));
  }

  /** What the coordinators did not take: members that came meanwhile, by group, before anything else. */
  async function refusal(refused: ReadonlyMap<string, CommitRow>): Promise<FerryError> {
    const other = [...refused].find(([, { error }]) => !ownedByOthers.has(error));
    if (other) {
      const [group, { error, topic, partition }] = other;
      return answerError(role, error, `OffsetCommit of ${group} for ${topic}-${partition}`);
    }
    const descriptions = await groups.describeGroups(refused.keys().toArray());
    const lineOf = (group: GroupDescription) => {
      if (group.members.length > 0) return aliveText(role, group);
      const error = refused.get(group.id)?.error ?? code.unknownMember;
      const { message } = answerError(role, error, `OffsetCommit of ${group.id}`);
      return `${message} Its members are not visible to this client.`;
    };
    return aliveError(new Map(descriptions.map((group) => [group.id, lineOf(group)])));
  }

  async function verify(rows: ReadonlyMap<string, readonly Row[]>): Promise<void> {
    const now = await tables(rows.keys().toArray());
    for (const [group, wanted] of rows) {
      const wrong = notAsWanted(wanted, now.get(group) ?? new Map());
      if (wrong !== undefined)
        throw new FerryError("E_KAFKA", `Group ${group} on the ${role} cluster, ${wrong}.`);
    }
  }

  async function committed(ids: readonly string[]): Promise<ReadonlyMap<string, OffsetTable>> {
    const found = await tables(ids);
    return new Map(found.entries().map(([group, table]) => [group, new Map(table)]));
  }

  return { tables, committed, commit };
}

/** "orders-3: committed 7, read back 5" */
function notAsWanted(wanted: readonly Row[], table: OffsetTable): string | undefined {
  const wrong = wanted.find(({ topic, partition, offset }) => at(table, topic, partition) !== offset);
  if (!wrong) return undefined;
  const { topic, partition, offset } = wrong;
  return `${topic}-${partition}: committed ${offset}, read back ${at(table, topic, partition) ?? "none"}`;
}

/** What is known of each of the first groups, then the names of the others. */
function aliveError(lines: ReadonlyMap<string, string>): FerryError {
  const told = [...lines.values()].slice(0, groupsTold).join(" ");
  const others = [...lines.keys()].slice(groupsTold);
  const text = others.length > 0 ? `${told} Members are in these groups too: ${others.join(", ")}.` : told;
  return new FerryError("E_GROUP_ALIVE", text);
}

/** Names up to five members with client id and host. */
function aliveText(role: Role, { id, members }: GroupDescription): string {
  const shown = members.slice(0, 5).map(({ clientId, host }) => `${clientId} at ${host}`);
  const more = members.length > 5 ? ` and ${members.length - 5} more` : "";
  return `Group ${id} on the ${role} cluster has ${members.length} members: ${shown.join(", ")}${more}.`;
}

/** The first row that was not taken. Rows beyond one request's worth follow in the same breath. */
async function commitTo(node: Node, group: string, rows: readonly Row[]): Promise<CommitRow | undefined> {
  const requests = batches(rows, rowsPerCommit).map((part) => commitRequest(group, byTopic(part)));
  const answers = (await Promise.all(requests.map((request) => node.send(request)))).flat();
  const failed = answers.filter(({ error }) => error !== 0);
  return failed.find(({ error }) => !isPassing(error)) ?? failed[0];
}

/** Groups without an offset are left out. */
function rowsOf(offsets: ReadonlyMap<string, OffsetTable>): ReadonlyMap<string, readonly Row[]> {
  const rows = new Map<string, readonly Row[]>();
  for (const [group, table] of offsets) {
    const mine = [...table].flatMap(([topic, cells]) =>
      cells.flatMap((offset, partition) => (offset === undefined ? [] : [{ topic, partition, offset }])),
    );
    if (mine.length > 0) rows.set(group, mine);
  }
  return rows;
}

function topicsOf(rows: ReadonlyMap<string, readonly Row[]>): readonly string[] {
  return [...new Set([...rows.values()].flatMap((mine) => mine.map(({ topic }) => topic)))];
}

function byTopic(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(rows, ({ topic }) => topic);
}

/** A simple commit: generation -1 and no member, which the broker takes for a group without members only. */
function commitRequest(
  group: string,
  topics: ReadonlyMap<string, readonly Row[]>,
): Request<readonly CommitRow[]> {
  return {
    key: 8,
    name: "OffsetCommit",
    min: 2,
    max: 2,
    encode(writer) {
      writer.text(group);
      writer.i32(-1);
      writer.text("");
      writer.i64(-1); // the broker's retention
      writer.array([...topics], ([topic, rows]) => {
        writer.text(topic);
        writer.array(rows, ({ partition, offset }) => {
          writer.i32(partition);
          writer.i64(offset);
          writer.text("");
        });
      });
    },
    decode(reader) {
      return reader
        .array(() => {
          const topic = reader.text();
          return reader.array(() => ({ topic, partition: reader.i32(), error: reader.i16() }));
        })
        .flat();
    },
  };
}
