import { type LostRange, lostText } from "#domain/lag/lost-ranges.ts";
import { lossText, type PartitionRace, sumRaces } from "#domain/lag/retention-race.ts";
import { count, figure } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { type Alarm, clearAlarm, raiseAlarm, standingAlarms } from "./alarm-message.ts";
import type { MigrationLag } from "./migration-lag.ts";
import type { RetentionWatch } from "./retention-watch.ts";

/** What retention has the bot say in the channel: before a record is lost with two ways to keep it, after that what was lost. */

const raceKind = "retention-race:";
const lossKind = "records-lost:";

export function raceKey(flow: string): string {
  return `${raceKind}${flow}`;
}

/** One for each mirror: its worst partition, and what to do. */
export function raceAlarms(races: readonly PartitionRace[]): readonly Alarm[] {
  const { atRisk } = sumRaces(races);
  return [...Map.groupBy(atRisk, ({ flow }) => flow)].flatMap(([flow, those]) => {
    const [worst] = those;
    if (worst === undefined) return [];
    const more = those.length === 1 ? "" : ` ${count(those.length, "partition")} in all.`;
    const text = `${lossText(worst)}.${more}`;
    const title = `retention race of wave ${worst.wave}`;
    return [{ key: raceKey(flow), title, text, remedies: worst.remedies }];
  });
}

/** One for each mirror: the first range, and how much in all. */
export function lossAlarms(losses: readonly LostRange[]): readonly Alarm[] {
  return [...Map.groupBy(losses, ({ flow }) => flow)].flatMap(([flow, those]) => {
    const [first] = those;
    if (first === undefined) return [];
    const sum = those.reduce((total, { from, until }) => total + until - from, 0);
    const more = those.length === 1 ? "" : `; ${count(those.length, "range")}, ${figure(sum)} offsets in all`;
    const topics = [...new Set(those.map(({ topic }) => topic))];
    const ways = topics.slice(0, 3).map((topic) => `\`/ferry lag acknowledge ${topic}\``);
    const text = `${lostText(first)}${more}. It stays until ${ways.join(", ")} or until the topic is copied anew.`;
    return [{ key: `${lossKind}${flow}`, title: `wave ${first.wave} has lost records`, text }];
  });
}

/** Raises and changes them; clears a race that is known to be won, and a loss that was acknowledged. */
export async function sayRetention(
  { alarms, each }: RetentionWatch,
  { waves }: MigrationLag,
  work: Work,
): Promise<void> {
  for (const alarm of alarms) await raiseAlarm(alarm, work);
  const lasting = new Set(alarms.map(({ key }) => key));
  const unread = waves.filter(({ failure }) => failure !== undefined).map(({ flow }) => flow.name);
  const undecided = each.filter(({ state }) => state === "unknown").map(({ flow }) => flow);
  const unknown = new Set([...unread, ...undecided].map(raceKey));
  for (const key of await standingAlarms(work.store, work.migration.name)) {
    const isOurs = key.startsWith(raceKind) || key.startsWith(lossKind);
    if (isOurs && !lasting.has(key) && !unknown.has(key)) await clearAlarm(key, work);
  }
}
