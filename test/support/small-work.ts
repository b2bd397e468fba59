import { FerryError } from "#domain/errors.ts";
import type { Job, JobQueue } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { Charts, Store, World } from "#domain/ports.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";
import { appendingTo } from "#jobs/audit/append.ts";
import type { Card, Work } from "#jobs/work.ts";
import { createFakeCharts } from "./fake-charts.ts";
import { createFakeChat, type FakeChat } from "./fake-chat.ts";
import { createHandClock, type HandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createQuietLog } from "./quiet-log.ts";

/** A migration whose approvers are `users`. */
function smallMigration(users: readonly string[] = ["UANA", "UBEN", "UCAT", "UDAN"]): Migration {
  return {
    name: "orders",
    settings: MigrationSettings.parse({
      channel: "C1",
      approvers: { users },
      source: { bootstrap: ["kafka:9092"] },
      target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b"], securityGroups: ["g"] },
      replication: { connect: { url: "http://connect:8083" } },
    }),
  };
}

type QueuedJob = { readonly id: string; readonly job: Job; readonly delayMs: number };

/** A queue that only remembers, one job per id. */
export function createSmallQueue(): JobQueue & { readonly jobs: QueuedJob[] } {
  const jobs: QueuedJob[] = [];
  const asked = new Map<string, string>();
  return {
    jobs,
    add: async (job, { id = `job-${jobs.length}`, delayMs = 0, once } = {}) => {
      const earlier = once === undefined ? undefined : asked.get(once);
      if (earlier !== undefined) return earlier;
      if (once !== undefined) asked.set(once, id);
      if (!jobs.some((other) => other.id === id)) jobs.push({ id, job, delayMs });
      return id;
    },
    schedule: async () => ({ next: undefined }),
    every: async () => {},
    unschedule: async () => {},
  };
}

/** A card that remembers what it showed. */
function createSmallCard(): Card & { readonly shown: Message[]; readonly threads: Message[] } {
  const shown: Message[] = [];
  const threads: Message[] = [];
  return {
    shown,
    threads,
    update: async (message) => void shown.push(message),
    finish: async (message) => void shown.push(message),
    thread: async (_key, message) => void threads.push(message),
    file: async () => "F1",
  };
}

const absent = () => {
  throw new FerryError("E_INTERNAL", "this test has no outside world");
};

export const noWorld: World = {
  get source() {
    return absent();
  },
  get msk() {
    return absent();
  },
  get network() {
    return absent();
  },
  get prober() {
    return absent();
  },
  target: async () => absent(),
  applications: async () => absent(),
  engine: async () => absent(),
  client: absent,
};

/** No lag is drawn; topics are, by every assessment. */
export const noCharts: Charts = { ...createFakeCharts(), lag: async () => absent() };

export type SmallWork = Work & {
  readonly fake: FakeChat;
  readonly clock: HandClock;
  readonly queue: ReturnType<typeof createSmallQueue>;
  readonly card: ReturnType<typeof createSmallCard>;
};

/** Work for a job under test: everything in memory, on a hand-turned clock. */
export function createSmallWork(
  parts: {
    readonly clock?: HandClock;
    readonly store?: Store;
    readonly fake?: FakeChat;
    readonly queue?: ReturnType<typeof createSmallQueue>;
    readonly migration?: Migration;
    readonly by?: string;
    readonly jobId?: string;
  } = {},
): SmallWork {
  const clock = parts.clock ?? createHandClock();
  const store = parts.store ?? createMemoryStore(clock);
  const migration = parts.migration ?? smallMigration();
  const by = parts.by ?? "UANA";
  const fake = parts.fake ?? createFakeChat();
  return {
    jobId: parts.jobId ?? "job-1",
    migration,
    by,
    world: noWorld,
    store,
    chat: fake.chat,
    fake,
    charts: noCharts,
    queue: parts.queue ?? createSmallQueue(),
    clock,
    log: createQuietLog(),
    card: createSmallCard(),
    signal: new AbortController().signal,
    audit: appendingTo({ store, clock, migration: migration.name, actor: by }),
  };
}
