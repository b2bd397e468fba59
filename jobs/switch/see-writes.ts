import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { attributeFirstWrites, type FirstRecord, type FirstWrites } from "#domain/switch/first-writes.ts";
import { at, type TopicPartition, type Writer } from "#domain/topology.ts";
import { clockTime } from "#domain/wording.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { recallBoundary } from "./reverse-mirror.ts";
import { producersOf } from "./wave.ts";
import { ends, type PlainEnds } from "./wave-mirror.ts";

/** The first records on the target, from each producer, before a switch is called done. */

const Remembered = z.object({
  seen: z.array(
    z.object({
      application: z.string(),
      topic: z.string(),
      partition: z.int(),
      offset: z.int(),
      /** Of the record, ms since the epoch. */
      timestamp: z.number(),
      producerId: z.int(),
      certain: z.boolean(),
    }),
  ),
  silent: z.array(z.string()),
  notes: z.array(z.string()),
});

/** The switch stands and its way back must stay open: what was not seen in time is said, not waited for. */
export async function noteUnseen(wave: Wave, work: Work, run: Run): Promise<void> {
  const look = createLook(wave, work, (await recallBoundary(run))?.target ?? {});
  try {
    await seeWrites(work, look.next);
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code !== "E_CLIENT_CLAIM") throw error;
    await run.remember("unseen", error.message);
  }
  const { seen, silent, notes } = look.found();
  const flat = seen.map(({ application, record, certain }) => ({ application, ...record, certain }));
  await run.remember("first-writes", { seen: flat, silent, notes });
  await work.audit({
    what: "writes.seen",
    wave: wave.name,
    subject: wave.name,
    detail: { seen: flat, silent, notes },
  });
}

/** What this run saw, for its summary: the first record of each producer, and what could not be told apart. */
export async function firstWriteRows(
  run: Run,
): Promise<ReadonlyArray<{ readonly label: string; readonly value: string }>> {
  const remembered = Remembered.safeParse(await run.recall("first-writes"));
  if (!remembered.success) return [];
  const { seen, notes } = remembered.data;
  const rows = seen.map(({ application, topic, partition, offset, timestamp, producerId, certain }) => {
    const who = producerId < 0 ? "no producer id" : `producer id ${producerId}`;
    const likely = certain ? "" : ", shared topic";
    const value = `${topic}-${partition} offset ${offset} at ${clockTime(timestamp)} UTC (${who}${likely})`;
    return { label: `First record of ${application}`, value };
  });
  return [...rows, ...notes.map((value) => ({ label: "Not told apart", value }))];
}

/** Each producer must have a committed record on the target behind the recorded ends. */
async function seeWrites(work: Work, look: () => Promise<FirstWrites>): Promise<void> {
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 500,
      code: "E_CLIENT_CLAIM",
      what: "The producers are said to run on MSK, but do not all write there",
    },
    async () => {
      const { silent, notes } = await look();
      if (silent.length === 0) return holds(undefined);
      return notYet([`nothing yet from ${silent.join(", ")}`, ...notes].join("; "));
    },
  );
}

/** Offsets of one partition looked at in one go. */
const stretch = 20_000;
/** Partitions looked at at a time. */
const width = 16;

type Grown = TopicPartition & { readonly end: number; readonly settled: number };

type Look = { readonly next: () => Promise<FirstWrites>; readonly found: () => FirstWrites };

/** Goes through what came behind the boundary, once. */
function createLook(wave: Wave, work: Work, boundary: PlainEnds): Look {
  const applications = producersOf(work, wave).map(({ name, topics }) => ({ name, topics }));
  const cursors = new Map<string, number>();
  const records = new Map<string, FirstRecord>();
  const found = () => attributeFirstWrites(applications, [...records.values()]);

  async function lookAt(target: KafkaCluster, { end, settled, ...where }: Grown): Promise<void> {
    const name = `${where.topic}-${where.partition}`;
    const from = cursors.get(name) ?? boundary[where.topic]?.[where.partition] ?? 0;
    const upto = Math.min(end, from + stretch);
    if (from >= upto) return;
    for (const writer of await writersOf(target, where, from, upto)) {
      const key = `${name}:${writer.producerId}`;
      if (records.has(key)) continue;
      const record = await firstOf(target, where, writer);
      if (record !== undefined) records.set(key, record);
    }
    // What stands beside an open transaction is looked at again.
    cursors.set(name, Math.max(from, Math.min(upto, settled)));
  }

  async function next(): Promise<FirstWrites> {
    const target = await work.world.target();
    const certain = new Set(
      found()
        .seen.filter((write) => write.certain)
        .map(({ application }) => application),
    );
    const wanted = applications.filter(({ name }) => !certain.has(name)).flatMap(({ topics }) => topics);
    const stable = await target.offsets(wave.topics, "stable");
    const grown = [...(await ends(target, wave))]
      .filter(([topic]) => wanted.includes(topic))
      .flatMap(([topic, row]) =>
        row.map((end = 0, partition) => {
          return { topic, partition, end, settled: at(stable, topic, partition) ?? end };
        }),
      );
    for (let from = 0; from < grown.length; from += width) {
      const part = grown.slice(from, from + width);
      await Promise.all(part.map((each) => lookAt(target, each)));
    }
    return found();
  }

  return { next, found };
}

/** Where the log does not tell who wrote, that somebody did is what counts. */
async function writersOf(
  target: KafkaCluster,
  where: TopicPartition,
  from: number,
  upto: number,
): Promise<readonly Pick<Writer, "producerId" | "firstOffset" | "lastOffset">[]> {
  try {
    return await target.writers(where, from, upto);
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.retryable || error.code === "E_INTERNAL") throw error;
    return [{ producerId: -1, firstOffset: from, lastOffset: upto - 1 }];
  }
}

/** Its first committed record. */
async function firstOf(
  target: KafkaCluster,
  where: TopicPartition,
  { producerId, firstOffset, lastOffset }: Pick<Writer, "producerId" | "firstOffset" | "lastOffset">,
): Promise<FirstRecord | undefined> {
  const [record] = await target.read(where, firstOffset, { max: 1, until: lastOffset + 1 });
  if (record === undefined) return undefined;
  return { ...where, producerId, offset: record.offset, timestamp: record.timestamp };
}
