/** Topics and committed offsets of the lag and assess benches: each group reads 20 topics, all topics are read. */

export type LagFixture = {
  readonly topics: readonly string[];
  readonly partitionsPerTopic: number;
  readonly groups: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
  /** Committed offsets of all groups. */
  readonly rows: number;
};

const topicsPerGroup = 20;

export function fixtureOf(size: {
  readonly topics: number;
  readonly groups: number;
  /** 20 when absent. */
  readonly partitionsPerTopic?: number;
}): LagFixture {
  const { partitionsPerTopic = 20 } = size;
  const topics = Array.from({ length: size.topics }, (_, at) => `bench.lag.topic-${digits(at)}`);
  const groups = Array.from({ length: size.groups }, (_, at): [string, Map<string, number[]>] => [
    `bench.lag.group-${digits(at)}`,
    new Map(topicsOf(topics, at).map((topic) => [topic, committed(at, partitionsPerTopic)])),
  ]);
  const rows = groups.length * topicsPerGroup * partitionsPerTopic;
  return { topics, partitionsPerTopic, groups: new Map(groups), rows };
}

function topicsOf(topics: readonly string[], group: number): readonly string[] {
  return Array.from(
    { length: topicsPerGroup },
    (_, at) => topics[(group * topicsPerGroup + at) % topics.length] ?? "",
  );
}

function committed(group: number, partitions: number): number[] {
  return Array.from({ length: partitions }, (_, partition) => group + partition);
}

function digits(at: number): string {
  return String(at).padStart(4, "0");
}
