import type { ObservedWriter } from "#domain/assess/observed-writers.ts";
import type { AssessedGroup, AssessedTopic } from "#domain/assessment.ts";
import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import type { Apart, Wave } from "#domain/plan.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import { type Known, unknown } from "#domain/topology.ts";
import { type Cut, cutsOf, type Declared, refuseUnknown } from "./wave-cuts.ts";
import { compareText, type Link, linksOf, reasonOf, transactionalTopics } from "./wave-links.ts";
import { compareRisk, type RiskFacts, riskOf } from "./wave-risk.ts";
import { type Exclusion, selectGroups, selectTopics } from "./wave-selection.ts";

/**
 * Which topics and groups move together. A group has one offset commit per cluster and moves as a whole; a producer
 * speaks to one cluster, and so does a transaction; a Streams application's state belongs to its group. So whatever one
 * of these joins is one wave, and nothing else is. Pure.
 */

export type WavePlan = { readonly waves: readonly Wave[]; readonly excluded: readonly Exclusion[] };

export type WaveQuestion = {
  readonly topics: readonly AssessedTopic[];
  readonly groups: readonly AssessedGroup[];
  readonly settings: Pick<MigrationSettings, "replication" | "clients" | "waves">;
  /** Producers as the source remembers them; absent: nobody asked it. */
  readonly writers?: Known<readonly ObservedWriter[]>;
  /** Waves that have begun to move: they stay exactly as they are, whatever the settings say now. */
  readonly fixed?: readonly Wave[];
  /** Waves of the plan before: a wave that holds one's topics keeps its name, because its state is kept under it. */
  readonly previous?: readonly Wave[];
};

/** Said of the producers where nobody asked the source. */
export const writersNotAsked = unknown("the source was not asked for its producers");

/**
 * Waves from least to most risk, the unused topics last, and what is left out with its reason. `E_SETTINGS` when
 * ferry.yaml names what does not exist, or cuts apart what moves together without saying why.
 */
export function planWaves(question: WaveQuestion): WavePlan {
  const { settings, writers = writersNotAsked, previous = [] } = question;
  const declared = declaredWaves(question);
  const named = new Set(declared.flatMap(({ topics }) => topics));
  const topics = selectTopics(question.topics, settings.replication.topics, named);
  const carried = new Map(topics.selected.map((topic) => [topic.name, topic]));
  const groups = selectGroups(question.groups, settings.replication.groups, carried);
  const { clients } = settings;
  const all = linksOf({ ...question, groupLinks: groups.links, clients, writers, carried });
  refuseUnknown(declared, question.topics, topics.excluded);
  const cuts = cutsOf(declared, all);
  const cut = new Set(cuts.map(({ link }) => link));
  const links = all.filter((link) => !cut.has(link));
  const byTopic = linksByTopic(links);
  const own = declared.map((wave) => completed(wave, byTopic));
  const free = topics.selected.filter(({ name }) => !named.has(name)).map(({ name }) => name);
  const joined = components(free, links);
  const rest = joined.filter(({ links }) => links.length === 0).flatMap(({ topics }) => topics);
  const taken = new Set([...own.map(({ name }) => name), "rest"]);
  const automatic = joined
    .filter(({ links }) => links.length > 0)
    .toSorted((a, b) => compareText(a.topics[0] ?? "", b.topics[0] ?? ""))
    .map((part) => automaticWave(part, carried, previous, taken));
  const facts: RiskFacts = { carried, transactional: transactionalTopics(writers), clients };
  const scored = (wave: Wave) => ({ ...wave, risk: riskOf(wave, facts) });
  const byRisk = [...own, ...automatic].map(scored).toSorted(compareRisk);
  const ordered = rest.length === 0 ? byRisk : [...byRisk, scored(restWave(rest))];
  refuseUnknownTasks(settings, ordered);
  return {
    waves: ordered.map(({ risk, ...wave }) => ({
      ...wave,
      risk: { score: risk.score, why: risk.why },
      ...apartOf(wave, cuts),
    })),
    excluded: [...topics.excluded, ...groups.excluded],
  };
}

/** Tasks for a wave that there is not would do nothing, and nobody would be told. */
function refuseUnknownTasks({ replication }: WaveQuestion["settings"], waves: readonly Wave[]): void {
  const names = waves.map(({ name }) => name);
  const [unknownWave] = Object.keys(replication.tasks).filter((name) => !names.includes(name));
  if (unknownWave === undefined) return;
  const nearest = closestName(unknownWave, names);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw new FerryError("E_SETTINGS", `replication.tasks: there is no wave ${unknownWave}${hint}`);
}

function declaredWaves({ settings, fixed = [] }: WaveQuestion): readonly Declared[] {
  const begun = new Set(fixed.map(({ name }) => name));
  const written = (settings.waves ?? []).filter(({ name }) => !begun.has(name));
  return [
    ...fixed.map((wave) => ({ ...wave, begun: true })),
    ...written.map((wave) => ({ ...wave, begun: false })),
  ];
}

