import { type AssessedGroup, type AssessedTopic, sumKnown } from "./assessment.ts";
import { closestName } from "./closest.ts";
import { FerryError } from "./errors.ts";
import type { Wave } from "./plan.ts";
import type { MigrationSettings } from "./settings.ts";
import { type Exclusion, selectGroups, selectTopics } from "./wave-selection.ts";

/**
 * Which topics and groups move together. A group has one offset commit per cluster and moves as a whole; a producer
 * that writes to several topics is stopped once. So whatever a group or a producer joins is one wave. Pure.
 */

export type WavePlan = { readonly waves: readonly Wave[]; readonly excluded: readonly Exclusion[] };

export type WaveQuestion = {
  readonly topics: readonly AssessedTopic[];
  readonly groups: readonly AssessedGroup[];
  readonly settings: Pick<MigrationSettings, "replication" | "clients" | "waves">;
  /** Waves that have begun to move: they stay exactly as they are, whatever the settings say now. */
  readonly fixed?: readonly Wave[];
  /** Waves of the plan before: a wave that holds one's topics keeps its name, because its state is kept under it. */
  readonly previous?: readonly Wave[];
};

/** A group or a producer, and the topics that it holds together. */
type Link = {
  readonly kind: "group" | "producer";
  readonly name: string;
  readonly topics: readonly string[];
};

type Declared = {
  readonly name: string;
  readonly topics: readonly string[];
  readonly groups: readonly string[];
};

/**
 * Waves from least to most risk, the unused topics last, and what is left out with its reason. `E_SETTINGS` when
 * ferry.yaml names what does not exist, or cuts a group or a producer apart.
 */
export function planWaves(question: WaveQuestion): WavePlan {
  const declared = declaredWaves(question);
  const named = new Set(declared.flatMap(({ topics }) => topics));
  const topics = selectTopics(question.topics, question.settings.replication.topics, named);
  const carried = new Map(topics.selected.map((topic) => [topic.name, topic]));
  const groups = selectGroups(question.groups, question.settings.replication.groups, carried);
  const links = [...groups.links, ...producerLinks(question.settings, carried)];
  refuseUnknown(declared, question.topics, topics.excluded);
  refuseCut(declared, links);
  const own = declared.map((wave) => completed(wave, links));
  const free = topics.selected.filter(({ name }) => !named.has(name)).map(({ name }) => name);
  const joined = components(free, links);
  const used = joined.filter(({ links }) => links.length > 0);
  const rest = joined.filter(({ links }) => links.length === 0).flatMap(({ topics }) => topics);
  const taken = new Set([...own.map(({ name }) => name), "rest"]);
  const automatic = used
    .toSorted((a, b) => compareText(a.topics[0] ?? "", b.topics[0] ?? ""))
    .map((part) => automaticWave(part, carried, question.previous ?? [], taken));
  const byRisk = [...own, ...automatic].toSorted((a, b) => compareRisk(a, b, carried));
  return {
    waves: rest.length === 0 ? byRisk : [...byRisk, restWave(rest)],
    excluded: [...topics.excluded, ...groups.excluded],
  };
}

function declaredWaves({ settings, fixed = [] }: WaveQuestion): readonly Declared[] {
  const begun = new Set(fixed.map(({ name }) => name));
  return [...fixed, ...(settings.waves ?? []).filter(({ name }) => !begun.has(name))];
}

function producerLinks(
  { clients }: WaveQuestion["settings"],
  carried: ReadonlyMap<string, unknown>,
): readonly Link[] {
  return clients
    .filter((client) => client.role === "producer")
    .map(({ name, topics }) => ({
      kind: "producer" as const,
      name,
      topics: topics.filter((topic) => carried.has(topic)),
    }))
    .filter(({ topics }) => topics.length > 0);
}

function refuseUnknown(
  declared: readonly Declared[],
  topics: readonly AssessedTopic[],
  excluded: readonly Exclusion[],
): void {
  const known = new Set(topics.map(({ name }) => name));
  const left = new Map(excluded.map(({ name, why }) => [name, why]));
  const owner = new Map<string, string>();
  for (const { name: wave, topics } of declared) {
    for (const topic of topics) {
      if (!known.has(topic)) {
        const nearest = closestName(topic, [...known]);
        const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
        throw new FerryError("E_SETTINGS", `waves: ${wave} names topic ${topic}, not on the source${hint}`);
      }
      const why = left.get(topic);
      if (why !== undefined)
        throw new FerryError("E_SETTINGS", `waves: ${wave} names topic ${topic}, which cannot move: ${why}`);
      const other = owner.get(topic);
      if (other !== undefined)
        throw new FerryError("E_SETTINGS", `waves: topic ${topic} is in ${other} and in ${wave}`);
      owner.set(topic, wave);
    }
  }
}

