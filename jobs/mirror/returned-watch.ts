import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { Plan, planKey, type Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { Growth } from "#domain/switch/rogue.ts";
import { at as cellOf } from "#domain/topology.ts";
import { figure } from "#domain/wording.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { clearAlarm, raiseAlarm } from "./alarm-message.ts";
import { checkStandby, type Found } from "./check-standby.ts";
import { nameWriters } from "./name-writers.ts";
import { freshStandby, type Place, parseStandby, type Standby } from "./standby-record.ts";

/**
 * The watch over MSK after a rollback of producers: until the wave's producers move again, its topics there may grow only
 * by what the forward mirror writes. A producer that ignored the switch back writes records that the source never gets.
 */

const Ends = z.record(z.string(), z.array(z.int()));

/** Where both clusters ended at the stop of the reverse mirror. */
const Returned = z.object({ at: z.string(), msk: Ends, source: Ends });
type Returned = z.infer<typeof Returned>;

/** Without such a record for so long, the alarm is cleared. */
const quietMs = 5 * 60_000;

/** Written by the rollback; read until the producers move again or the wave is cleaned. */
export function returnedKey(migration: string, wave: string): string {
  return `returned:${migration}:${wave}`;
}

function returnedStandbyKey(migration: string, wave: string): string {
  return `returned-standby:${migration}:${wave}`;
}

/** Looks at every wave whose producers came back. What fails is logged, never thrown. */
export async function watchReturned(work: Work): Promise<void> {
  try {
    const plan = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
    if (!plan.success) return;
    for (const wave of plan.data.waves) await watchWave(wave, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "waves that came back could not be watched on MSK");
  }
}

async function watchWave(wave: Wave, work: Work): Promise<void> {
  const key = returnedKey(work.migration.name, wave.name);
  const returned = Returned.safeParse((await work.store.read(key))?.value).data;
  if (returned === undefined) return;
  const { phase } = await readWaveState(work, wave.name);
  const isBack = phase === "before-cutover" || phase === "consumers-moved";
  if (!isBack || (await isMadeAnew(wave, returned, await work.world.target()))) {
    await clearAlarm(alarmKey(wave), work);
    await work.store.remove(key);
    await work.store.remove(returnedStandbyKey(work.migration.name, wave.name));
    return;
  }
  await look(wave, returned, work);
}

/** Topics that were deleted on MSK, to be mirrored afresh, hold other offsets: nothing is known about them any more. */
async function isMadeAnew(wave: Wave, { msk }: Returned, target: KafkaCluster): Promise<boolean> {
  const present = new Set((await target.listTopics()).map(({ name }) => name));
  if (wave.topics.some((topic) => !present.has(topic))) return true;
  const now = await target.offsets(wave.topics, "end");
  return Object.entries(msk).some(([topic, row]) =>
    row.some((end, partition) => (cellOf(now, topic, partition) ?? end) < end),
  );
}

async function look(wave: Wave, { at, msk, source }: Returned, work: Work): Promise<void> {
  const key = returnedStandbyKey(work.migration.name, wave.name);
  const boundary = { at, source: msk, target: source };
  const { standby: previous, revision } = parseStandby(await work.store.read(key), freshStandby(boundary));
  const found = await checkStandby({ wave, boundary, previous, side: "target" }, work);
  if (found === undefined) return;
  const next = found.fresh.length === 0 ? found.standby : await named(found, previous, at, work);
  // Another watch was quicker: what it found counts.
  if ((await work.store.write(key, next, { revision })) === undefined) return;
  await tell(wave, next, found.fresh.length > 0, work);
}

async function named(found: Found, previous: Standby, since: string, work: Work): Promise<Standby> {
  const now = work.clock.now();
  const ms = now - (previous.checkedAt ?? Date.parse(since));
  const growths = found.fresh.map(
    ({ first, last, ...place }): Growth => ({ ...place, from: first, until: last + 1, ms }),
  );
  const mirror = new Set(found.standby.mirrorIds);
  const { text } = await nameWriters(await work.world.target(), growths, work, mirror);
  return { ...found.standby, names: text, firstRogueAt: previous.firstRogueAt ?? now, lastRogueAt: now };
}

async function tell(wave: Wave, next: Standby, isNews: boolean, work: Work): Promise<void> {
  const { lastRogueAt, rogue, unsettled, names } = next;
  if (lastRogueAt === undefined || work.clock.now() - lastRogueAt > quietMs) {
    await clearAlarm(alarmKey(wave), work);
    return;
  }
  const title = `something else writes to MSK, wave ${wave.name}`;
  const text = [
    `The forward mirror did not write these: ${placesText([...rogue, ...unsettled])}.`,
    `Last seen: ${names ?? "not named"}.`,
    "They are on MSK only: the source, where this wave's producers are again, never gets them, and consumers that move to MSK later read them there.",
    "Stop that producer, or point it to the source; its owner has to send these records to the source again.",
  ].join("\n");
  await raiseAlarm({ key: alarmKey(wave), title, text }, work);
  if (!isNews) return;
  await work.audit({
    what: "producer.rogue",
    wave: wave.name,
    subject: wave.name,
    reason: "E_ROGUE_PRODUCER",
    detail: { message: names, onMskOnly: rogue, besideOpenTransactions: unsettled },
  });
}

/** Those that begin so are left alone by the alarms of the mirrors. */
function alarmKey(wave: Wave): string {
  return `rogue:msk:${wave.name}`;
}

const placesNamed = 5;

function placesText(places: readonly Place[]): string {
  const shown = places
    .slice(0, placesNamed)
    .map(
      ({ topic, partition, first, last, records }) =>
        `${topic}-${partition} offsets ${first} to ${last} (${figure(records)})`,
    );
  const more = places.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${figure(more)} more partitions` : ""}`;
}
