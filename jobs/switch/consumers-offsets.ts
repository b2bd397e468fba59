import { z } from "zod";
import type { Proposal } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { differences, isQuiet, splitBrains, unreadable } from "#domain/switch/group-findings.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { short } from "#domain/wording.ts";
import { readAgainLimit } from "#jobs/answers.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import { offsetsChange } from "./offsets-change.ts";
import { type Observed, observe } from "./predict.ts";
import { type Exact, translateAll } from "./translate-all.ts";
import { tablesOf, translateGroups } from "./translate-groups.ts";

/** Committing the translated offsets of a wave: only where nobody can be in the way, and never on trust. */

const Remembered = z.array(
  z.object({
    group: z.string(),
    kind: z.literal("exact"),
    offsets: z.array(
      z.object({
        topic: z.string(),
        partition: z.int(),
        committed: z.int(),
        offset: z.int(),
        again: z.int().default(0),
      }),
    ),
  }),
);

/** What this run translated and committed, `undefined` before that. */
export async function recallTranslated(run: Run): Promise<readonly Exact[] | undefined> {
  return Remembered.safeParse(await run.recall("translated")).data;
}

/** Translates, commits for all groups at once, and reads back. */
export async function commitOffsets(wave: Wave, target: KafkaCluster, work: Work, run: Run): Promise<void> {
  await refuseSync(wave, work);
  await refuseLife(wave, target, work);
  const [translated, standing] = await Promise.all([
    translateAll(wave, work.world.source, target, work),
    target.committed(wave.groups),
  ]);
  await run.remember("translated", translated);
  await target.commit(tablesOf(translated));
  await run.remember("committed", true);
  await refuseNotCommitted(translated, target);
  await work.audit({
    what: "offsets.committed",
    wave: wave.name,
    ...offsetsChange(target, standing, translated),
  });
}

/** Fails while MirrorMaker's checkpoint connector, which carries the group sync, is not confirmed to be stopped (KAFKA-19794). */
async function refuseSync(wave: Wave, work: Work): Promise<void> {
  const name = flowName(work.migration.name, wave.name, "checkpoint");
  const { state } = await (await work.world.engine()).status(name);
  if (state === "stopped" || state === "absent") return;
  throw new FerryError("E_CONNECT", `${name} is ${state} again: its group sync could move the offsets.`);
}

/** Only groups that are Empty or absent on both sides may be given offsets. */
export async function refuseLife(wave: Wave, target: KafkaCluster, work: Work): Promise<void> {
  const [here, there] = await Promise.all([
    work.world.source.describeGroups(wave.groups),
    target.describeGroups(wave.groups),
  ]);
  const both = splitBrains(here, there);
  if (both.length > 0) throw new FerryError("E_SPLIT_BRAIN", `Active on both clusters: ${short(both)}.`);
  const hidden = [...unreadable(here), ...unreadable(there)];
  if (hidden.length > 0) {
    throw new FerryError(
      "E_GROUP_ALIVE",
      `The broker does not tell whether these groups have members, their state is Unknown: ${short(hidden)}.`,
    );
  }
  for (const [side, groups] of [
    ["the source", here],
    ["MSK", there],
  ] as const) {
    const alive = groups.filter((group) => !isQuiet(group)).map(({ id, state }) => `${id} (${state})`);
    if (alive.length > 0) throw new FerryError("E_GROUP_ALIVE", `Active on ${side}: ${short(alive)}.`);
  }
}

/** Cells that do not stand on the target as they were committed. */
export async function notCommitted(
  translated: readonly Exact[],
  target: KafkaCluster,
): Promise<readonly string[]> {
  const now = await target.committed(translated.map(({ group }) => group));
  return translated.flatMap(({ group, offsets }) =>
    offsets.flatMap(({ topic, partition, offset }) => {
      const found = now.get(group)?.get(topic)?.[partition];
      return found === offset ? [] : [`${group} ${topic}-${partition} is ${found ?? "none"}, not ${offset}`];
    }),
  );
}

/** Reads back what was committed; `E_OFFSETS_MOVED` when something else stands there. */
export async function refuseNotCommitted(translated: readonly Exact[], cluster: KafkaCluster): Promise<void> {
  const wrong = await notCommitted(translated, cluster);
  if (wrong.length === 0) return;
  const side = cluster.role === "target" ? "MSK" : "the source";
  throw new FerryError("E_OFFSETS_MOVED", `Committed on ${side} and read back differently: ${short(wrong)}.`);
}

/**
 * The last look before the start: what stands on the target beside a fresh translation of what the groups have
 * committed on the source. What would be read again or skipped from there is held to the limit that was approved.
 */