/** A group or producer with topics in two waves, or in one and in none. */
function refuseCut(declared: readonly Declared[], links: readonly Link[]): void {
  const waveOf = new Map(
    declared.flatMap(({ name, topics }) => topics.map((topic) => [topic, name] as const)),
  );
  for (const { name, groups } of declared) {
    const second = declared.find(
      (other) => other.name !== name && other.groups.some((id) => groups.includes(id)),
    );
    if (second !== undefined) {
      const group = groups.find((id) => second.groups.includes(id));
      throw new FerryError("E_SETTINGS", `waves: group ${group} is in ${name} and in ${second.name}`);
    }
  }
  for (const link of links) {
    const listed = declared.find(({ groups }) => link.kind === "group" && groups.includes(link.name));
    const places = new Set(link.topics.map((topic) => waveOf.get(topic)));
    if (listed !== undefined) places.add(listed.name);
    if (places.size <= 1) continue;
    const where = link.topics.map((topic) => `${topic} (${place(waveOf.get(topic))})`).join(", ");
    const verb = link.kind === "group" ? "reads" : "writes";
    const also = listed === undefined ? "" : ` and is listed in wave ${listed.name}`;
    throw new FerryError(
      "E_SETTINGS",
      `waves: ${link.kind} ${link.name} ${verb} ${where}${also}; it can only move as a whole, in one wave`,
    );
  }
}

function place(wave: string | undefined): string {
  return wave === undefined ? "in no wave of ferry.yaml" : `wave ${wave}`;
}

/** Groups that read a declared wave's topics belong to it, listed or not. */
function completed({ name, topics, groups }: Declared, links: readonly Link[]): Wave {
  const own = links.filter((link) => link.topics.some((topic) => topics.includes(topic)));
  const readers = own.filter(({ kind }) => kind === "group").map((link) => link.name);
  return {
    name,
    topics: [...topics].toSorted(compareText),
    groups: [...new Set([...groups, ...readers])].toSorted(compareText),
    why: `named in ferry.yaml${own.length === 0 ? "" : `; ${reasonOf(own)}`}`,
  };
}

type Component = { readonly topics: readonly string[]; readonly links: readonly Link[] };

/** Topics that a chain of groups and producers joins, by union-find over the topics. */
function components(topics: readonly string[], links: readonly Link[]): readonly Component[] {
  const parent = new Map(topics.map((topic) => [topic, topic]));
  const free = links.filter((link) => link.topics.some((topic) => parent.has(topic)));
  for (const { topics: joined } of free) {
    const [first, ...others] = joined.map((topic) => root(parent, topic));
    for (const other of others) if (first !== undefined) parent.set(root(parent, other), root(parent, first));
  }
  const byRoot = Map.groupBy(topics.toSorted(compareText), (topic) => root(parent, topic));
  return [...byRoot.values()].map((members) => ({
    topics: members,
    links: free.filter((link) => link.topics.some((topic) => members.includes(topic))),
  }));
}

function root(parent: Map<string, string>, topic: string): string {
  let top = topic;
  for (let next = parent.get(top); next !== undefined && next !== top; next = parent.get(top)) top = next;
  parent.set(topic, top);
  return top;
}

function automaticWave(
  { topics, links }: Component,
  carried: ReadonlyMap<string, AssessedTopic>,
  previous: readonly Wave[],
  taken: Set<string>,
): Wave {
  const name = freeName(earlierName(topics, previous) ?? derivedName(topics, carried), taken);
  taken.add(name);
  const groups = links.filter(({ kind }) => kind === "group").map((link) => link.name);
  return { name, topics: [...topics], groups: groups.toSorted(compareText), why: reasonOf(links) };
}

/** Of the wave that had most of these topics. */
function earlierName(topics: readonly string[], previous: readonly Wave[]): string | undefined {
  const shared = (wave: Wave) => wave.topics.filter((topic) => topics.includes(topic)).length;
  const [best] = previous
    .filter((wave) => wave.name !== "rest" && shared(wave) > 0)
    .toSorted((a, b) => shared(b) - shared(a) || compareText(a.name, b.name));
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
    why: "no group has committed offsets on these topics and no application of ferry.yaml writes to them",
  };
}

function reasonOf(links: readonly Link[]): string {
  return links
    .toSorted((a, b) => compareText(a.kind, b.kind) || compareText(a.name, b.name))
    .slice(0, 6)
    .map(({ kind, name, topics }) => `${name} ${kind === "group" ? "reads" : "writes"} ${some(topics)}`)
    .concat(links.length > 6 ? [`and ${links.length - 6} more`] : [])
    .join("; ");
}

function some(topics: readonly string[]): string {
  const shown = topics.slice(0, 4).join(", ");
  return topics.length > 4 ? `${shown} and ${topics.length - 4} more` : shown;
}

/** Least first: class of rate, then partitions, then compacted topics. Classes, so that noise does not reorder waves. */
function compareRisk(a: Wave, b: Wave, carried: ReadonlyMap<string, AssessedTopic>): number {
  const [left, right] = [riskOf(a, carried), riskOf(b, carried)];
  return (
    left.rate - right.rate ||
    left.partitions - right.partitions ||
    left.compacted - right.compacted ||
    compareText(a.name, b.name)
  );
}

export type WaveRisk = { readonly rate: number; readonly partitions: number; readonly compacted: number };

/** `rate` is a class: 0 for silence, then one for each doubling of records per second; above all where not known. */
function riskOf(wave: Wave, carried: ReadonlyMap<string, AssessedTopic>): WaveRisk {
  const topics = wave.topics.flatMap((name) => carried.get(name) ?? []);
  const rate = sumKnown(topics.map(({ recordsPerSecond }) => recordsPerSecond));
  return {
    rate: rate.unknown > 0 ? Number.MAX_VALUE : Math.ceil(Math.log2(rate.sum + 1)),
    partitions: topics.reduce((sum, { partitions }) => sum + partitions, 0),
    compacted: topics.filter(({ compacted }) => compacted).length,
  };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
