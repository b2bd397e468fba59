import { applicationOf } from "#domain/assess/topic-roles.ts";
import type { AssessedGroup, AssessedMember } from "#domain/assessment.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type GroupDescription,
  type GroupListing,
  type GroupMember,
  type Known,
  known,
  type OffsetTable,
  type Topic,
  unknown,
} from "#domain/topology.ts";
import { type FirstReading, isMemberless, offlineOf, readable } from "#jobs/assess-window.ts";
import { type Advance, advancesOf, perSecond } from "./advances.ts";
import { oldestUnread } from "./lag-times.ts";

export type GroupsSeen = {
  readonly groups: readonly AssessedGroup[];
  /** By group, what its commits advanced by. */
  readonly advances: ReadonlyMap<string, Advance>;
  /** Between the two readings of committed offsets. */
  readonly commitsMs: number;
};

type Parts = {
  readonly listed: ReadonlyMap<string, GroupListing>;
  readonly committed: ReadonlyMap<string, OffsetTable>;
  readonly ends: OffsetTable;
  readonly offline: ReadonlyMap<string, string>;
  readonly unread: (group: string) => AssessedGroup["oldestUnread"];
  readonly lastCommits: ReadonlyMap<string, Known<number>>;
  readonly advances: ReadonlyMap<string, Advance>;
  readonly first: FirstReading;
  readonly windowMs: number;
};

/** Committed offsets before ends, so that lag is never under-reported. */
export async function assessGroups(
  source: KafkaCluster,
  topics: readonly Topic[],
  first: FirstReading,
  windowMs: () => number,
): Promise<GroupsSeen> {
  const listed = new Map((await source.listGroups()).map((listing) => [listing.id, listing]));
  const ids = [...listed.keys()].toSorted((a, b) => a.localeCompare(b));
  const [described, committed] = await Promise.all([describe(ids, listed, source), source.committed(ids)]);
  const elapsed = windowMs();
  const read = new Set([...committed.values()].flatMap((table) => [...table.keys()]));
  const names = readable(topics).filter((name) => read.has(name));
  const ends = await source.offsets(names, "end");
  const starts = await source.offsets(names, "start");
  const advances = advancesOf(first, committed);
  const offline = new Map(
    topics.filter((topic) => offlineOf(topic) > 0).map((topic) => [topic.name, offlineWhy(topic)]),
  );
  const parts: Parts = {
    listed,
    committed,
    ends,
    offline,
    unread: await oldestUnread(committed, starts, ends, source),
    lastCommits: await source.lastCommits(ids),
    advances,
    first,
    windowMs: elapsed,
  };
  return { groups: described.map((group) => assessGroup(group, parts)), advances, commitsMs: elapsed };
}

export function offlineWhy(topic: Topic): string {
  return `${offlineOf(topic)} of ${topic.partitions.length} partitions of ${topic.name} have no leader`;
}

/** Share groups have a request of their own; where the broker lacks it their members are not known. */
async function describe(
  ids: readonly string[],
  listed: ReadonlyMap<string, GroupListing>,
  source: KafkaCluster,
): Promise<readonly GroupDescription[]> {
  const shared = ids.filter((id) => listed.get(id)?.type === "share");
  const others = await source.describeGroups(ids.filter((id) => !shared.includes(id)));
  const told = await source.shareGroups(shared);
  const mine = new Map((told.known ? told.value : []).map((group) => [group.id, group]));
  const found = new Map(others.map((group) => [group.id, group]));
  return ids.map((id) => {
    const group = found.get(id);
    if (group) return group;
    const nobody = { id, state: "Unknown", protocolType: "share", members: [] } as const;
    return { ...(mine.get(id) ?? nobody), type: "unknown" };
  });
}

function assessGroup(group: GroupDescription, parts: Parts): AssessedGroup {
  const { id, state } = group;
  const offsets: OffsetTable = parts.committed.get(id) ?? new Map<string, readonly number[]>();
  const protocolType = parts.listed.get(id)?.protocolType ?? group.protocolType;
  const type = typeOf(group, parts.listed.get(id)?.type);
  const { moved, topics } = parts.advances.get(id) ?? { moved: false, topics: new Map() };
  const kind = type.known ? type.value : "";
  return {
    id,
    type,
    protocolType,
    protocol: group.protocol ?? null,
    state,
    members: group.members.map(memberOf).toSorted(byClient),
    topics: [...offsets.keys()].toSorted((a, b) => a.localeCompare(b)),
    ...(kind === "share" ? shareProgress : progressOf(id, offsets, topics.values(), parts)),
    activity: activityOf(group, moved),
    usesAssign: usesAssign(group, { kind, protocolType, moved, offsets, first: parts.first }),
    application: applicationOf({ ...group, protocolType, type: kind }),
  };
}

