import { closestName } from "#domain/closest.ts";
import { FerryError } from "#domain/errors.ts";
import type { Apart } from "#domain/plan.ts";
import type { Link } from "./wave-links.ts";
import type { Exclusion } from "./wave-selection.ts";

/** Waves that somebody wrote down, or that have begun: held to the rules that planned ones follow by themselves. */

export type Declared = {
  readonly name: string;
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly apart?: ReadonlyArray<{ readonly name: string; readonly why: string }> | undefined;
  /** It has begun to move: nothing can join it any more. */
  readonly begun: boolean;
};

/** Each topic exists, may move, and is in one wave. */
export function refuseUnknown(
  declared: readonly Declared[],
  topics: ReadonlyArray<{ readonly name: string }>,
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

/** A link whose parts stand in two waves, or in one and in none, with the reason that allows it. */
export type Cut = { readonly link: Link; readonly apart: Apart };

/**
 * What the written waves cut, all of it allowed by `apart` in ferry.yaml or by a wave that has begun before the link was
 * seen. Any other cut is `E_SETTINGS`.
 */
export function cutsOf(declared: readonly Declared[], links: readonly Link[]): readonly Cut[] {
  const waveOf = new Map(
    declared.flatMap(({ name, topics }) => topics.map((topic) => [topic, name] as const)),
  );
  const listed = listings(declared);
  const allowed = new Map(
    declared.flatMap(({ apart = [] }) => apart.map(({ name, why }) => [name, why] as const)),
  );
  refuseStrangers(allowed, links);
  const begun = new Set(declared.filter(({ begun }) => begun).map(({ name }) => name));
  return links.flatMap((link): readonly Cut[] => {
    const places = new Set(link.topics.map((topic) => waveOf.get(topic)));
    for (const group of link.groups) {
      const wave = listed.get(group);
      if (wave !== undefined) places.add(wave);
    }
    if (places.size <= 1) return [];
    const own = allowed.get(link.name);
    if (own !== undefined) {
      refuseUndecided(link, listed);
      return [{ link, apart: { kind: link.kind, name: link.name, why: own } }];
    }
    const late = [...places].find((wave) => wave !== undefined && begun.has(wave));
    if (late === undefined || link.kind === "group" || link.kind === "producer") {
      throw new FerryError("E_SETTINGS", cutText(link, waveOf, listed));
    }
    const why = `wave ${late} had begun to move before this was seen`;
    return [{ link, apart: { kind: link.kind, name: link.name, why } }];
  });
}

/** Group to the wave that lists it. */
function listings(declared: readonly Declared[]): ReadonlyMap<string, string> {
  const listed = new Map<string, string>();
  for (const { name, groups } of declared) {
    for (const group of groups) {
      const other = listed.get(group);
      if (other !== undefined)
        throw new FerryError("E_SETTINGS", `waves: group ${group} is in ${other} and in ${name}`);
      listed.set(group, name);
    }
  }
  return listed;
}

function refuseStrangers(allowed: ReadonlyMap<string, string>, links: readonly Link[]): void {
  const names = new Set(links.map(({ name }) => name));
  const stranger = [...allowed.keys()].find((name) => !names.has(name));
  if (stranger === undefined) return;
  const nearest = closestName(stranger, [...names]);
  const hint = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  throw new FerryError("E_SETTINGS", `waves: apart names ${stranger}, which ties no topics${hint}`);
}

/** What the bot stops and starts itself has one place; where a group goes must be written. */
function refuseUndecided({ kind, name }: Link, listed: ReadonlyMap<string, string>): void {
  if (kind === "producer") {
    throw new FerryError(
      "E_SETTINGS",
      `waves: apart names producer ${name}, which is stopped and started as one; write it as two clients`,
    );
  }
  if (kind === "group" && !listed.has(name)) {
    throw new FerryError(
      "E_SETTINGS",
      `waves: apart names group ${name}; list it in the groups of the one wave that it moves with`,
    );
  }
}

const verbs = {
  group: "reads",
  producer: "writes",
  writer: "writes",
  streams: "keeps its state in",
  transaction: "writes in one transaction",
} as const;

const nouns = {
  group: "group",
  producer: "producer",
  writer: "writer",
  streams: "Streams application",
  transaction: "transactional producer",
} as const;

function cutText(
  { kind, name, topics, groups }: Link,
  waveOf: ReadonlyMap<string, string>,
  listed: ReadonlyMap<string, string>,
): string {
  const where = topics.map((topic) => `${topic} (${place(waveOf.get(topic))})`).join(", ");
  const also = groups
    .flatMap((group) => {
      const wave = listed.get(group);
      if (wave === undefined) return [];
      return kind === "group" ? [` and is listed in wave ${wave}`] : [` for group ${group} of wave ${wave}`];
    })
    .join("");
  return `waves: ${nouns[kind]} ${name} ${verbs[kind]} ${where}${also}; it can only move as a whole, in one wave`;
}

function place(wave: string | undefined): string {
  return wave === undefined ? "in no wave of ferry.yaml" : `wave ${wave}`;
}
