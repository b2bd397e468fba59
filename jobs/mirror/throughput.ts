import { asFerryError } from "#domain/errors.ts";
import { at } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { type MigrationLag, mirrorOf, type WaveLag } from "./migration-lag.ts";
import { areSizesDue, keepSizes } from "./record-sizes.ts";

/** Throughput in bytes: records per second of each partition, times what a record of its log takes on disk. */

/** Bytes per second, as they lie on the disks of the cluster that is read. */
type Throughput = { readonly arriving: number; readonly copying: number };

/** A row for a digest; none where a rate or the size of a log is not known. One request to each broker and wave. */
export async function throughputFacts(
  { waves }: MigrationLag,
  work: Work,
): Promise<ReadonlyArray<{ readonly label: string; readonly value: string }>> {
  try {
    const mirrored = waves.filter(({ flow, failure }) => flow.state !== "absent" || failure !== undefined);
    const each = await Promise.all(mirrored.map((wave) => throughputOf(wave, work)));
    const known = each.filter((one) => one !== undefined);
    if (known.length < each.length || known.length === 0) return [];
    const copying = megabytes(known.map((one) => one.copying));
    const arriving = megabytes(known.map((one) => one.arriving));
    return [{ label: "Throughput", value: `${copying} MB/s copied, ${arriving} arriving, as on disk` }];
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "sizes of logs could not be read");
    return [];
  }
}

/** Every few minutes: how large a record of each mirror is, for rates in bytes. Never fails: what is not known is absent. */
export async function measureRecords({ waves }: MigrationLag, work: Work): Promise<void> {
  if (!(await areSizesDue(work))) return;
  const sizes = new Map<string, number>();
  try {
    for (const wave of waves.filter(({ flow }) => flow.state !== "absent")) {
      const mean = await meanRecord(wave, work);
      if (mean !== undefined) sizes.set(wave.flow.name, mean);
    }
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "sizes of logs could not be read");
  }
  await keepSizes(sizes, work);
}

/** Bytes, of all records that the wave's topics hold where they are read. */
async function meanRecord(wave: WaveLag, work: Work): Promise<number | undefined> {
  const { reading, lags } = wave;
  if (reading === undefined) return undefined;
  const { origin, topics } = await mirrorOf(wave.wave, wave.phase, work);
  const sizes = await origin.logSizes(topics.filter((topic) => reading.gone?.has(topic) !== true));
  if (!sizes.known) return undefined;
  let [bytes, records] = [0, 0];
  for (const { topic, partition } of lags) {
    const [start, end] = [at(reading.starts, topic, partition), at(reading.ends, topic, partition)];
    const size = at(sizes.value, topic, partition);
    if (start === undefined || end === undefined || size === undefined) continue;
    bytes += size;
    records += end - start;
  }
  return records === 0 ? undefined : bytes / records;
}

async function throughputOf(wave: WaveLag, work: Work): Promise<Throughput | undefined> {
  const { paces, reading, lags } = wave;
  if (paces === undefined || reading === undefined) return undefined;
  const { origin, topics } = await mirrorOf(wave.wave, wave.phase, work);
  const sizes = await origin.logSizes(topics.filter((topic) => reading.gone?.has(topic) !== true));
  if (!sizes.known) return undefined;
  const perRecord = lags.map(({ topic, partition }) => {
    const [start, end] = [at(reading.starts, topic, partition), at(reading.ends, topic, partition)];
    const bytes = at(sizes.value, topic, partition);
    return start === undefined || end === undefined || bytes === undefined || end <= start
      ? Number.NaN
      : bytes / (end - start);
  });
  // Nothing a second is no bytes, however large a record is.
  const total = (rates: Float64Array) =>
    rates.reduce((sum, rate, cell) => sum + (rate === 0 ? 0 : rate * (perRecord[cell] ?? Number.NaN)), 0);
  const found = { arriving: total(paces.arriving), copying: total(paces.copying) };
  return Number.isNaN(found.arriving + found.copying) ? undefined : found;
}

function megabytes(rates: readonly number[]): string {
  const amount = rates.reduce((sum, rate) => sum + rate, 0) / 1_000_000;
  if (amount === 0) return "0";
  if (amount < 0.1) return "under 0.1";
  return amount < 10 ? amount.toFixed(1) : Math.round(amount).toLocaleString("en-US");
}
