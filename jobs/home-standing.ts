import { z } from "zod";
import { staleBasis, staleParts, staleStored } from "#domain/assess/assessment-age.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { FerryError } from "#domain/errors.ts";
import { sumLags } from "#domain/lag/lag.ts";
import type { Message, Part } from "#domain/message.ts";
import { Plan, planKey } from "#domain/plan.ts";
import { nextCommands, type Stage, stageOf } from "#domain/switch/standing.ts";
import { clockTime, figure } from "#domain/wording.ts";
import { liveRequests } from "./approval/request-store.ts";
import type { MigrationLag } from "./mirror/migration-lag.ts";
import { mirroringKey } from "./mirror/replicate.ts";
import { readWaveState } from "./switch/wave.ts";
import type { Work } from "./work.ts";

/** Where a migration stands, from memory alone: quick, for the Home tab and plain `/ferry`. `status` asks the world. */

const Mirror = z.enum(["absent", "stopped", "paused", "running", "failed", "starting", "unknown"]);
const Snapshot = z.object({
  at: z.number(),
  waves: z.record(z.string(), z.object({ mirror: Mirror, behind: z.number().nullable() })),
});

/** A snapshot older than this says nothing about now, ms: the watch comes every 15 s. */
const freshMs = 120_000;

type Memory = Pick<Work, "store" | "migration" | "clock">;

function snapshotKey(migration: string): string {
  return `standing:${migration}`;
}

/** Remembers what the watch has just read of each wave. */
export async function rememberStandings(lag: MigrationLag, work: Memory): Promise<void> {
  const waves = lag.waves.map(({ wave, flow, lags, failure }) => {
    const sum = sumLags(lags);
    const behind = failure === undefined && sum.findings.length === 0 ? sum.records : null;
    return [wave.name, { mirror: failure === undefined ? flow.state : "unknown", behind }] as const;
  });
  await work.store.write(snapshotKey(work.migration.name), { at: lag.at, waves: Object.fromEntries(waves) });
}

type WaveStanding = {
  readonly wave: string;
  readonly stage: Stage;
  readonly mirror: z.infer<typeof Mirror>;
  /** Records; `null`: not known. */
  readonly behind: number | null;
};

type Standings = {
  readonly waves: readonly WaveStanding[];
  /** Without a plan there are no waves: what was done so far. */
  readonly before?: string;
  /** Said of an assessment that is too old to go by. */
  readonly stale?: string | undefined;
  /** The two next sensible commands. */
  readonly next: readonly string[];
};

/** Every wave as it was last seen; what was not seen lately is unknown. */
export async function readStandings(work: Memory): Promise<Standings> {
  const { store, migration } = work;
  const stored = await store.read(planKey(migration.name));
  if (stored === undefined) return beforePlan(work);
  const mirrored = (await store.read(mirroringKey(migration.name))) !== undefined;
  const snapshot = await freshSnapshot(work);
  const waves: WaveStanding[] = [];
  const plan = Plan.parse(stored.value);
  for (const { name } of plan.waves) {
    const { phase } = await readWaveState(work, name);
    const seen = snapshot?.waves[name];
    const mirror = mirrored ? (seen?.mirror ?? "unknown") : "absent";
    const behind = seen?.behind ?? null;
    waves.push({ wave: name, stage: stageOf(phase, mirror, behind), mirror, behind });
  }
  const started = mirrored || waves.some(({ stage }) => stage !== "not started");
  // Whether the cluster exists is not remembered: `provision` finds out, and changes nothing when it is as planned.
  const stale = staleBasis(plan, work.clock.now());
  return { waves, stale, next: started ? nextCommands(waves, true) : ["provision", "replicate start"] };
}

async function beforePlan({ store, migration, clock }: Memory): Promise<Standings> {
  const stored = await store.read(assessmentKey(migration.name));
  if (stored === undefined) return { waves: [], before: "Nothing was done yet.", next: ["assess", "plan"] };
  const stale = staleStored(stored.value, clock.now());
  return { waves: [], before: "Assessed, not planned yet.", stale, next: ["plan", "assess"] };
}

async function freshSnapshot({ store, migration, clock }: Memory) {
  const snapshot = Snapshot.safeParse((await store.read(snapshotKey(migration.name)))?.value);
  return snapshot.success && clock.now() - snapshot.data.at < freshMs ? snapshot.data : undefined;
}

/** "mirroring, 18,400 records behind" */
function standingText({ stage, behind }: WaveStanding): string {
  return stage === "mirroring" && behind !== null ? `mirroring, ${figure(behind)} records behind` : stage;
}

/** A line per wave: its name and where it stands. */
export function standingRows({ waves }: Standings): readonly (readonly string[])[] {
  return waves.map((each) => [each.wave, standingText(each)]);
}

/** Those lines, or what was done so far. */
export function standingPart(rows: readonly (readonly string[])[], before: string | undefined): Part {
  if (before !== undefined) return { kind: "text", text: before };
  const columns = [
    { title: "wave", align: "left" },
    { title: "stands at", align: "left" },
  ] as const;
  return { kind: "table", columns, rows };
}

/** Requests that this process took for forged, replayed or foreign since it started, by reason. */
type Refused = Readonly<Record<string, number>>;

function refusedPart(refused: Refused): readonly Part[] {
  const counts = Object.entries(refused).map(([reason, times]) => `${figure(times)} ${reason}`);
  if (counts.length === 0) return [];
  return [
    {
      kind: "note",
      text: `Refused requests since the start: ${counts.join(", ")}; the log says from where.`,
    },
  ];
}

/** A person waits, and Slack for 3 s at most. */
const overviewMs = 1500;

/**
 * The answer to plain `/ferry`: where one stands, what is under way, the two next sensible commands. Fails with
 * `E_STORE` when memory does not answer within 1.5 s.
 */
export async function overview(work: Memory, refused: Refused = {}): Promise<Message> {
  const answered = new AbortController();
  const tooLate = work.clock.sleep(overviewMs, answered.signal).then(() => {
    throw new FerryError("E_STORE", `Redis did not answer within ${overviewMs / 1000} s`);
  });
  try {
    return await Promise.race([readOverview(work, refused), tooLate]);
  } finally {
    answered.abort();
    tooLate.catch(() => undefined);
  }
}

async function readOverview(work: Memory, refused: Refused): Promise<Message> {
  const standings = await readStandings(work);
  const live = (await liveRequests(work.store, work.migration.name)).filter(({ state }) => state !== "done");
  const waiting = live.map(({ id, proposal, state }) => `${proposal.title} (request ${id}, ${state})`);
  const text = waiting.length === 0 ? "Nothing waits for anybody." : `Under way: ${waiting.join("; ")}`;
  return {
    subject: `${work.migration.name} · where it stands`,
    tone: "info",
    note: `as last seen, ${clockTime(work.clock.now())} UTC`,
    parts: [
      standingPart(standingRows(standings), standings.before),
      ...staleParts(standings.stale),
      { kind: "text", text },
      ...refusedPart(refused),
    ],
    next: standings.next,
    actions: [
      { label: "Status in full", command: "status" },
      { label: "Help", command: "help" },
    ],
  };
}
