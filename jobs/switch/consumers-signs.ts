import type { KafkaCluster } from "#domain/ports.ts";
import { type Committed, differences } from "#domain/switch/group-findings.ts";
import { Signs } from "#domain/switch/pause.ts";
import { at, type OffsetTable, type TopicPartition } from "#domain/topology.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { createSighted, recallSightings, type Sighted } from "./consumers-observed.ts";
import type { Exact } from "./translate-all.ts";
import { tablesOf } from "./translate-groups.ts";

/** Watches for the last sign of life on one side and the first on the other. Measures only: its trouble is no failure. */

/** Between two looks, ms; each is one request for all groups together. */
const everyMs = 100;

/** What this run has seen so far, across its attempts. */
export async function recallSigns(run: Run): Promise<Signs> {
  return Signs.safeParse(await run.recall("signs")).data ?? { groups: {} };
}

export async function noteSigns(run: Run, seen: Partial<Signs>): Promise<Signs> {
  const before = await recallSigns(run);
  const groups = { ...before.groups };
  for (const [group, signs] of Object.entries(seen.groups ?? {})) {
    groups[group] = { ...groups[group], ...signs };
  }
  const signs = { ...before, ...seen, groups };
  await run.remember("signs", signs);
  return signs;
}

export type Lookout = {
  look(): Promise<void>;
  seen(): Signs["groups"];
};

/** Notes when a group's committed offsets were last seen to move. */
export function createFarewell(cluster: KafkaCluster, groups: readonly string[], work: Work): Lookout {
  const last = new Map<string, number>();
  let before: ReadonlyMap<string, OffsetTable> | undefined;
  return {
    async look() {
      const now = await cluster.committed(groups);
      const at = work.clock.now();
      for (const group of before === undefined ? [] : groups) {
        if (differences(before?.get(group), now.get(group)).length > 0) last.set(group, at);
      }
      before = now;
    },
    seen: () => Object.fromEntries([...last].map(([group, lastRead]) => [group, { lastRead }])),
  };
}

export type Welcome = Lookout &
  Pick<Progress, "hasRead" | "note"> & {
    lookForMembers(): Promise<void>;
    /** Keeps what was seen for this run's next attempt. */
    keep(): Promise<Signs>;
  };

/** Notes when each group shows its first member, when its offsets first move on, and where to. */
export async function createWelcome(
  cluster: KafkaCluster,
  groups: readonly string[],
  translated: readonly Exact[],
  work: Work,
  run: Run,
): Promise<Welcome> {
  const { groups: known } = await recallSigns(run);
  const signs = new Map(groups.map((group) => [group, { ...known[group] }]));
  const progress = createProgress(tablesOf(translated));
  const sighted: Sighted = createSighted(translated, await recallSightings(run));

  function note(now: Committed): void {
    const at = work.clock.now();
    progress.note(now);
    sighted.note(now);
    for (const [group, sign] of signs) {
      if (sign.firstRead === undefined && progress.hasRead(group)) sign.firstRead = at;
      if (sign.firstRead !== undefined) sign.firstMember ??= sign.firstRead;
    }
  }

  async function lookForMembers(): Promise<void> {
    const nobodyYet = groups.filter((group) => signs.get(group)?.firstMember === undefined);
    if (nobodyYet.length === 0) return;
    const described = await cluster.describeGroups(nobodyYet);
    const at = work.clock.now();
    for (const { id, members } of described) {
      const sign = signs.get(id);
      if (sign !== undefined && members.length > 0) sign.firstMember ??= at;
    }
  }

  return {
    note,
    hasRead: (group) => progress.hasRead(group),
    lookForMembers,
    async keep() {
      await run.remember("sightings", sighted.list());
      return await noteSigns(run, { groups: Object.fromEntries(signs) });
    },
    async look() {
      const [now] = await Promise.all([cluster.committed(groups), lookForMembers()]);
      note(now);
    },
    seen: () => Object.fromEntries(signs),
  };
}

type Progress = {
  note(now: Committed): void;
  hasRead(group: string): boolean;
};

/**
 * A group has read when an offset moves on from where it was committed for it. Where none was, its first commit says
 * where it begins (`auto.offset.reset`), and only the next one that it reads.
 */
export function createProgress(committed: Committed): Progress {
  const places = new Map<string, number>();
  const reading = new Set<string>();

  function noteCell(group: string, { topic, partition }: TopicPartition, offset: number): void {
    const key = `${group} ${topic}-${partition}`;
    const place = at(committed.get(group) ?? new Map(), topic, partition) ?? places.get(key);
    if (place === undefined) places.set(key, offset);
    else if (offset > place) reading.add(group);
  }

  return {
    note(now) {
      for (const [group, table] of reading.size < now.size ? now : []) {
        for (const [topic, row] of reading.has(group) ? [] : table) {
          for (const [partition, offset] of row.entries()) {
            if (offset !== undefined) noteCell(group, { topic, partition }, offset);
          }
        }
      }
    },
    hasRead: (group) => reading.has(group),
  };
}

/** Looks again and again until `act` has ended. */
export async function whileLooking<T>(lookout: Lookout, work: Work, act: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const looking = keepLooking(lookout, work, over.signal);
  try {
    return await act();
  } finally {
    over.abort();
    await looking;
  }
}

async function keepLooking(lookout: Lookout, work: Work, over: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([work.signal, over]);
  while (!signal.aborted) {
    try {
      await lookout.look();
      await work.clock.sleep(everyMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      work.log.warn({ error: String(error) }, "could not look at committed offsets");
      await work.clock.sleep(everyMs, signal).catch(() => undefined);
    }
  }
}
