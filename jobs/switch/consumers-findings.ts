import type { GateFact } from "#domain/approval/approval.ts";
import type { Plan, Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import {
  type Committed,
  isQuiet,
  neverCommitted,
  rogueCommits,
  splitBrains,
  staticMembers,
  strayTopics,
  unreadable,
} from "#domain/switch/group-findings.ts";
import type { GroupDescription } from "#domain/topology.ts";
import { short, took } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { fact } from "./gate-facts.ts";

/** What is found out about the groups of a wave before anybody is asked to approve. */

/** The two looks at committed offsets lie so far apart, ms: longer than Kafka's own `auto.commit.interval.ms` of 5,000. */
const apartMs = 5500;

type Side = { readonly groups: readonly GroupDescription[]; readonly committed: Committed };

type Look = { readonly source: Side; readonly target: Side; readonly at: number };

async function look(wave: Wave, target: KafkaCluster, work: Work): Promise<Look> {
  const [source, there] = await Promise.all(
    [work.world.source, target].map(async (cluster) => {
      const [groups, committed] = await Promise.all([
        cluster.describeGroups(wave.groups),
        cluster.committed(wave.groups),
      ]);
      return { groups, committed };
    }),
  );
  const empty: Side = { groups: [], committed: new Map() };
  return { source: source ?? empty, target: there ?? empty, at: work.clock.now() };
}

/**
 * Looks at the groups on both clusters, lets `meanwhile` run, looks again 5.5 s after the first look where somebody may
 * commit without being a member, and says what was found.
 */
export async function groupFacts<T>(
  plan: Plan,
  wave: Wave,
  target: KafkaCluster,
  work: Work,
  meanwhile: () => Promise<T>,
): Promise<{ readonly facts: readonly GateFact[]; readonly value: T }> {
  const before = await look(wave, target, work);
  const value = await meanwhile();
  const rest = apartMs - (work.clock.now() - before.at);
  if (rest > 0 && mayBeRogue(before, wave)) await work.clock.sleep(rest, work.signal);
  const after = await look(wave, target, work);
  const ends = await work.world.source.offsets(wave.topics, "end");
  const partitions = new Map([...ends].map(([topic, row]) => [topic, row.length]));
  return {
    value,
    facts: [
      readable(after),
      splitBrain(after),
      rogues(before, after),
      ...otherTopics(plan, wave, after),
      statics(after, work),
      withoutOffset(after, partitions),
      strayOffsets(wave, after),
    ],
  };
}

/**
 * Only a group without members on the source, with offsets on the wave's topics, is worth waiting for: what members
 * commit is no finding, and who commits on MSK beside them is found by the proof and the watch of the run.
 */
function mayBeRogue({ source, target }: Look, { topics }: Wave): boolean {
  return source.groups
    .filter(isQuiet)
    .some(({ id }) =>
      [source, target].some(({ committed }) =>
        topics.some((topic) => committed.get(id)?.has(topic) === true),
      ),
    );
}

function readable({ source, target }: Look): GateFact {
  const onSource = unreadable(source.groups).map((text) => `${text} on the source`);
  const onTarget = unreadable(target.groups).map((text) => `${text} on MSK`);
  const all = [...onSource, ...onTarget];
  return all.length === 0
    ? fact("group-states", "pass", `the state of all ${source.groups.length} groups is known`)
    : fact("group-states", "fail", `state Unknown, so members may be there: ${short(all)}`);
}

function splitBrain({ source, target }: Look): GateFact {
  const both = splitBrains(source.groups, target.groups);
  return both.length === 0
    ? fact("split-brain", "pass", "no group is active on both clusters")
    : fact("split-brain", "fail", `active on both clusters: ${short(both)}`);
}

function rogues(before: Look, after: Look): GateFact {
  const moved = [
    ...onSide(before.source, after.source).map((text) => `${text} on the source`),
    ...onSide(before.target, after.target).map((text) => `${text} on MSK`),
  ];
  return moved.length === 0
    ? fact("rogue-commits", "pass", "no committed offset moves without a member in its group")
    : fact(
        "rogue-commits",
        "fail",
        `somebody commits without being a member (assign(), or another tool): ${short(moved)}`,
      );
}

function onSide(before: Side, after: Side): readonly string[] {
  const still = new Set(after.groups.filter(isQuiet).map(({ id }) => id));
  const quiet = before.groups.filter((group) => isQuiet(group) && still.has(group.id)).map(({ id }) => id);
  return rogueCommits(before.committed, after.committed, new Set(quiet));
}

/** Topics of another wave stay behind; a topic of no wave is not mirrored at all. */
function otherTopics(plan: Plan, wave: Wave, { source }: Look): readonly GateFact[] {
  const strays = strayTopics(source.groups, source.committed, new Set(wave.topics));
  const waveOf = (topic: string) => plan.waves.find(({ topics }) => topics.includes(topic))?.name;
  const others = strays.flatMap(({ group, topic }) => {
    const other = waveOf(topic);
    return other === undefined ? [] : [`${group}: ${topic} (wave ${other})`];
  });
  const lost = strays.filter(({ topic, reading }) => reading && waveOf(topic) === undefined);
  const old = strays.filter(({ topic, reading }) => !reading && waveOf(topic) === undefined);
  return [
    others.length === 0
      ? fact("other-waves", "pass", "no group reads a topic of another wave")
      : fact("other-waves", "fail", `reads topics that move with another wave: ${short(others)}`),
    lost.length === 0
      ? fact("no-wave", "pass", "every topic that a group reads belongs to a wave")
      : fact("no-wave", "fail", `reads topics of no wave, absent on MSK: ${short(lost.map(nameOf))}`),
    told(
      "old-topics",
      old.map(nameOf),
      "no offsets on topics of no wave",
      (names) => `offsets on topics of no wave stay behind: ${names}`,
    ),
  ];
}

function nameOf({ group, topic }: { readonly group: string; readonly topic: string }): string {
  return `${group}: ${topic}`;
}

function statics({ source }: Look, { migration }: Work): GateFact {
  const patience = took(migration.settings.cutover.patience);
  return told(
    "static-members",
    staticMembers(source.groups),
    "no static members",
    (names) =>
      `static members: ${names}; after their stop they stay in the group until their session timeout ends (session.timeout.ms, in KIP-848 groups the broker's), and the pause is as long; if that is longer than cutover.patience (${patience}), the stop fails then and everything goes back to the source`,
  );
}

/** What somebody has committed on the target for a partition without an offset on the source would decide there. */
function strayOffsets(wave: Wave, { source, target }: Look): GateFact {
  const strays = wave.groups.flatMap((group) =>
    wave.topics.flatMap((topic) => {
      const ours = source.committed.get(group)?.get(topic) ?? [];
      const row = target.committed.get(group)?.get(topic) ?? [];
      return row.flatMap((offset, partition) =>
        offset === undefined || ours[partition] !== undefined
          ? []
          : [`${group}: ${topic}-${partition} at ${offset}`],
      );
    }),
  );
  return strays.length === 0
    ? fact("stray-offsets", "pass", "no offset on MSK that the source does not have")
    : fact(
        "stray-offsets",
        "fail",
        `committed on MSK and never on the source: ${short(strays)}; delete these offsets`,
      );
}

function withoutOffset({ source }: Look, partitions: ReadonlyMap<string, number>): GateFact {
  const cells = neverCommitted(source.groups, source.committed, partitions);
  return told(
    "never-committed",
    cells.map(({ group, topic, partition }) => `${group}: ${topic}-${partition}`),
    "every group has committed on every partition that it reads",
    (names) =>
      `never committed, so nothing is committed on MSK either: ${names}; the group's own auto.offset.reset decides there, and \`latest\` skips what is written until it has joined`,
  );
}

/** A warning that is told and not held to: it comes and goes with the members. */
function told(
  name: string,
  found: readonly string[],
  none: string,
  some: (names: string) => string,
): GateFact {
  return found.length === 0
    ? { name, state: "pass", text: none, pinned: "told" }
    : { name, state: "warn", text: some(short(found)), pinned: "told" };
}
