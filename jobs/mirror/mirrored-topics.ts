import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { at, type OffsetTable, type Topic } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { inTurns } from "./in-turns.ts";
import type { Mirror } from "./mirror-readings.ts";

/**
 * Whether the topics that are mirrored are still those whose copied offsets are known. A topic that was deleted and
 * created anew has other records under the same offsets: MirrorMaker goes on at the old offset, or begins at the start,
 * and says nothing. The topic's id tells (KIP-516); without one, offsets that fell.
 */

export type TopicsNow = {
  /** Those that can be asked. */
  readonly present: readonly string[];
  readonly gone: ReadonlySet<string>;
  readonly listed: ReadonlyMap<string, Topic>;
};

const Mirrored = z.record(
  z.string(),
  z.object({
    /** `null`: the broker did not tell. */
    id: z.string().nullable(),
    /** First offset held, per partition, at the last look. */
    starts: z.array(z.number().nullable()),
    /** How it was created anew, once seen. */
    anew: z.string().exactOptional(),
  }),
);
type Mirrored = z.infer<typeof Mirrored>;

function mirroredKey(flow: string): string {
  return `mirrored-topics:${flow}`;
}

/** A topic that may not be described is missing from a list as well: only a refusal by name says that it is gone. */
export async function topicsNow({ origin, topics, list }: Mirror): Promise<TopicsNow> {
  const all = await (list === undefined ? origin.listTopics() : list());
  const listed = new Map(all.map((topic) => [topic.name, topic]));
  const gone = new Set<string>();
  await inTurns(
    topics.filter((name) => !listed.has(name)),
    async (name) => {
      try {
        await origin.offsets([name], "end");
      } catch (thrown) {
        if (asFerryError(thrown).code !== "E_UNKNOWN_TOPIC") throw thrown;
        gone.add(name);
      }
    },
  );
  return { present: topics.filter((name) => !gone.has(name)), gone, listed };
}

type Offsets = { readonly copied: OffsetTable; readonly starts: OffsetTable; readonly ends: OffsetTable };

/** Topics that are not those that were copied from, and how that is known. Remembers what it saw. */
export async function createdAnew(
  { flow }: Mirror,
  { present, listed }: TopicsNow,
  offsets: Offsets,
  { store }: Pick<Work, "store">,
): Promise<ReadonlyMap<string, string>> {
  const stored = Mirrored.safeParse((await store.read(mirroredKey(flow)))?.value).data ?? {};
  const seen: Mirrored = { ...stored };
  const anew = new Map<string, string>();
  for (const topic of present) {
    const now = { id: listed.get(topic)?.id ?? null, starts: startsOf(topic, offsets) };
    const before = stored[topic];
    // Nothing was copied of it, or all was taken back: this topic is the one that is mirrored.
    const how = isCopied(topic, offsets) ? howAnew(topic, before, now, offsets) : undefined;
    if (how === undefined) seen[topic] = now;
    else {
      seen[topic] = { ...(before ?? now), anew: how };
      anew.set(topic, how);
    }
  }
  if (JSON.stringify(seen) !== JSON.stringify(stored)) await store.write(mirroredKey(flow), seen);
  return anew;
}

function isCopied(topic: string, { copied }: Offsets): boolean {
  return (copied.get(topic) ?? []).some((offset) => offset !== undefined);
}

function startsOf(topic: string, { starts }: Offsets): Array<number | null> {
  return (starts.get(topic) ?? []).map((start) => start ?? null);
}

type Seen = Mirrored[string];

function howAnew(topic: string, before: Seen | undefined, now: Seen, offsets: Offsets): string | undefined {
  if (before?.anew !== undefined) return before.anew;
  if (before !== undefined && before.id !== null && now.id !== null) {
    if (before.id === now.id) return undefined;
    return `deleted and created anew under the mirror (topic id ${before.id}, now ${now.id}): what was copied is of the deleted one`;
  }
  return now.id === null
    ? (fallenStart(topic, before, now) ?? endBeforeCopied(topic, now, offsets))
    : undefined;
}

/** A start that falls is another log's: within one it only grows. */
function fallenStart(topic: string, before: Seen | undefined, now: Seen): string | undefined {
  const then = before?.starts ?? [];
  const fell = now.starts.findIndex((start, partition) => start !== null && start < (then[partition] ?? 0));
  if (fell < 0) return undefined;
  return `created anew under the mirror: ${topic}-${fell} begins at ${now.starts[fell]}, it began at ${then[fell]}`;
}

function endBeforeCopied(topic: string, now: Seen, { copied, ends }: Offsets): string | undefined {
  const beyond = now.starts.findIndex((_, partition) => {
    const [last, end] = [at(copied, topic, partition), at(ends, topic, partition)];
    return last !== undefined && end !== undefined && last + 1 > end;
  });
  if (beyond < 0) return undefined;
  const [last, end] = [at(copied, topic, beyond), at(ends, topic, beyond)];
  return `copied up to ${last}, but ${topic}-${beyond} ends at ${end}: it was created anew or cut`;
}

/** Somebody has seen to it: the topic that is there now is the one that is mirrored. False: nothing was known of it. */
export async function acknowledgeAnew(
  flow: string,
  topic: string,
  { store }: Pick<Work, "store">,
): Promise<boolean> {
  const stored = Mirrored.safeParse((await store.read(mirroredKey(flow)))?.value).data ?? {};
  if (stored[topic]?.anew === undefined) return false;
  const { [topic]: _seen, ...others } = stored;
  await store.write(mirroredKey(flow), others);
  return true;
}
