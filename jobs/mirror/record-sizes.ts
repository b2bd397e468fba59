import { z } from "zod";
import { sumOf } from "#domain/lag/lag.ts";
import { bytesIn } from "#domain/switch/readings.ts";
import type { Work } from "#jobs/work.ts";

/** What a record takes on disk, on average by flow: rates of records become rates of bytes by it. */

/** Bytes by flow. A flow whose logs are empty, or whose sizes are not told, is absent. */
export type RecordSizes = ReadonlyMap<string, number>;

type Rates = ReadonlyMap<string, { readonly arriving: number | null; readonly copying: number | null }>;
type Memory = Pick<Work, "store" | "clock" | "migration">;

/** Sizes are a request to every broker, and change slowly. */
const everyMs = 300_000;
/** Older than this they say nothing about now. */
const goodForMs = 3 * everyMs;

const Kept = z.object({ at: z.number(), bytes: z.record(z.string(), z.number()) });

function sizesKey({ migration }: Pick<Work, "migration">): string {
  return `record-sizes:${migration.name}`;
}

async function keptSizes(memory: Memory): Promise<{ readonly ageMs: number; readonly sizes: RecordSizes }> {
  const kept = Kept.safeParse((await memory.store.read(sizesKey(memory)))?.value).data;
  if (kept === undefined) return { ageMs: Number.POSITIVE_INFINITY, sizes: new Map() };
  return { ageMs: memory.clock.now() - kept.at, sizes: new Map(Object.entries(kept.bytes)) };
}

export async function recordSizes(memory: Memory): Promise<RecordSizes> {
  const { ageMs, sizes } = await keptSizes(memory);
  return ageMs < goodForMs ? sizes : new Map();
}

export async function areSizesDue(memory: Memory): Promise<boolean> {
  return (await keptSizes(memory)).ageMs >= everyMs;
}

export async function keepSizes(sizes: RecordSizes, memory: Memory): Promise<void> {
  const kept = { at: memory.clock.now(), bytes: Object.fromEntries(sizes) };
  await memory.store.write(sizesKey(memory), kept);
}

/** Bytes per second of all flows. `null`: a rate or the size of what moves is not known. */
export function bytesRates(
  rates: Rates,
  sizes: RecordSizes,
): { readonly arriving: number | null; readonly copying: number | null } {
  const total = (way: "arriving" | "copying") =>
    sumOf([...rates].map(([flow, rate]) => bytesIn(rate[way], sizes.get(flow))));
  return { arriving: total("arriving"), copying: total("copying") };
}
