import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable, Topic, TopicPartition } from "#domain/topology.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import { absent, isAbsent, tableOf } from "./flat-table.ts";
import { createLane, type Lane } from "./lane.ts";
import {
  listOffsets,
  type OffsetCells,
  type OffsetErrors,
  type OffsetQuestion,
  type Share,
} from "./list-offsets.ts";
import type { Metadata } from "./metadata.ts";
import { breathe } from "./pace.ts";
import { createPlans, type Places, type Plan, placesOf, planFor, sizeOf } from "./places.ts";
import { createBackoff, type Gaps, noGaps } from "./retry.ts";

type Asked = OffsetQuestion & Share;
type Which = "start" | "end" | "stable";
type Failed = Array<readonly [TopicPartition, string]>;

const questions: Record<Which, OffsetQuestion> = {
  start: { timestamp: -2, isolation: 0 },
  end: { timestamp: -1, isolation: 0 },
  stable: { timestamp: -1, isolation: 1 },
};

export type Offsets = Pick<KafkaCluster, "offsets" | "offsetAt"> & {
  /** Offsets of these topics; a partition without an answer is in `gaps` and has no value in the table. */
  readonly table: (
    topics: ReadonlyMap<string, Topic>,
    which: Which,
    gaps: Gaps<TopicPartition>,
  ) => Promise<OffsetTable>;
};

/** Searches by time in one request: each reads an index and a batch of the log. */
const searchesPerCall = 1000;

/** Shares of calls made at the same moment travel in one request for each broker. */
function createLanes(metadata: Metadata): (leader: number, share: Asked) => Promise<OffsetErrors> {
  const lanes = new Map<string, Lane<Asked, OffsetErrors>>();

  /** Equal questions may meet in one request; a partition has one time in a request. */
  function open(leader: number, isolation: 0 | 1, search: boolean): Lane<Asked, OffsetErrors> {
    return createLane({
      async send(shares: readonly Asked[]) {
        const node = await metadata.broker(leader);
        await breathe(); // requests to several leaders are due at the same moment
        const errors = await node.send(listOffsets(shares, isolation));
        return shares.map(() => errors);
      },
      key: (share) => (search ? keyOf(share.places) : share),
      weight: ({ places }) => sizeOf(places),
      most: Number.POSITIVE_INFINITY,
      heaviest: search ? searchesPerCall : Number.POSITIVE_INFINITY,
      atOnce: search ? 2 : 8,
    });
  }

  return (leader, share) => {
    const search = share.timestamp >= 0;
    const name = `${leader} ${share.isolation} ${search ? "search" : share.timestamp}`;
    const lane = lanes.get(name) ?? open(leader, share.isolation, search);
    lanes.set(name, lane);
    return lane.ask(share);
  };
}

type Round = {
  readonly question: OffsetQuestion;
  readonly cells: OffsetCells;
  readonly fail: (topic: string, partition: number, why: string) => void;
  readonly gaps: Gaps<TopicPartition>;
};

/** One ListOffsets for all partitions that a broker leads; each partition's error is looked at by itself. */
function createRounds(role: Role, metadata: Metadata): (plan: Plan, round: Round) => Promise<void> {
  const ask = createLanes(metadata);

  async function askLeader(leader: number, places: Places, round: Round): Promise<void> {
    const { question, cells, fail, gaps } = round;
    function bad(topic: string, partition: number, error: number | undefined): void {
      if (error === undefined) return fail(topic, partition, "no answer");
      if (!isPassing(error)) {
        const refusal = answerError(role, error, `ListOffsets of ${topic}-${partition}`);
        return gaps.refused({ topic, partition }, refusal);
      }
      metadata.forget([topic]);
      fail(topic, partition, codeName(error));
    }
    try {
      const errorOf = await ask(leader, { ...question, places, cells });
      await breathe();
      places.forEach((partitions, topic) => {
        const first = cells.firstOf(topic) ?? Number.NaN;
        for (const partition of partitions) {
          if (isAbsent(cells.offsets[first + partition])) bad(topic, partition, errorOf(topic, partition));
        }
      });
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      failAll(places, thrown.message, round);
    }
  }

  function failAll(places: Places, why: string, { fail }: Round): void {
    metadata.forget([...places.keys()]);
    for (const [topic, partitions] of places) for (const partition of partitions) fail(topic, partition, why);
  }

  return async ({ byLeader, leaderless }, round) => {
    failAll(leaderless, "no leader", round);
    await Promise.all([...byLeader].map(([leader, mine]) => askLeader(leader, mine, round)));
  };
}

