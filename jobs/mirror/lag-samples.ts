import { z } from "zod";
import type { LagReading } from "#domain/lag/lag.ts";
import { type LagSample, packSample, sampleOf, unpackSample } from "#domain/lag/lag-history.ts";
import type { Work } from "#jobs/work.ts";

/** How far each partition was at the last looks, in bounded size: rates, trends and estimates are taken from it. */

const Packed = z.object({ at: z.number(), layout: z.number(), cells: z.string() });

/** At one each 15 s: ten minutes. */
const mostSamples = 40;
const fewestSamples = 8;
/** Text that the samples of one flow may take in the store: at 50,000 partitions it holds about the fewest. */
const mostText = 2_000_000;
/** Older ones say nothing about now: the bot was away. */
const maxAgeMs = 1_800_000;
/** Copied offsets are told every few seconds: nearer than this two samples show no rate. */
const leastApartMs = 5_000;

type Memory = Pick<Work, "store" | "clock">;

function samplesKey(flow: string): string {
  return `lag-samples:${flow}`;
}

export async function keepSample(
  flow: string,
  reading: LagReading,
  { store }: Pick<Work, "store">,
): Promise<void> {
  const packed = packSample(sampleOf(reading));
  const fitting = Math.floor(mostText / Math.max(1, packed.cells.length));
  await store.append(samplesKey(flow), packed, Math.min(mostSamples, Math.max(fewestSamples, fitting)));
}

/** The one before the newest, of the same topics and partitions. */
export async function sampleBefore(
  flow: string,
  reading: LagReading,
  { store }: Pick<Work, "store">,
): Promise<LagSample | undefined> {
  const packed = Packed.safeParse((await store.list(samplesKey(flow))).at(-2));
  return packed.success ? unpackSample(packed.data, sampleOf(reading).topics) : undefined;
}

/** The kept samples of the same topics and partitions, oldest first, and the reading as the newest. */
export async function samplesWith(
  flow: string,
  reading: LagReading,
  { store, clock }: Memory,
): Promise<readonly LagSample[]> {
  const now = sampleOf(reading);
  const kept = (await store.list(samplesKey(flow))).flatMap((value) => {
    const packed = Packed.safeParse(value);
    if (!packed.success || packed.data.at > now.at - leastApartMs) return [];
    if (packed.data.at < clock.now() - maxAgeMs) return [];
    return unpackSample(packed.data, now.topics) ?? [];
  });
  return [...kept, now];
}