/** What of this wave also stands in another one, and why that is allowed. */
function apartOf({ topics, groups }: Wave, cuts: readonly Cut[]): { readonly apart?: Apart[] } {
  const own = cuts.filter(
    ({ link }) =>
      link.topics.some((topic) => topics.includes(topic)) || link.groups.some((id) => groups.includes(id)),
  );
  return own.length === 0 ? {} : { apart: own.map(({ apart }) => apart) };
}

function linksByTopic(links: readonly Link[]): ReadonlyMap<string, readonly Link[]> {
  const byTopic = new Map<string, Link[]>();
  for (const link of links) {
    for (const topic of link.topics) {
      const there = byTopic.get(topic);
      if (there === undefined) byTopic.set(topic, [link]);
      else there.push(link);
    }
  }
  return byTopic;
}

/** Groups that read a declared wave's topics belong to it, listed or not. */
function completed({ name, topics, groups }: Declared, byTopic: ReadonlyMap<string, readonly Link[]>): Wave {
  const own = [...new Set(topics.flatMap((topic) => byTopic.get(topic) ?? []))];
  const readers = own.flatMap((link) => link.groups);
  return {
    name,
    topics: topics.toSorted(compareText),
    groups: [...new Set([...groups, ...readers])].toSorted(compareText),
    why: `named in ferry.yaml${own.length === 0 ? "" : `; ${reasonOf(own)}`}`,
  };
}

type Component = {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly links: readonly Link[];
};

/** Topics that a chain of links joins, by union-find over topics and groups. */
function components(topics: readonly string[], links: readonly Link[]): readonly Component[] {
  const parent = new Map(topics.map((topic) => [topicNode(topic), topicNode(topic)]));
  const free = links.filter((link) => link.topics.some((topic) => parent.has(topicNode(topic))));
  for (const { topics: joined, groups } of free) {
    const nodes = [...joined.map(topicNode), ...groups.map(groupNode)];
    const [first, ...others] = nodes.map((node) => root(parent, node));
    for (const other of others) if (first !== undefined) parent.set(root(parent, other), root(parent, first));
  }
  const byRoot = Map.groupBy(topics.toSorted(compareText), (topic) => root(parent, topicNode(topic)));
  const linksOfRoot = Map.groupBy(free, ({ topics: [topic = ""] }) => root(parent, topicNode(topic)));
  return [...byRoot].map(([top, members]) => {
    const own = linksOfRoot.get(top) ?? [];
    const groups = new Set(own.flatMap((link) => link.groups));
    return { topics: members, groups: [...groups].toSorted(compareText), links: own };
  });
}

function topicNode(topic: string): string {
  return `topic ${topic}`;
}

function groupNode(group: string): string {
  return `group ${group}`;
}

function root(parent: Map<string, string>, node: string): string {
  let top = node;
  for (let next = parent.get(top); next !== undefined && next !== top; next = parent.get(top)) top = next;
  parent.set(node, top);
  return top;
}

function automaticWave(
  { topics, groups, links }: Component,
  carried: ReadonlyMap<string, AssessedTopic>,
  previous: readonly Wave[],
  taken: Set<string>,
): Wave {
  const name = freeName(earlierName(topics, previous) ?? derivedName(topics, carried), taken);
  taken.add(name);
  return { name, topics: [...topics], groups: [...groups], why: reasonOf(links) };
}

/** Of the wave that had most of these topics. */
function earlierName(topics: readonly string[], previous: readonly Wave[]): string | undefined {
  const own = new Set(topics);
  const [best] = previous
    .filter(({ name }) => name !== "rest")
    .map((wave) => ({ name: wave.name, shared: wave.topics.filter((topic) => own.has(topic)).length }))
    .filter(({ shared }) => shared > 0)
    .toSorted((a, b) => b.shared - a.shared || compareText(a.name, b.name));
  return best?.name;
}

/** After the topic that is known to hold most; lower-case letters, digits and hyphens, because it becomes a connector's name. */
function derivedName(topics: readonly string[], carried: ReadonlyMap<string, AssessedTopic>): string {
  const held = (topic: string) => {
    const offsets = carried.get(topic)?.offsetsHeld;
    return offsets?.known === true ? offsets.value : 0;
  };
  const [largest = "wave"] = topics.toSorted((a, b) => held(b) - held(a) || compareText(a, b));
  const name = largest
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 36)
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? "wave" : name;
}

function freeName(wish: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wish)) return wish;
  for (let number = 2; ; number += 1) {
    const name = `${wish.slice(0, 36)}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function restWave(topics: readonly string[]): Wave {
  return {
    name: "rest",
    topics: topics.toSorted(compareText),
    groups: [],
    why: "no group has committed offsets on these topics, no application of ferry.yaml writes to them, and no producer that was seen ties them to another",
  };
}
