import { z } from "zod";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { about } from "#domain/wording.ts";
import type { Run, Step } from "#jobs/run/approvable.ts";
import { liveGroups } from "#jobs/switch/clients.ts";
import { growth, plainEnds } from "#jobs/switch/wave-mirror.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";

/** Watching the source for silence: hours, without holding a worker. */

export type Watched = { readonly topics: readonly string[]; readonly groups: readonly string[] };

const Begun = z.object({ at: z.number(), ends: z.record(z.string(), z.array(z.int())) });
const Ended = z.object({ from: z.number(), to: z.number() });

const slowestMs = 60_000;
const fastestMs = 250;

/** From when to when the source was silent in this run, ms since the epoch; `undefined` before it has been. */
export async function silenceOf(run: Run): Promise<z.infer<typeof Ended> | undefined> {
  return Ended.optional().parse(await run.recall("silent"));
}

/** For `cleanup.watch`, end offsets must stand still and no group may have a member: else `E_NOT_SILENT`. */
export function watchStep(watched: Watched, work: Work, run: Run): Step {
  const { watch } = work.migration.settings.cleanup;
  return {
    name: "watch-source",
    title: `watch the source for ${about(watch)} of silence`,
    isDone: async () => (await silenceOf(run)) !== undefined,
    act: () => look(watched, watch, work, run),
    // What follows is taken away piece by piece; half of it would be neither a way back nor an end.
    pointOfNoReturn: true,
  };
}

/** A source that does not answer is no sign of use: its end offsets tell later what happened meanwhile. */
async function look(watched: Watched, watchMs: number, work: Work, run: Run): Promise<Outcome> {
  const pause = Math.min(slowestMs, Math.max(fastestMs, watchMs / 20));
  try {
    return await lookOnce(watched, watchMs, pause, work, run);
  } catch (thrown) {
    const { code, retryable } = asFerryError(thrown);
    const world = code === "E_SOURCE_UNREACHABLE" || code === "E_INCOMPLETE";
    if (!retryable || !world) throw thrown;
    work.log.warn({ code }, "the source could not be watched this time");
    return again(pause);
  }
}

async function lookOnce(
  watched: Watched,
  watchMs: number,
  pause: number,
  work: Work,
  run: Run,
): Promise<Outcome> {
  const { source } = work.world;
  const ends = await source.offsets(watched.topics, "end");
  const now = work.clock.now();
  const begun = Begun.safeParse(await run.recall("watch"));
  if (!begun.success) {
    await run.remember("watch", { at: now, ends: plainEnds(ends) });
    await refuseReaders(source, watched);
    return again(Math.min(pause, watchMs));
  }
  const grown = [...growth(begun.data.ends, ends)].filter(([, records]) => records !== 0);
  if (grown.length > 0) throw notSilent(grown, now - begun.data.at);
  await refuseReaders(source, watched);
  const left = begun.data.at + watchMs - now;
  if (left > 0) return again(Math.min(pause, left));
  await run.remember("silent", { from: begun.data.at, to: now });
  return done;
}

function notSilent(grown: ReadonlyArray<readonly [string, number]>, ms: number): FerryError {
  const hours = ms / 3_600_000;
  const text = grown
    .slice(0, 5)
    .map(([topic, records]) => `${topic} by ${records} (${(records / hours).toFixed(1)} an hour)`)
    .join(", ");
  return new FerryError("E_NOT_SILENT", `The source still grows after ${about(ms)} of watching: ${text}.`);
}

async function refuseReaders(source: KafkaCluster, watched: Watched): Promise<void> {
  const readers = await readersOn(source, watched);
  if (readers.length === 0) return;
  throw new FerryError("E_NOT_SILENT", `Groups still read on the source: ${readers.join("; ")}.`);
}

/** Live groups of these waves, and others with members that read their topics. */
export async function readersOn(
  source: KafkaCluster,
  { topics, groups }: Watched,
): Promise<readonly string[]> {
  const listed = (await source.listGroups()).filter(({ protocolType }) => protocolType !== "connect");
  const others = listed.map(({ id }) => id).filter((id) => !groups.includes(id));
  const committed = await source.committed(others);
  const described = await source.describeGroups(others);
  const foreign = described
    .filter(
      ({ id, members }) =>
        topics.some((topic) => committed.get(id)?.has(topic) === true) ||
        members.some(({ assignment }) => assignment.some(({ topic }) => topics.includes(topic))),
    )
    .map(({ id }) => id);
  return await liveGroups(source, [...groups, ...foreign]);
}
