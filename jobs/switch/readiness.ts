import { asFerryError } from "#domain/errors.ts";
import { partitionLags } from "#domain/lag/lag.ts";
import type { Wave } from "#domain/plan.ts";
import {
  type GroupBack,
  misplacedOffsets,
  type Readiness,
  type ReverseReading,
  readinessLine,
  readinessOf,
  type StandbyVerdict,
} from "#domain/switch/readiness.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { type Known, known, type OffsetTable, unknown } from "#domain/topology.ts";
import type { MigrationLag } from "#jobs/mirror/migration-lag.ts";
import { readLag } from "#jobs/mirror/mirror-readings.ts";
import { type Place, readStandby, storedStandby, verdictOf } from "#jobs/mirror/standby-record.ts";
import type { Work } from "#jobs/work.ts";
import { floorsOf, floorTexts, lookAtSource, notBehind } from "./beside-mirror.ts";
import { liveGroups } from "./clients.ts";
import { heldRemedy, readHeld } from "./forward-held.ts";
import { recordedSteps } from "./recorded-steps.ts";
import { reverseName } from "./reverse-mirror.ts";
import { type GroupTranslation, translateGroups } from "./translate-groups.ts";
import { readWaveState } from "./wave.ts";
import { growth } from "./wave-mirror.ts";

/** Reads what the readiness of a way back is decided from. Changes nothing. */

/** So long a group that is ahead of the mirror is waited for, ms. */
const waitMs = 1500;
const everyMs = 300;

/** A status must not wait for a cluster that does not answer, ms. */
const linesMs = 3000;

/**
 * A line per wave that has moved: "🟢 back now: 0 lost, 0 read twice, about 9 s". Takes 3 s at most; a wave that was not
 * read by then says so.
 */
export async function readinessLines(
  waves: readonly Wave[],
  copyRates: MigrationLag["copyRates"],
  work: Work,
): Promise<ReadonlyMap<string, string>> {
  const over = new AbortController();
  const hurried: Work = { ...work, signal: AbortSignal.any([work.signal, over.signal]) };
  const late = work.clock.sleep(linesMs, hurried.signal).then(
    () => `🟠 way back not known: not read in ${linesMs / 1000} s`,
    () => undefined,
  );
  const lines = await Promise.all(
    waves.map(async (wave) => {
      const line = lineOf(wave, copyRates, hurried);
      return [wave.name, await Promise.race([line, late])] as const;
    }),
  );
  over.abort();
  return new Map(lines.flatMap(([name, line]) => (line === undefined ? [] : [[name, line] as const])));
}

async function lineOf(
  wave: Wave,
  copyRates: MigrationLag["copyRates"],
  work: Work,
): Promise<string | undefined> {
  try {
    const readiness = await readReadiness(wave, copyRates, work);
    if (readiness !== undefined) return readinessLine(readiness);
    const held = await readHeld(work, wave.name);
    return held && `🔴 back since ${held.at}, not mirrored: MSK lacks ${held.lacks}. Do: ${heldRemedy(held)}`;
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return `🟠 way back not known: ${code} ${message}`;
  }
}

type Reader = <T>(read: () => Promise<T>) => Promise<Known<T>>;

/** What does not answer is unknown, and everything else is still shown. */
const tolerant: Reader = async (read) => {
  try {
    return known(await read());
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return unknown(`${code} ${message}`);
  }
};

/** A gate waits for a world that does not answer: it says nothing about it. */
const strict: Reader = async (read) => known(await read());

/**
 * What a rollback of this wave would cost at this moment; `undefined` where there is nothing to take back. For a meter
 * what cannot be read is unknown; for a gate it fails as the port does.
 */
export async function readReadiness(
  wave: Wave,
  copyRates: MigrationLag["copyRates"],
  work: Work,
  forWhat: "meter" | "gate" = "meter",
): Promise<Readiness | undefined> {
  const state = await readWaveState(work, wave.name);
  const { phase } = state;
  if (phase === "before-cutover" || phase === "cleaned") return undefined;
  const withProducers = phase === "producers-moved";
  const { cutover } = work.migration.settings;
  const reader = forWhat === "meter" ? tolerant : strict;
  const looking = withProducers ? reader(() => standbyOf(wave, state, forWhat, work)) : undefined;
  const [groups, onSource, reverse, standby, steps] = await Promise.all([
    reader(async () => await groupsBack(wave, await looking, work)),
    reader(() => liveGroups(work.world.source, wave.groups)),
    withProducers ? reader(() => readReverse(wave, state, copyRates, work)) : undefined,
    looking,
    reader(() => recordedSteps(wave, phase, work)),
  ]);
  return readinessOf({
    phase,
    groups,
    onSource,
    reverse,
    standby: standby?.known === false ? { state: "unknown", text: standby.why } : standby?.value.verdict,
    steps: steps.known ? steps.value : steps,
    patienceMs: cutover.patience,
    maxLag: cutover.maxLag,
  });
}