export async function proveOffsets(
  { wave, limit }: { readonly wave: Wave; readonly limit: number },
  target: KafkaCluster,
  work: Work,
  run: Run,
): Promise<void> {
  await refuseLife(wave, target, work);
  const translated = (await recallTranslated(run)) ?? [];
  const [final, standing] = await Promise.all([
    work.world.source.committed(wave.groups),
    target.committed(wave.groups),
  ]);
  refuseMoved(translated, final, wave);
  const fresh = await translateGroups(wave.groups, wave.topics, work.world.source, target, final);
  const unproved = fresh.find((result) => result.kind !== "exact");
  if (unproved !== undefined) {
    throw new FerryError("E_TRANSLATION", `${unproved.group}: ${unproved.why}.`);
  }
  const observed = await observe(fresh, standing, target);
  refuseMisplaced(observed, limit);
  await work.audit({
    what: "offsets.proved",
    wave: wave.name,
    subject: wave.name,
    detail: sumObserved(observed),
  });
}

/** Fails when the committed offsets on the source are no longer those that were translated. */
export function refuseMoved(
  translated: readonly Exact[],
  now: ReadonlyMap<string, OffsetTable>,
  wave: Wave,
): void {
  const own = new Set(wave.topics);
  const before = new Map(
    translated.map(({ group, offsets }) => [
      group,
      tablesOf([{ group, offsets: offsets.map((cell) => ({ ...cell, offset: cell.committed })) }]).get(group),
    ]),
  );
  const moved = [...before].flatMap(([group, table]) => {
    const rows = new Map([...(now.get(group) ?? [])].filter(([topic]) => own.has(topic)));
    const cells = differences(table, rows);
    return cells.length === 0 ? [] : [`${group}: ${short(cells)}`];
  });
  if (moved.length === 0) return;
  throw new FerryError(
    "E_SPLIT_BRAIN",
    `Committed offsets move on the source although the groups were stopped there: ${short(moved)}.`,
  );
}

/** Of records that one group may read again: what was approved, or what was answered since where that is less. */
export async function approvedLimit({ facts }: Proposal, work: Work): Promise<number> {
  const shown = facts.find(({ name }) => name === "read-again")?.tolerance;
  const approved = z.object({ maxReadAgain: z.number() }).safeParse(shown).data;
  return Math.min(await readAgainLimit(work), approved?.maxReadAgain ?? 0);
}

function refuseMisplaced(observed: readonly Observed[], maxReadAgain: number): void {
  const sums = sumObserved(observed);
  const wrong = observed
    .filter(({ group, chosen }) => {
      const sum = sums[group];
      return chosen === undefined || (sum?.skipped ?? 0) > 0 || (sum?.again ?? 0) > maxReadAgain;
    })
    .filter(({ chosen }) => chosen === undefined || chosen.again > 0 || chosen.skipped > 0)
    .map(({ group, topic, partition, offset, chosen }) =>
      chosen === undefined
        ? `${group} ${topic}-${partition}: none, not ${offset}`
        : `${group} ${topic}-${partition}: ${chosen.again} read again, ${chosen.skipped} skipped`,
    );
  if (wrong.length === 0) return;
  throw new FerryError("E_OFFSETS_MOVED", `Offsets on MSK are not the right ones: ${short(wrong)}.`);
}

type Sums = Record<string, { readonly again: number; readonly skipped: number }>;

function sumObserved(observed: readonly Observed[]): Sums {
  const sums: Sums = {};
  for (const { group, chosen } of observed) {
    const before = sums[group] ?? { again: 0, skipped: 0 };
    sums[group] = {
      again: before.again + (chosen?.again ?? 0),
      skipped: before.skipped + (chosen?.skipped ?? 0),
    };
  }
  return sums;
}

/**
 * Carries offsets back to the source after something was read on the target: nothing is read again there. Never below
 * what stands on the source, which was read before; and not for a group that somebody has started there meanwhile.
 */
export async function carryBack(wave: Wave, work: Work): Promise<void> {
  const { source } = work.world;
  const back = await translateAll(wave, await work.world.target(), source, work);
  const [described, committed] = await Promise.all([
    source.describeGroups(wave.groups),
    source.committed(wave.groups),
  ]);
  const alive = new Set(described.filter((group) => !isQuiet(group)).map(({ id }) => id));
  const forward = back
    .filter(({ group }) => !alive.has(group))
    .map(({ group, kind, offsets }) => ({
      group,
      kind,
      offsets: offsets.filter(
        ({ topic, partition, offset }) => offset > (committed.get(group)?.get(topic)?.[partition] ?? -1),
      ),
    }))
    .filter(({ offsets }) => offsets.length > 0);
  if (forward.length > 0) await source.commit(tablesOf(forward));
  await refuseNotCommitted(forward, source);
  const change = offsetsChange(source, committed, forward);
  const detail = { ...change.detail, leftAlone: [...alive] };
  await work.audit({ what: "offsets.carried-back", wave: wave.name, ...change, detail });
}
