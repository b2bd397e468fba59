import { asFerryError } from "#domain/errors.ts";
import type { Work } from "#jobs/work.ts";
import type { Alarm } from "./alarm-message.ts";
import { titles } from "./alarms-of.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";

/**
 * Whether the clusters that mirrors write to answer. Lag is read from the other side: without this a cluster that is away
 * would be told by failed tasks alone, minutes later.
 */

const unreachable: ReadonlySet<string> = new Set(["E_SOURCE_UNREACHABLE", "E_TARGET_UNREACHABLE"]);

/** One small request to each. Only that a cluster does not answer is an alarm; never throws. */
export async function destinationAlarms({ waves }: MigrationLag, work: Work): Promise<readonly Alarm[]> {
  const back = waves.find(({ phase }) => phase === "producers-moved");
  const forth = waves.find(({ phase }) => phase !== "producers-moved");
  const asked = [back, forth].filter((wave) => wave !== undefined);
  const found = await Promise.all(asked.map((wave) => ask(wave, work)));
  return found.flat();
}

async function ask({ wave, phase }: WaveLag, work: Work): Promise<readonly Alarm[]> {
  const [topic = ""] = wave.topics;
  try {
    const cluster = phase === "producers-moved" ? work.world.source : await work.world.target();
    await cluster.offsets([topic], "end");
    return [];
  } catch (thrown) {
    const { code, message, remedy } = asFerryError(thrown);
    if (!unreachable.has(code)) return [];
    const text = `\`${code}\` ${message}\nNothing can be copied to it while this lasts; mirrors go on by themselves afterwards, where their tasks have not failed.`;
    return [{ key: `unreadable:${code}`, title: titles.get(code) ?? code, text, advice: remedy }];
  }
}
