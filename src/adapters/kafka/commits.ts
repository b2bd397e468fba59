import { FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { at, type GroupDescription, type OffsetTable } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import type { Coordinators } from "./coordinators.ts";
import { answerError, code, isPassing, type Role } from "./errors.ts";
import type { Groups } from "./groups.ts";
import type { Metadata } from "./metadata.ts";
import type { Reader } from "./wire.ts";

type Fetched = { readonly group: string; readonly error: number; readonly table: OffsetTable };
type Row = { readonly partition: number; readonly offset: number };
type Rows = ReadonlyArray<{ readonly topic: string; readonly rows: readonly Row[] }>;
type Cells = Array<number | undefined>;
type CommitRow = { readonly topic: string; readonly partition: number; readonly error: number };

const groupsPerCall = 100;
/** Somebody else owns the group: a member, or a group of the newer protocol (KIP-848). */
const ownedByOthers = new Set<number>([
  code.illegalGeneration,
  code.unknownMember,
  code.rebalanceInProgress,
  code.fencedInstance,
  code.staleMemberEpoch,
]);

export type Commits = Pick<KafkaCluster, "committed" | "commit">;

export function createCommits(
  role: Role,
  metadata: Metadata,
  coordinators: Coordinators,
  groups: Groups,
): Commits {
  async function committed(ids: readonly string[]): Promise<ReadonlyMap<string, OffsetTable>> {
    const found = new Map<string, OffsetTable>();
    await coordinators.ask(ids, groupsPerCall, "OffsetFetch", async (node, mine) => {
      const answers = await fetchFrom(node, mine);
      for (const { group, error, table } of answers) if (error === 0) found.set(group, table);
      return new Map(answers.map(({ group, error }) => [group, error]));
    });
    return found;
  }

  async function commit(group: string, offsets: OffsetTable): Promise<void> {
    const rows = rowsOf(offsets);
    if (rows.length === 0) return;
    await metadata.topics(offsets.keys().toArray());
    await refuseMembers(group);
    await coordinators.ask([group], 1, "OffsetCommit", async (node) => {
      const answers = await node.send(commitRequest(group, rows));
      const failed = answers.find(({ error }) => error !== 0);
      if (failed && ownedByOthers.has(failed.error)) throw await alive(group, failed.error);
      if (failed && !isPassing(failed.error)) {
        throw answerError(
          role,
          failed.error,
          `OffsetCommit of ${group} for ${failed.topic}-${failed.partition}`,
        );
      }
      return new Map([[group, failed?.error ?? 0]]);
    });
    await verify(group, rows);
  }

  async function refuseMembers(group: string): Promise<void> {
    const [description] = await groups.describeGroups([group]);
    if (description && description.members.length > 0) throw aliveError(role, description);
  }

  async function alive(group: string, error: number): Promise<FerryError> {
    const [description] = await groups.describeGroups([group]);
    if (description && description.members.length > 0) return aliveError(role, description);
    const cause = answerError(role, error, `OffsetCommit of ${group}`);
    return new FerryError("E_GROUP_ALIVE", `${cause.message} Its members are not visible to this client.`, {
      cause,
    });
  }

  async function verify(group: string, rows: Rows): Promise<void> {
    const table = (await committed([group])).get(group) ?? new Map();
    for (const { topic, rows: wanted } of rows) {
      const wrong = wanted.find(({ partition, offset }) => at(table, topic, partition) !== offset);
      if (!wrong) continue;
      const has = at(table, topic, wrong.partition) ?? "none";
      const text = `Group ${group} on the ${role} cluster, ${topic}-${wrong.partition}: committed ${wrong.offset}, read back ${has}.`;
      throw new FerryError("E_KAFKA", text);
    }
  }

  return { committed, commit };
}

/** Names up to five members with client id and host. */
function aliveError(role: Role, { id, members }: GroupDescription): FerryError {
  const shown = members.slice(0, 5).map(({ clientId, host }) => `${clientId} at ${host}`);
  const more = members.length > 5 ? ` and ${members.length - 5} more` : "";
  const text = `Group ${id} on the ${role} cluster has ${members.length} members: ${shown.join(", ")}${more}.`;
  return new FerryError("E_GROUP_ALIVE", text);
}

async function fetchFrom(node: Node, groups: readonly string[]): Promise<readonly Fetched[]> {
  if ((node.versions.get(9)?.max ?? 0) >= 8) return node.send(fetchMany(groups));
  return Promise.all(groups.map((group) => node.send(fetchOne(group))));
}

function rowsOf(offsets: OffsetTable): Rows {
  return [...offsets]
    .map(([topic, cells]) => ({
      topic,
      rows: cells.flatMap((offset, partition) => (offset === undefined ? [] : [{ partition, offset }])),
    }))
    .filter(({ rows }) => rows.length > 0);
}

/** A simple commit: generation -1 and no member, which the broker takes for a group without members only. */
function commitRequest(group: string, topics: Rows): Request<readonly CommitRow[]> {
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
      writer.array(topics, ({ topic, rows }) => {
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

function fetchOne(group: string): Request<Fetched> {
  return {
    key: 9,
    name: "OffsetFetch",
    min: 3,
    max: 3,
    encode(writer) {
      writer.text(group);
      writer.array(null, () => {});
    },
    decode(reader) {
      reader.throttle();
      const table = new Map<string, Cells>();
      let worst = 0;
      reader.array(() => {
        const cells = column(table, reader.text());
        reader.array(() => {
          worst = readCell(reader, cells, () => void reader.nullableText()) || worst;
        });
      });
      const error = reader.i16() || worst;
      return { group, error, table };
    },
  };
}

/** Many groups in one request: KIP-709, Kafka 3.0. */
function fetchMany(groups: readonly string[]): Request<readonly Fetched[]> {
  return {
    key: 9,
    name: "OffsetFetch",
    min: 8,
    max: 8,
    flexibleFrom: 6,
    encode(writer) {
      writer.compactArray(groups, (group) => {
        writer.compactText(group);
        writer.compactArray(null, () => {});
        writer.tags();
      });
      writer.bool(false);
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      return reader.compactArray(() => readGroup(reader));
    },
  };
}

function readGroup(reader: Reader): Fetched {
  const group = reader.compactText();
  const table = new Map<string, Cells>();
  let worst = 0;
  reader.compactArray(() => {
    const cells = column(table, reader.compactText());
    reader.compactArray(() => {
      worst = readCell(reader, cells, () => skipEpochAndText(reader)) || worst;
      reader.tags();
    });
    reader.tags();
  });
  const error = reader.i16() || worst;
  reader.tags();
  return { group, error, table };
}

function skipEpochAndText(reader: Reader): void {
  reader.i32();
  reader.compactNullableText();
}

function column(table: Map<string, Cells>, topic: string): Cells {
  const cells: Cells = [];
  table.set(topic, cells);
  return cells;
}

/** -1 stands for "never committed". Returns the partition's error code. */
function readCell(reader: Reader, cells: Cells, skipText: () => void): number {
  const partition = reader.i32();
  const offset = reader.i64();
  skipText();
  const error = reader.i16();
  if (error !== 0 || offset < 0) return error;
  while (cells.length < partition) cells.push(undefined);
  cells[partition] = offset;
  return 0;
}
