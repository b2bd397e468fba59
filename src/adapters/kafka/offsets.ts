import type { Clock, KafkaCluster } from "#domain/ports.ts";
import type { OffsetTable, Topic, TopicPartition } from "#domain/topology.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import { createLane, type Lane } from "./lane.ts";
import { listOffsets, type OffsetQuestion, type OffsetRows } from "./list-offsets.ts";
import type { Metadata } from "./metadata.ts";
import { breathe } from "./pace.ts";
import { createPlans, type Places, type Plan, placesOf, planFor, sizeOf } from "./places.ts";
import { createBackoff, type Gaps, noGaps } from "./retry.ts";

type Share = OffsetQuestion & { readonly places: Places };
type Which = "start" | "end" | "stable";
/** Where a topic's offsets go, by partition. */
type CellsOf = (topic: string) => number[];
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

/** Stands for "not known" while a table is filled: an array of bare numbers needs no object for each. */
const absent = Number.NaN;

/** Searches by time in one request: each reads an index and a batch of the log. */
const searchesPerCall = 1000;

/** Shares of calls made at the same moment travel in one request for each broker. */
function createLanes(metadata: Metadata): (leader: number, share: Share) => Promise<OffsetRows> {
  const lanes = new Map<string, Lane<Share, OffsetRows>>();

  /** Equal questions may meet in one request; a partition has one time in a request. */
  function open(leader: number, isolation: 0 | 1, search: boolean): Lane<Share, OffsetRows> {
    return createLane({
      async send(shares: readonly Share[]) {
        const node = await metadata.broker(leader);
        await breathe(); // requests to several leaders are due at the same moment
        const rows = await node.send(listOffsets(shares, isolation));
        return shares.map(() => rows);
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
  readonly cellsOf: CellsOf;
  readonly fail: (topic: string, partition: number, why: string) => void;
  readonly gaps: Gaps<TopicPartition>;
};

/** One ListOffsets for all partitions that a broker leads; each partition's error is looked at by itself. */
function createRounds(role: Role, metadata: Metadata): (plan: Plan, round: Round) => Promise<void> {
  const ask = createLanes(metadata);

  async function askLeader(leader: number, places: Places, round: Round): Promise<void> {
    const { question, cellsOf, fail, gaps } = round;
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
      const rows = await ask(leader, { ...question, places });
      await breathe();
      for (const [topic, partitions] of places) rows.fill(topic, partitions, cellsOf(topic), bad);
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
  cellsOf: CellsOf,
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

  return async (first, question, cellsOf, gaps) => {
    const asked = sizeOf(first.places);
    const again = createBackoff(clock);
    let plan = first;
    for (;;) {
      const failed: Failed = [];
      const fail: Round["fail"] = (topic, partition, why) => void failed.push([{ topic, partition }, why]);
      await rounds(plan, { question, cellsOf, fail, gaps });
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
    { missing, refused }: Gaps<TopicPartition>,
  ): Promise<OffsetTable> {
    const plan = planAll(topics);
    const cells = new Map<string, number[]>();
    for (const [name, all] of plan.places) {
      cells.set(
        name,
        all.map(() => absent),
      );
    }
    let complete = true;
    const gaps: Gaps<TopicPartition> = {
      missing(failed, asked) {
        complete = false;
        missing(failed, asked);
      },
      refused(where, error) {
        complete = false;
        refused(where, error);
      },
    };
    await ask(plan, questions[which], (topic) => cells.get(topic) ?? [], gaps);
    return complete ? cells : new Map([...cells].map(([name, row]) => [name, withHoles(row)]));
  }

  return {
    table,
    offsets: async (names, which) => table(await metadata.topics(names), which, strict),
    async offsetAt(where, timestamp): Promise<number | undefined> {
      const cells: number[] = [];
      const plan = planFor(await metadata.topics([where.topic]), placesOf([where]));
      await ask(plan, { timestamp, isolation: 0 }, () => cells, strict);
      const found = cells[where.partition] ?? -1;
      return found < 0 ? undefined : found;
    },
  };
}

function keyOf(places: Places): string {
  return [...places].map(([topic, partitions]) => `${topic} ${partitions.join(" ")}`).join();
}

function withHoles(row: readonly number[]): ReadonlyArray<number | undefined> {
  return row.map((offset) => (Number.isNaN(offset) ? undefined : offset));
}
