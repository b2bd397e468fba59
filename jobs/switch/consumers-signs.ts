import { differences } from "#domain/group-findings.ts";
import { Signs } from "#domain/pause.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";

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

/** Notes when each group shows its first member, and when its offsets first move from where they were committed. */
export function createWelcome(
  cluster: KafkaCluster,
  groups: readonly string[],
  committed: ReadonlyMap<string, OffsetTable>,
  known: Signs["groups"],
  work: Work,
): Lookout & { lookForMembers(): Promise<void>; note(now: ReadonlyMap<string, OffsetTable>): void } {
  const signs = new Map(groups.map((group) => [group, { ...known[group] }]));

  function note(now: ReadonlyMap<string, OffsetTable>): void {
    const at = work.clock.now();
    for (const [group, sign] of signs) {
      if (sign.firstRead === undefined && hasRead(committed.get(group), now.get(group))) sign.firstRead = at;
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
    lookForMembers,
    async look() {
      const [now] = await Promise.all([cluster.committed(groups), lookForMembers()]);
      note(now);
    },
    seen: () => Object.fromEntries(signs),
  };
}

/** An offset that was committed for it has moved on, or there is one where it had none. */
export function hasRead(committed: OffsetTable | undefined, now: OffsetTable | undefined): boolean {
  return [...(now ?? [])].some(([topic, row]) =>
    row.some(
      (offset, partition) => offset !== undefined && offset > (committed?.get(topic)?.[partition] ?? -1),
    ),
  );
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