/** Translates what the groups have committed on the target now, and waits a moment for the mirror to pass them. */
async function groupsBack(
  wave: Wave,
  looked: Known<Looked> | undefined,
  work: Work,
): Promise<readonly GroupBack[]> {
  const target = await work.world.target();
  const { source } = work.world;
  const [before, committed] = await Promise.all([
    source.committed(wave.groups),
    target.committed(wave.groups),
  ]);
  const began = work.clock.now();
  let results = await translateGroups(wave.groups, wave.topics, target, source, committed);
  while (results.some(({ kind }) => kind === "waiting") && work.clock.now() - began < waitMs) {
    await work.clock.sleep(everyMs, work.signal);
    results = await translateGroups(wave.groups, wave.topics, target, source, committed);
  }
  const places = looked?.known === true ? looked.value.places : [];
  const exact = results.filter((result) => result.kind === "exact");
  const floored = new Map(
    (await notBehind(exact, places, source)).map((result) => [result.group, result] as const),
  );
  return results.map((found) => {
    const result = floored.get(found.group) ?? found;
    const gone = missingOffset(wave, before.get(result.group), committed.get(result.group));
    return gone === undefined
      ? groupBack(result, found)
      : { group: result.group, kind: "unknown", why: gone };
  });
}

/** `found`: where it stands, before it was put back behind nothing unread. */
function groupBack(result: GroupTranslation, found: GroupTranslation): GroupBack {
  if (result.kind !== "exact") return result;
  const { group, offsets } = result;
  const readTwice = offsets.reduce((sum, { again }) => sum + again, 0);
  const places = found.kind === "exact" ? found.offsets : [];
  const early = offsets.filter(({ offset }, index) => offset !== places[index]?.offset);
  const from = early.map(({ topic, partition, offset }) => `${topic}-${partition} ${offset}`).join(", ");
  return {
    group,
    kind: "exact",
    offsets: offsets.length,
    readTwice,
    ...(from === "" ? {} : { from: `from ${from}` }),
  };
}

/** A cutover carries every offset over. One that stands on the source only has expired, or was deleted. */
function missingOffset(
  wave: Wave,
  source: OffsetTable | undefined,
  target: OffsetTable | undefined,
): string | undefined {
  for (const topic of wave.topics) {
    for (const [partition, offset] of (source?.get(topic) ?? []).entries()) {
      if (offset === undefined || target?.get(topic)?.[partition] !== undefined) continue;
      return `no offset on MSK for ${topic}-${partition}, where the source has ${offset}`;
    }
  }
  return undefined;
}

async function readReverse(
  wave: Wave,
  { boundary }: WaveState,
  copyRates: MigrationLag["copyRates"],
  work: Work,
): Promise<ReverseReading> {
  const flow = reverseName(wave, work);
  const engine = await work.world.engine();
  const target = await work.world.target();
  const { state, tasks } = await engine.status(flow);
  const reading = await readLag({ flow, topics: wave.topics, origin: target }, engine, work);
  return {
    state,
    idle: tasks.filter((task) => task.state !== "RUNNING").length,
    tasks: tasks.length,
    lags: partitionLags(reading),
    misplaced:
      boundary === undefined
        ? ["the boundary is not recorded"]
        : misplacedOffsets(boundary.target, reading.copied),
    copying: copyRates.get(flow) ?? null,
    written:
      boundary === undefined
        ? unknown("the boundary is not recorded")
        : known([...growth(boundary.target, reading.ends).values()].reduce((sum, grown) => sum + grown, 0)),
  };
}

type Looked = { readonly verdict: StandbyVerdict; readonly places: readonly Place[] };

/** What the watch over the source found since the producers moved. A gate looks at what came since then, too. */
async function standbyOf(
  wave: Wave,
  { boundary }: WaveState,
  forWhat: "meter" | "gate",
  work: Work,
): Promise<Looked> {
  if (boundary === undefined) {
    return { verdict: { state: "unknown", text: "the boundary is not recorded" }, places: [] };
  }
  const stored = await storedStandby(work, wave.name, boundary);
  const standby = forWhat === "gate" ? await lookAtSource({ wave, boundary }, stored, work) : stored;
  const { state, why } =
    forWhat === "gate" ? verdictOf(standby, work.clock.now()) : await readStandby(work, wave.name);
  const places = [...standby.rogue, ...standby.doubtful];
  return { verdict: { state, text: why, again: floorTexts(floorsOf(places)) }, places };
}
