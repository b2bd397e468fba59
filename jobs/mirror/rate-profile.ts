import { z } from "zod";
import { sumOf } from "#domain/lag/lag.ts";
import {
  addToProfile,
  emptyProfile,
  type QuietWindow,
  quietText,
  quietWindow,
  type RateProfile,
} from "#domain/lag/quiet-window.ts";
import { zoneOf } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag } from "./migration-lag.ts";

/** How many records arrive at which hour, wave by wave: 168 hours of the week each, however long it is watched. */

const Stored = z.object({
  records: z.array(z.number()).length(168),
  seconds: z.array(z.number()).length(168),
  days: z.array(z.number()),
  /** The reading that the next one is compared with. */
  last: z.object({ at: z.number(), partitions: z.number(), arrived: z.number() }).exactOptional(),
});

/** Readings nearer than this are not told apart: hours are what counts, ms. */
const leastApartMs = 60_000;

type Memory = Pick<Work, "store" | "migration" | "clock">;

function profileKey({ migration }: Pick<Work, "migration">, wave: string): string {
  return `rate-profile:${migration.name}:${wave}`;
}

/** Adds what has arrived since the last reading, once a minute. */
export async function profileRates(lag: MigrationLag, work: Memory): Promise<void> {
  const zone = zoneOf(work.migration.settings);
  for (const { wave, progress } of lag.waves) {
    if (progress === undefined || progress.arrived === null) continue;
    const key = profileKey(work, wave.name);
    const stored = Stored.safeParse((await work.store.read(key))?.value).data;
    const last = stored?.last;
    if (last !== undefined && progress.at - last.at < leastApartMs) continue;
    const now = { at: progress.at, partitions: progress.partitions, arrived: progress.arrived };
    // Other partitions, or the mirror the other way round: other offsets.
    const comparable =
      last !== undefined && last.partitions === now.partitions && now.arrived >= last.arrived;
    const profile: RateProfile = stored ?? emptyProfile;
    const grown = comparable
      ? addToProfile(profile, { from: last.at, until: now.at, records: now.arrived - last.arrived }, zone)
      : profile;
    await work.store.write(key, {
      records: grown.records,
      seconds: grown.seconds,
      days: grown.days,
      last: now,
    });
  }
}

/** The quietest hour of these waves together. */
export async function readQuietWindow(waves: readonly string[], work: Memory): Promise<QuietWindow> {
  const profiles: RateProfile[] = [];
  for (const wave of waves) {
    const stored = Stored.safeParse((await work.store.read(profileKey(work, wave)))?.value).data;
    if (stored === undefined) return { state: "unknown", why: `wave ${wave} has not been watched yet` };
    profiles.push(stored);
  }
  const [first] = profiles;
  if (first === undefined) return { state: "unknown", why: "no wave is watched" };
  const shared: RateProfile = {
    records: first.records.map((_, cell) => sumOf(profiles.map((profile) => rateIn(profile, cell))) ?? 0),
    seconds: first.seconds.map((_, cell) => Math.min(...profiles.map(({ seconds }) => seconds[cell] ?? 0))),
    days: profiles.map(({ days }) => days).toSorted((a, b) => a.length - b.length)[0] ?? [],
  };
  const records = shared.records.map((rate, cell) => rate * (shared.seconds[cell] ?? 0));
  return quietWindow({ ...shared, records }, work.clock.now(), zoneOf(work.migration.settings));
}

/** For an approval request: when the fewest records of this wave arrive. */
export async function quietEffect(
  wave: string,
  work: Memory,
): Promise<{ readonly label: string; readonly value: string }> {
  const window = await readQuietWindow([wave], work);
  return { label: "Quietest hour", value: quietText(window, zoneOf(work.migration.settings)) };
}

function rateIn({ records, seconds }: RateProfile, cell: number): number {
  const seen = seconds[cell] ?? 0;
  return seen === 0 ? 0 : (records[cell] ?? 0) / seen;
}
