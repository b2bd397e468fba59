import { asFerryError } from "#domain/errors.ts";
import { Plan, planKey, type Wave } from "#domain/plan.ts";
import type { Growth } from "#domain/switch/rogue.ts";
import type { WaveState } from "#domain/switch/wave-state.ts";
import { clockTime } from "#domain/wording.ts";
import { readWaveState } from "#jobs/switch/wave.ts";
import type { Work } from "#jobs/work.ts";
import { clearAlarm, raiseAlarm } from "./alarm-message.ts";
import { checkStandby, type Found } from "./check-standby.ts";
import { nameWriters } from "./name-writers.ts";
import { describePlaces, freshStandby, parseStandby, type Standby, standbyKey } from "./standby-record.ts";

/**
 * The watch over sources that have become standbys: after a wave's producers moved, its ends may grow only by what the
 * reverse mirror writes. Anything more is named, in one alarm that changes in place and clears itself.
 */

type Boundary = NonNullable<WaveState["boundary"]>;

/** Without a rogue record for so long, the alarm is cleared. What is on the source only stays counted. */
const quietMs = 5 * 60_000;

/** Looks at every wave whose producers have moved. What fails is written down and logged, never thrown. */
export async function watchStandby(work: Work): Promise<void> {
  try {
    const plan = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
    if (!plan.success) return;
    for (const wave of plan.data.waves) await watchWave(wave, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ code, error: message }, "standbys could not be watched");
  }
}

async function watchWave(wave: Wave, work: Work): Promise<void> {
  const { phase, boundary } = await readWaveState(work, wave.name);
  if (phase !== "producers-moved" || boundary === undefined) {
    await clearAlarm(alarmKey(wave), work);
    return;
  }
  const key = standbyKey(work.migration.name, wave.name);
  const { standby: previous, revision } = parseStandby(await work.store.read(key), freshStandby(boundary));
  const next = await check(wave, boundary, previous, work);
  if (next === undefined) return;
  const written = await work.store.write(key, next, { revision });
  // Another watch was quicker: what it found counts.
  if (written === undefined) return;
  await tell(wave, previous, next, work);
}

/** The document after one more check; `undefined` while the source is no standby. */
async function check(
  wave: Wave,
  boundary: Boundary,
  previous: Standby,
  work: Work,
): Promise<Standby | undefined> {
  try {
    const found = await checkStandby({ wave, boundary, previous }, work);
    if (found === undefined) return undefined;
    return found.fresh.length === 0 ? found.standby : await named(found, previous, boundary, work);
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    work.log.warn({ wave: wave.name, code, error: message }, "a standby could not be checked");
    return { ...previous, failure: `${code} ${message}` };
  }
}

async function named(found: Found, previous: Standby, boundary: Boundary, work: Work): Promise<Standby> {
  const now = work.clock.now();
  const ms = now - (previous.checkedAt ?? Date.parse(boundary.at));
  const growths = found.fresh.map(
    ({ topic, partition, records, first, last }): Growth => ({
      topic,
      partition,
      from: first,
      until: last + 1,
      ms,
      records,
    }),
  );
  const { text } = await nameWriters(work.world.source, growths, work, new Set(found.standby.mirrorIds));
  return {
    ...found.standby,
    names: text,
    firstRogueAt: previous.firstRogueAt ?? now,
    lastRogueAt: now,
  };
}

/** The alarm first: who reads the audit can wait. */
async function tell(wave: Wave, previous: Standby, next: Standby, work: Work): Promise<void> {
  const { lastRogueAt } = next;
  const isQuiet = lastRogueAt === undefined || work.clock.now() - lastRogueAt > quietMs;
  if (isQuiet) {
    await clearAlarm(alarmKey(wave), work);
    return;
  }
  await raiseAlarm({ key: alarmKey(wave), title: titleOf(wave), text: textOf(next) }, work);
  const places = [...next.rogue, ...next.unsettled];
  const knownBefore = new Set([...previous.rogue, ...previous.unsettled].map(placeName));
  const isNews = previous.lastRogueAt === undefined || lastRogueAt - previous.lastRogueAt > quietMs;
  if (!isNews && places.every((place) => knownBefore.has(placeName(place)))) return;
  await work.audit({
    what: "producer.rogue",
    wave: wave.name,
    subject: wave.name,
    reason: "E_ROGUE_PRODUCER",
    detail: { message: next.names, onSourceOnly: next.rogue, besideOpenTransactions: next.unsettled },
  });
}

function alarmKey(wave: Wave): string {
  return `rogue:${wave.name}`;
}

function titleOf(wave: Wave): string {
  return `something else writes to the source of wave ${wave.name}`;
}

function textOf(standby: Standby): string {
  const since =
    standby.firstRogueAt === undefined ? "" : `First seen at ${clockTime(standby.firstRogueAt)} UTC. `;
  const rest = standby.behind > 0 ? ` The check is behind by ${standby.behind} offsets.` : "";
  return [
    `The reverse mirror did not write these: ${describePlaces(standby)}.${rest}`,
    `${since}Last seen: ${standby.names ?? "not named"}.`,
    "They are on the source only: MSK never gets them. A rollback makes groups begin again at the first of them.",
    "Stop that producer, or point it to MSK; its owner has to send these records to MSK again.",
  ].join("\n");
}

function placeName({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`;
}
