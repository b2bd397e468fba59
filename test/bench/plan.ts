import { makePlan } from "#domain/plan/planning.ts";
import { planReport } from "#domain/report/plan-report.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { known } from "#domain/topology.ts";
import { assessedGroup, assessedTopic, assessmentOf } from "#support/assessed.ts";
import { load, round, spreadOf, wordsOf } from "./figures.ts";
import type { BenchTools } from "./main.ts";

/** Planning alone, without a cluster: the assessment is made up, of the size that the assessment's own bench reads. */

const size = { topics: 2000, partitions: 20_000, groups: 1000, writers: 500 } as const;
const runs = 20;

function name(index: number): string {
  return `team-${Math.floor(index / 4)}.topic-${index % 4}`;
}

/** Topics in families of four: a group reads two or three of a family, a transaction writes two; every tenth topic is nobody's. */
function cluster() {
  const topics = Array.from({ length: size.topics }, (_, index) =>
    assessedTopic(name(index), {
      partitions: size.partitions / size.topics,
      compacted: index % 7 === 0,
      recordsPerSecond: known(index % 50),
    }),
  );
  const groups = Array.from({ length: size.groups }, (_, index) => {
    const first = (index * 2) % (size.topics - (size.topics % 10));
    return assessedGroup(`group-${index}`, [
      name(first),
      name(first + 1),
      ...(index % 3 === 0 ? [name(first + 2)] : []),
    ]);
  });
  const writers = Array.from({ length: size.writers }, (_, index) => ({
    transactionalId: `writer-${index}`,
    topics: [name(index * 4), name(index * 4 + 3)],
    offsetPartitions: [],
  }));
  return { assessment: assessmentOf({ topics, groups }), writers: known(writers) };
}

const migration = {
  name: "bench",
  settings: MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"] },
    target: {
      cluster: "t",
      region: "us-east-1",
      auth: "iam",
      subnets: ["a", "b", "c"],
      securityGroups: ["g"],
    },
    replication: { connect: { url: "http://connect:8083" } },
  }),
};

/** Milliseconds for a plan with its hash, and for its two reports. */
export async function plan({ say }: BenchTools): Promise<unknown> {
  const { assessment, writers } = cluster();
  const planned: number[] = [];
  const busy: number[] = [];
  const reported: number[] = [];
  let waves = 0;
  let calls = 0;
  for (let run = 0; run < runs; run += 1) {
    const cpu = process.cpuUsage();
    const began = performance.now();
    const made = makePlan({
      migration,
      assessment,
      writers,
      creatable: known(["3.9.x"]),
      madeAt: "2026-11-22T14:00:00.000Z",
    });
    const ended = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    busy.push((user + system) / 1000);
    planReport(made);
    planned.push(ended - began);
    reported.push(performance.now() - ended);
    waves = made.waves.length;
    calls = made.calls?.length ?? 0;
  }
  const [plan, processor, report] = [spreadOf(planned), spreadOf(busy), spreadOf(reported)];
  say(
    `${size.topics} topics, ${size.partitions} partitions, ${size.groups} groups: ${waves} waves, ${calls} calls`,
  );
  say(`plan     ${wordsOf(plan)}`);
  say(`of it on the processor  ${wordsOf(processor)}`);
  say(`reports  ${wordsOf(report)}`);
  return {
    ...size,
    waves,
    calls,
    plan,
    processor,
    report,
    underASecond: plan.p95 < 1000,
    load: load(),
    rssMB: round(process.memoryUsage().rss / 1e6),
  };
}