type Progress = Pick<AssessedGroup, "lag" | "oldestUnread" | "lastCommit" | "recordsPerSecond">;

function progressOf(
  id: string,
  offsets: OffsetTable,
  advances: Iterable<Known<number>>,
  parts: Parts,
): Progress {
  const last = parts.lastCommits.get(id) ?? unknown("not read");
  if (![...offsets.values()].some((row) => row.some((offset) => offset !== undefined)))
    return nothingCommitted;
  return {
    lag: groupLag(offsets, parts.ends, parts.offline),
    oldestUnread: parts.unread(id),
    lastCommit: last.known ? known(new Date(last.value).toISOString()) : last,
    recordsPerSecond: perSecond(advances, parts.windowMs),
  };
}

const noOffsets = unknown(
  "a share group commits no offsets (KIP-932): kafka-share-groups.sh --describe --offsets",
);

const shareProgress = progressUnknown(noOffsets);
const nothingCommitted = progressUnknown(unknown("it has no committed offset"));

function progressUnknown(why: ReturnType<typeof unknown>): Progress {
  return { lag: why, oldestUnread: why, lastCommit: why, recordsPerSecond: why };
}

function typeOf({ type }: GroupDescription, listed: string | undefined): AssessedGroup["type"] {
  if (listed === "classic" || listed === "consumer" || listed === "share" || listed === "streams") {
    return known(listed);
  }
  if (type !== "unknown") return known(type);
  return unknown("the broker lists groups without their type (KIP-848, Kafka 3.8)");
}

function memberOf({ clientId, host, instanceId, assignment }: GroupMember): AssessedMember {
  const topics = Map.groupBy(assignment, ({ topic }) => topic);
  return {
    clientId,
    host,
    instanceId,
    assignment: [...topics]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([topic, places]) => ({
        topic,
        partitions: places.map(({ partition }) => partition).toSorted((a, b) => a - b),
      })),
  };
}

/** Member ids are not kept, so equal clients are told apart by what is assigned to them. */
function byClient(a: AssessedMember, b: AssessedMember): number {
  return (
    a.clientId.localeCompare(b.clientId) ||
    a.host.localeCompare(b.host) ||
    (JSON.stringify([a.instanceId, a.assignment]) < JSON.stringify([b.instanceId, b.assignment]) ? -1 : 1)
  );
}

function activityOf({ state, members }: GroupDescription, moved: boolean): AssessedGroup["activity"] {
  if (members.length > 0 || moved) return known("active");
  return state === "Unknown" ? unknown("the broker does not tell its members") : known("idle");
}

/** A group that was ever subscribed keeps its protocol type; one that only commits has none. */
function usesAssign(
  group: GroupDescription,
  {
    kind,
    protocolType,
    moved,
    offsets,
    first,
  }: {
    readonly kind: string;
    readonly protocolType: string;
    readonly moved: boolean;
    readonly offsets: OffsetTable;
    readonly first: FirstReading;
  },
): Known<boolean> {
  if (group.members.length > 0 || kind === "share" || kind === "streams") return known(false);
  if (!isMemberless(group)) return unknown("the broker does not tell its members");
  if (moved && first.memberless.includes(group.id)) return known(true);
  if (protocolType !== "" || offsets.size === 0) return known(false);
  return unknown(
    "nobody has ever subscribed in it, and nothing was committed while measuring: an application with assign(), or a tool",
  );
}

/** Offsets may outlive their topic, and be beyond its end when it was made anew. */
function groupLag(
  committed: OffsetTable,
  ends: OffsetTable,
  offline: ReadonlyMap<string, string>,
): Known<number> {
  let lag = 0;
  for (const [topic, row] of committed) {
    for (const [partition, offset] of row.entries()) {
      if (offset === undefined) continue;
      const end = ends.get(topic)?.[partition];
      const where = `${topic}-${partition}`;
      if (end === undefined) return unknown(offline.get(topic) ?? `the end of ${where} is not known`);
      if (offset > end) return unknown(`offset ${offset} of ${where} is beyond its end, ${end}`);
      lag += end - offset;
    }
  }
  return known(lag);
}
