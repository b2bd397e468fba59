import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { flowName, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { at } from "#domain/topology.ts";
import { count, figure } from "#domain/wording.ts";
import { checkStandby } from "#jobs/mirror/check-standby.ts";
import { describePlaces, type Place, type Standby, storedStandby } from "#jobs/mirror/standby-record.ts";
import type { Run } from "#jobs/run/approvable.ts";
import type { Work } from "#jobs/work.ts";
import type { TranslatedOffset } from "./translate-groups.ts";
import { ends, type PlainEnds, plainEnds } from "./wave-mirror.ts";

/**
 * What came to the source beside the reverse mirror: records that MSK, and with it the groups there, does not have. On
 * the way back nobody may start behind them, and a forward mirror that starts behind them would leave them out for ever.
 */

type Boundary = NonNullable<WaveState["boundary"]>;

/** The part of the source that the reverse mirror wrote to: between the boundary and where the source ended at its stop. */
export type Stretch = { readonly wave: Wave; readonly boundary: Boundary; readonly until: PlainEnds };

const Ends = z.record(z.string(), z.array(z.int()));

/** Where the source ends with the reverse mirror stopped: whatever comes later is not the mirror's. */
export async function noteMirrorEnd(wave: Wave, work: Work, run: Run): Promise<void> {
  await run.remember("mirror-end", plainEnds(await ends(work.world.source, wave)));
}

export async function recallMirrorEnd(run: Run): Promise<PlainEnds | undefined> {
  return Ends.optional().parse(await run.recall("mirror-end"));
}

/** `E_PHASE` where the run does not know what it needs. */
export function stretchOf(
  wave: Wave,
  boundary: Boundary | undefined,
  mirrorEnd: PlainEnds | undefined,
): Stretch {
  if (boundary === undefined || mirrorEnd === undefined) {
    throw new FerryError("E_PHASE", `Where the mirrors of wave ${wave.name} turned around is not recorded.`);
  }
  return { wave, boundary, until: mirrorEnd };
}

/** The watch's document, brought up to date now. `E_PHASE` while the forward mirror is not stopped. */
export async function lookAtSource(
  about: { readonly wave: Wave; readonly boundary: Boundary; readonly until?: PlainEnds },
  previous: Standby,
  work: Work,
): Promise<Standby> {
  const found = await checkStandby({ ...about, previous }, work);
  if (found !== undefined) return found.standby;
  const forward = flowName(work.migration.name, about.wave.name, "forward");
  throw new FerryError(
    "E_PHASE",
    `${forward} is not stopped: what it copies meanwhile cannot be told apart.`,
  );
}

/** Looks until it is enough, or patience ends, with the reason: a check has little time, and open transactions hold it up. */
async function lookUntil(
  stretch: Stretch,
  work: Work,
  isEnough: (standby: Standby) => boolean,
): Promise<{ readonly standby: Standby; readonly open: string | undefined }> {
  const deadline = work.clock.now() + work.migration.settings.cutover.patience;
  let standby = await storedStandby(work, stretch.wave.name, stretch.boundary);
  for (;;) {
    standby = await lookAtSource(stretch, standby, work);
    if (isEnough(standby)) return { standby, open: undefined };
    if (work.clock.now() >= deadline) {
      const open = "not all of the source could be looked at, open transactions may hold it up";
      return { standby, open };
    }
    await work.clock.sleep(lookEveryMs, work.signal);
  }
}

const lookEveryMs = 300;

/**
 * Whether the reverse mirror wrote every record of the stretch; otherwise what stands beside, in words. Unknown is not
 * clean.
 */
export async function besideMirror(stretch: Stretch, work: Work): Promise<string | undefined> {
  const isDecided = (standby: Standby) =>
    placesOf(standby, stretch.until).length > 0 || isThrough(standby, stretch.until);
  const { standby, open } = await lookUntil(stretch, work, isDecided);
  const text = [describeBeside(standby, stretch.until), open ?? ""].filter((part) => part !== "").join("; ");
  return text === "" ? undefined : text;
}

function isThrough({ cursors }: Standby, until: PlainEnds): boolean {
  return Object.entries(until).every(([topic, row]) =>
    row.every((end, partition) => (cursors[topic]?.[partition] ?? 0) >= end),
  );
}

/** Settled, doubtful and unsettled ones that begin before the mirror's end. */
function placesOf(
  { rogue, doubtful, unsettled }: Standby,
  mirrorEnd: PlainEnds | undefined,
): readonly Place[] {
  return [...rogue, ...doubtful, ...unsettled].filter(
    ({ topic, partition, first }) => first < (mirrorEnd?.[topic]?.[partition] ?? Number.POSITIVE_INFINITY),
  );
}

/** Empty when there is nothing. */
function describeBeside(standby: Standby, mirrorEnd?: PlainEnds): string {
  const inside = (place: Place) =>
    placesOf({ ...standby, rogue: [place], doubtful: [], unsettled: [] }, mirrorEnd).length > 0;
  const rogue = standby.rogue.filter(inside);
  const unsettled = standby.unsettled.filter(inside);
  const doubtful = standby.undecided;
  return [
    describePlaces({ ...standby, rogue, unsettled }),
    doubtful === 0
      ? ""
      : `${count(doubtful, "record")} that cannot be attributed: ${standby.why ?? "no reason kept"}`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

/** By partition, the first offset behind which a group may not start: "payments-1" to 120. */
export type Floors = ReadonlyMap<string, number>;

export function floorsOf(places: readonly Place[]): Floors {
  const floors = new Map<string, number>();
  for (const { topic, partition, first } of places) {
    const name = `${topic}-${partition}`;
    floors.set(name, Math.min(first, floors.get(name) ?? first));
  }
  return floors;
}

/** "payments-1 120", sorted: what an approval is bound to. */
export function floorTexts(floors: Floors): readonly string[] {
  return [...floors].map(([name, first]) => `${name} ${first}`).toSorted();
}

type Placed = { readonly offsets: readonly TranslatedOffset[] };

/**
 * The same offsets, none behind a floor. `again` grows by what lies between and has been read: all records but those of
 * the floor's own place.
 */
export async function notBehind<T extends Placed>(
  groups: readonly T[],
  places: readonly Place[],
  source: KafkaCluster,
): Promise<readonly T[]> {
  const floors = floorsOf(places);
  if (floors.size === 0) return groups;
  const counted = new Map<string, Promise<number>>();
  const readBefore = (cell: TranslatedOffset, floor: number) => {
    const key = `${cell.topic}-${cell.partition} ${cell.offset}`;
    const known = counted.get(key) ?? countBetween(cell, floor, places, source);
    counted.set(key, known);
    return known;
  };
  return await Promise.all(
    groups.map(async (group) => ({
      ...group,
      offsets: await Promise.all(
        group.offsets.map(async (cell) => {
          const floor = floors.get(`${cell.topic}-${cell.partition}`);
          if (floor === undefined || floor >= cell.offset) return cell;
          return { ...cell, offset: floor, again: cell.again + (await readBefore(cell, floor)) };
        }),
      ),
    })),
  );
}

/** Counting means reading: up to so many offsets are read, more are only subtracted. */
const countable = 20_000;

async function countBetween(
  { topic, partition, offset }: TranslatedOffset,
  floor: number,
  places: readonly Place[],
  source: KafkaCluster,
): Promise<number> {
  const between =
    offset - floor > countable
      ? offset - floor
      : (await source.read({ topic, partition }, floor, { max: offset - floor, until: offset })).length;
  const unread = places
    .filter((place) => place.topic === topic && place.partition === partition && place.last < offset)
    .reduce((sum, { records }) => sum + records, 0);
  return Math.max(0, between - unread);
}

/**
 * The offsets to commit on the source: as translated, but never behind a record that the group has not read. What was
 * not approved is refused (`E_ROGUE_PRODUCER`): the run goes back to MSK, and the next request shows it.
 */
export async function withoutSkipping<T extends Placed>(
  translated: readonly T[],
  stretch: Stretch,
  approved: readonly string[],
  work: Work,
): Promise<readonly T[]> {
  const cells = translated.flatMap(({ offsets }) => offsets);
  const { standby, open } = await lookUntil(stretch, work, ({ cursors }) =>
    cells.every(({ topic, partition, offset }) => {
      const end = stretch.until[topic]?.[partition] ?? offset;
      return (cursors[topic]?.[partition] ?? 0) >= Math.min(offset, end);
    }),
  );
  if (open !== undefined) throw new FerryError("E_INCOMPLETE", `Wave ${stretch.wave.name}: ${open}.`);
  const places = placesOf(standby, stretch.until).filter(({ topic, partition, first }) =>
    cells.some((cell) => cell.topic === topic && cell.partition === partition && cell.offset > first),
  );
  const unknown = floorTexts(floorsOf(places)).filter((text) => !approved.includes(text));
  if (unknown.length > 0) {
    throw new FerryError(
      "E_ROGUE_PRODUCER",
      `Groups would begin again at records that came to the source beside the reverse mirror, and nobody approved that: ${unknown.slice(0, 5).join(", ")} (${figure(unknown.length)} partitions); ${describeBeside(standby, stretch.until)}.`,
    );
  }
  const back = await notBehind(translated, places, work.world.source);
  return back.map((group) => ({
    ...group,
    // An empty log is translated to its end: what came there after the mirror's stop is unread.
    offsets: group.offsets.map((cell) => {
      const end = at(new Map(Object.entries(stretch.until)), cell.topic, cell.partition) ?? cell.offset;
      return { ...cell, offset: Math.min(cell.offset, end) };
    }),
  }));
}