type Ask = (
  first: Plan,
  question: OffsetQuestion,
  cells: OffsetCells,
  gaps: Gaps<TopicPartition>,
) => Promise<void>;

/** Asks again for what failed, by fresh metadata, until the patience is used up. */
function createAsk(role: Role, metadata: Metadata, clock: Clock): Ask {
  const rounds = createRounds(role, metadata);

  async function planAgain(places: Places, asked: number, gaps: Gaps<TopicPartition>): Promise<Plan> {
    const partitionsOf = (topic: string) =>
      (places.get(topic) ?? []).map((partition) => ({ topic, partition }));
    const topics = await metadata.topics([...places.keys()], {
      missing(failed) {
        const lost = failed.flatMap(([topic, why]) =>
          partitionsOf(topic).map((where) => [where, why] as const),
        );
        gaps.missing(lost, asked);
      },
      refused(topic, error) {
        for (const where of partitionsOf(topic)) gaps.refused(where, error);
      },
    });
    return planFor(topics, places);
  }

  return async (first, question, cells, gaps) => {
    const asked = sizeOf(first.places);
    const again = createBackoff(clock);
    let plan = first;
    for (;;) {
      const failed: Failed = [];
      const fail: Round["fail"] = (topic, partition, why) => void failed.push([{ topic, partition }, why]);
      await rounds(plan, { question, cells, fail, gaps });
      if (failed.length === 0) return;
      if (!(await again())) return gaps.missing(failed, asked);
      plan = await planAgain(placesOf(failed.map(([where]) => where)), asked, gaps);
    }
  };
}

export function createOffsets(role: Role, metadata: Metadata, clock: Clock): Offsets {
  const ask = createAsk(role, metadata, clock);
  const planAll = createPlans();
  const strict = noGaps<TopicPartition>({
    what: `Offsets of the ${role} cluster`,
    name: ({ topic, partition }) => `${topic}-${partition}`,
  });

  async function table(
    topics: ReadonlyMap<string, Topic>,
    which: Which,
    gaps: Gaps<TopicPartition>,
  ): Promise<OffsetTable> {
    const { layout, ...plan } = planAll(topics);
    const { numbers, begins } = layout;
    const offsets = new Float64Array(begins.at(-1) ?? 0).fill(absent);
    const firstOf = (topic: string) => begins[numbers.get(topic) ?? -1];
    const partitionsOf = (topic: string) => {
      const number = numbers.get(topic) ?? -1;
      return (begins[number + 1] ?? 0) - (begins[number] ?? 0);
    };
    await ask(plan, questions[which], { offsets, firstOf, sizeOf: partitionsOf }, gaps);
    return tableOf({ ...layout, offsets }, 0, layout.names.length);
  }

  return {
    table,
    offsets: async (names, which) => new Map(await table(await metadata.topics(names), which, strict)),
    async offsetAt(where, timestamp): Promise<number | undefined> {
      const offsets = new Float64Array(where.partition + 1).fill(absent);
      const plan = planFor(await metadata.topics([where.topic]), placesOf([where]));
      const firstOf = (topic: string) => (topic === where.topic ? 0 : undefined);
      const cells: OffsetCells = { offsets, firstOf, sizeOf: () => offsets.length };
      await ask(plan, { timestamp, isolation: 0 }, cells, strict);
      const found = offsets[where.partition] ?? -1; // -1: none is that young
      return found < 0 ? undefined : found;
    },
  };
}

function keyOf(places: Places): string {
  return [...places].map(([topic, partitions]) => `${topic} ${partitions.join(" ")}`).join();
}
