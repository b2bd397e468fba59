import { FerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { isQuiet } from "#domain/switch/group-findings.ts";
import { at, type OffsetTable } from "#domain/topology.ts";
import { short } from "#domain/wording.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { liveGroups } from "./clients.ts";
import { recallTranslated, refuseMoved } from "./consumers-offsets.ts";
import { createWelcome } from "./consumers-signs.ts";
import type { Exact } from "./translate-all.ts";
import { consumersOf } from "./wave.ts";

/** The first minutes of a wave's consumers on the target. */

/** Until each group was seen to read, ms; then less often. */
const eagerMs = 100;
const calmMs = 500;

/**
 * Members stay, offsets move (or nothing is left to read), and nobody of them comes back on the source. Meanwhile no
 * committed offset may fall below what the run committed, and none on the source may move: then it fails and goes back.
 */
export async function watchConsumers(wave: Wave, target: KafkaCluster, work: Work, run: Run): Promise<void> {
  const groups = consumersOf(work, wave).map(({ group }) => group);
  const translated = (await recallTranslated(run)) ?? [];
  const { watch: watchMs, patience } = work.migration.settings.cutover;
  const began = work.clock.now();
  const welcome = await createWelcome(target, groups, translated, work, run);
  let checked = Number.NEGATIVE_INFINITY;

  async function look(): Promise<readonly string[]> {
    const [now] = await Promise.all([target.committed(wave.groups), welcome.lookForMembers()]);
    welcome.note(now);
    refuseRewind(translated, now);
    if (work.clock.now() - checked >= calmMs) {
      checked = work.clock.now();
      await refuseReturn(wave, groups, translated, work);
    }
    const silent = groups.filter((group) => !welcome.hasRead(group));
    if (silent.length === 0) return [];
    const [starts, ends] = await Promise.all([
      target.offsets(wave.topics, "start"),
      target.offsets(wave.topics, "end"),
    ]);
    const left = await Promise.all(silent.map((group) => hasLeft(now.get(group), starts, ends, target)));
    return silent.filter((_, index) => left[index] === true);
  }

  const trouble = { code: "E_CLIENT_CLAIM", what: "The consumers do not read on MSK" } as const;
  const deadlineMs = watchMs + patience;
  try {
    await until(work, { ...trouble, deadlineMs, everyMs: eagerMs }, async () => {
      const idle = await look();
      return idle.length === 0 ? holds(undefined) : notYet(`no progress of ${short(idle)}`);
    });
    await until(work, { ...trouble, deadlineMs, everyMs: calmMs }, async () => {
      const idle = await look();
      const live = await liveGroups(target, groups);
      if (live.length < new Set(groups).size) {
        return notYet(`members on MSK in ${live.length} of ${new Set(groups).size} groups`);
      }
      if (idle.length > 0) return notYet(`no progress of ${short(idle)}`);
      return work.clock.now() - began >= watchMs ? holds(undefined) : notYet("still watching");
    });
  } finally {
    await welcome.keep();
  }
  await run.remember("watched-at", work.clock.now());
}

/** A stranger that sets a group back makes it read records a second time (KAFKA-19794 is one way to meet one). */
function refuseRewind(translated: readonly Exact[], now: ReadonlyMap<string, OffsetTable>): void {
  const rewound = translated.flatMap(({ group, offsets }) =>
    offsets.flatMap(({ topic, partition, offset }) => {
      const found = at(now.get(group) ?? new Map(), topic, partition);
      return found !== undefined && found >= offset
        ? []
        : [`${group} ${topic}-${partition} is ${found ?? "gone"}, was committed at ${offset}`];
    }),
  );
  if (rewound.length === 0) return;
  throw new FerryError("E_OFFSETS_MOVED", `Somebody set offsets on MSK back: ${short(rewound)}.`);
}

/** Split brain: a group that reads on the target shows members, or commits, on the source. */
async function refuseReturn(
  wave: Wave,
  groups: readonly string[],
  translated: readonly Exact[],
  work: Work,
): Promise<void> {
  const { source } = work.world;
  const [described, committed] = await Promise.all([
    source.describeGroups(groups),
    source.committed(wave.groups),
  ]);
  const back = described.filter((group) => !isQuiet(group));
  if (back.length > 0) {
    const named = await liveGroups(
      source,
      back.map(({ id }) => id),
    );
    throw new FerryError("E_SPLIT_BRAIN", `Active on both clusters: ${short(named)} on the source.`);
  }
  refuseMoved(translated, committed, wave);
}

/**
 * A copy ends in the marker of its transaction (KIP-98): an end beyond the committed offset is no record yet. What has
 * expired behind the offset cannot be read any more (read from there, the broker answers OFFSET_OUT_OF_RANGE).
 */
async function hasLeft(
  committed: OffsetTable | undefined,
  starts: OffsetTable,
  ends: OffsetTable,
  target: KafkaCluster,
): Promise<boolean> {
  const behind = [...(committed ?? [])].flatMap(([topic, row]) =>
    row.flatMap((offset, partition) => {
      if (offset === undefined) return [];
      const from = Math.max(offset, at(starts, topic, partition) ?? 0);
      return from < (at(ends, topic, partition) ?? 0) ? [{ topic, partition, from }] : [];
    }),
  );
  const found = await Promise.all(behind.map(({ from, ...where }) => target.read(where, from, { max: 1 })));
  return found.some((records) => records.length > 0);
}
