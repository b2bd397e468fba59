import { createCharts } from "#adapters/chart.ts";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { Assessment, assessmentKey } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { makePlan } from "#domain/plan/planning.ts";
import type { World } from "#domain/ports.ts";
import { known } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import type { Work } from "#jobs/work.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { createSmallWork } from "#support/small-work.ts";
import { round } from "./figures.ts";
import { countTraffic } from "./lag-traffic.ts";

/** The assessment of `npm run bench -- assess`, in a process of its own so that its memory is its own. Prints its figures. */

const [bootstrap = ""] = process.argv.slice(2);
const small = createSmallWork();
const traffic = countTraffic();
const source = createKafkaCluster({
  role: "source",
  access: { bootstrap: [bootstrap], protocol: "PLAINTEXT" },
  log: createQuietLog(),
  clock: realClock,
});
const files = new Map<string, number>();
const world: World = Object.create(small.world, {
  source: { value: source },
  target: {
    value: async () => {
      throw new FerryError("E_TARGET_ABSENT", "the bench has no target");
    },
  },
});
const { settings } = small.migration;
const migration = {
  ...small.migration,
  settings: { ...settings, assess: { ...settings.assess, window: 5000 } },
};
const work: Work = {
  ...small,
  migration,
  world,
  clock: realClock,
  charts: createCharts("UTC"),
  card: {
    ...small.card,
    file: async ({ name, content }) => {
      files.set(name, content.length);
      return name;
    },
  },
};

const job = { name: "assess", migration: migration.name, by: "bench" } as const;
const before = rss();
const cpu = process.cpuUsage();
const began = performance.now();
let waited = 0;
for (let outcome = await assess(job, work); outcome.kind === "again"; outcome = await assess(job, work)) {
  const from = performance.now();
  await realClock.sleep(outcome.ms);
  waited += performance.now() - from;
}
const ms = performance.now() - began - waited;
const used = process.cpuUsage(cpu);
const peak = process.resourceUsage().maxRSS / 1000;
const { answers, received, sent } = traffic();
const assessment = Assessment.parse((await work.store.read(assessmentKey(migration.name)))?.value);

const planBegan = performance.now();
const plan = makePlan({
  migration,
  assessment,
  writers: known([]),
  creatable: known(["3.9.x"]),
  madeAt: new Date().toISOString(),
});
const planMs = performance.now() - planBegan;
const own = assessment.topics.filter(({ internal }) => !internal);

process.stdout.write(
  `${JSON.stringify({
    topics: own.length,
    partitions: own.reduce((sum, { partitions }) => sum + partitions, 0),
    groups: assessment.groups.length,
    ms: round(ms),
    windowMs: Math.round(waited),
    cpuMs: round((used.user + used.system) / 1000),
    requests: answers,
    bytes: { sent, received },
    memoryMb: { before: round(before), peak: round(peak), growth: round(peak - before) },
    progress: small.card.shown.length,
    reportBytes: Object.fromEntries(files),
    planMs: round(planMs),
    planUnderASecond: planMs < 1000,
    waves: plan.waves.length,
  })}\n`,
);
await source.close();
process.exit(0);

/** MB. */
function rss(): number {
  return process.memoryUsage.rss() / 1e6;
}
