import { z } from "zod";
import { LostRange } from "#domain/lag/lost-ranges.ts";
import { at } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { sampleBefore } from "./lag-samples.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";
import { lossesPassed } from "./passed-marks.ts";
import { rememberedMarks } from "./waiting-records.ts";

/** Records that expired before they were copied: kept until somebody acknowledges them or the topic is copied anew. */

/** More are dropped, the oldest first: the first thousand say enough. */
const mostKept = 1_000;

function lostKey({ migration }: Pick<Work, "migration">): string {
  return `lost-ranges:${migration.name}`;
}

/** Every loss that is known, acknowledged ones included, oldest first. */
export async function lostRanges(work: Pick<Work, "store" | "migration">): Promise<readonly LostRange[]> {
  return z.array(LostRange).safeParse((await work.store.read(lostKey(work)))?.value).data ?? [];
}

/** Adds what this reading shows, and drops what was copied anew since. Returns those that nobody has acknowledged. */
export async function recordLosses(lag: MigrationLag, work: Work): Promise<readonly LostRange[]> {
  const before = await lostRanges(work);
  const kept = before.filter((range) => !isCopiedAnew(range, lag));
  const all = [...kept];
  const marks = await rememberedMarks(work);
  const found: LostRange[] = [];
  for (const wave of lag.waves) {
    found.push(...lossesIn(wave, lag.at), ...(await lossesBeforeFirst(wave, lag.at, work)));
    found.push(...(await lossesPassed(wave, marks, lag.at, work)));
  }
  for (const range of found) {
    if (all.some((known) => covers(known, range))) continue;
    const grown = all.findIndex(
      (known) => samePlace(known, range) && known.from <= range.from && range.from <= known.until,
    );
    const known = all[grown];
    if (known === undefined) all.push(range);
    // It goes on: what was acknowledged was less.
    else all[grown] = { ...range, from: known.from };
    await work.audit({ what: "records.lost", wave: range.wave, subject: range.topic, detail: range });
  }
  if (JSON.stringify(all) !== JSON.stringify(before))
    await work.store.write(lostKey(work), all.slice(-mostKept));
  return all.filter(({ acknowledged }) => acknowledged === undefined);
}

/** A partition whose log begins behind the next record to copy. */
function lossesIn({ wave, flow, lags, reading }: WaveLag, now: number): readonly LostRange[] {
  if (reading === undefined) return [];
  return lags
    .filter(({ state, lost }) => state === "truncated" && lost > 0)
    .map(({ topic, partition, lost }) => {
      const until = at(reading.starts, topic, partition) ?? 0;
      const copied = at(reading.copied, topic, partition) ?? 0;
      return {
        flow: flow.name,
        wave: wave.name,
        topic,
        partition,
        from: until - lost,
        until,
        copied,
        at: now,
      };
    });
}

/** A partition of which nothing was copied yet, and whose log began earlier at the look before. */
async function lossesBeforeFirst(
  { wave, flow, lags, reading }: WaveLag,
  now: number,
  work: Work,
): Promise<readonly LostRange[]> {
  const untouched = lags.flatMap((lag, cell) => (lag.state === "never-copied" ? [{ ...lag, cell }] : []));
  if (reading === undefined || untouched.length === 0 || flow.state === "absent") return [];
  const before = await sampleBefore(flow.name, reading, work);
  return untouched.flatMap(({ topic, partition, cell }) => {
    const [from, until] = [before?.next[cell] ?? Number.NaN, at(reading.starts, topic, partition) ?? 0];
    return from < until
      ? [{ flow: flow.name, wave: wave.name, topic, partition, from, until, copied: -1, at: now }]
      : [];
  });
}

function samePlace(a: LostRange, b: LostRange): boolean {
  return a.flow === b.flow && a.topic === b.topic && a.partition === b.partition;
}

function covers(known: LostRange, range: LostRange): boolean {
  return samePlace(known, range) && known.from <= range.from && range.until <= known.until;
}

/** Its copied offset was taken back: the mirror begins again. What was not read says nothing. */
function isCopiedAnew(range: LostRange, { waves }: MigrationLag): boolean {
  const reading = waves.find(({ flow }) => flow.name === range.flow)?.reading;
  if (reading === undefined || reading.gone?.has(range.topic) === true) return false;
  const copied = at(reading.copied, range.topic, range.partition);
  return (copied ?? -1) < range.copied;
}

/** Marks the losses of a topic as seen to. Returns how many. */
export async function acknowledgeLosses(topic: string, work: Work): Promise<number> {
  const all = await lostRanges(work);
  const open = all.filter((range) => range.topic === topic && range.acknowledged === undefined);
  const acknowledged = { by: work.by, at: work.clock.now() };
  await work.store.write(
    lostKey(work),
    all.map((range) => (open.includes(range) ? { ...range, acknowledged } : range)),
  );
  return open.length;
}
