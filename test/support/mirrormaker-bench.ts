import { connectorOf, workerTopics } from "#adapters/mirrormaker/names.ts";
import { type MirrorCluster, type OpenOptions, openMirrorMaker } from "#adapters/mirrormaker/open.ts";
import type { Processes } from "#adapters/mirrormaker/processes.ts";
import type { Flow, ReplicationEngine, Store } from "#domain/ports.ts";
import { createFakeKafka, type FakeKafka } from "./fake-kafka.ts";
import { createHandClock, type HandClock } from "./hand-clock.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createQuietLog } from "./quiet-log.ts";

type Process = { readonly flow: string; readonly host: string; readonly properties: string };

/** MirrorMaker without Java: processes that say what real ones say in their topics, and die when told to. */
export type MirrorMakerBench = {
  readonly clock: HandClock;
  readonly source: FakeKafka;
  readonly target: FakeKafka;
  /** As a bot gets it. */
  readonly mirrorTarget: MirrorCluster;
  readonly store: Store;
  readonly running: Map<number, Process>;
  /** Signals given: "SIGTERM 1". */
  readonly signals: string[];
  /** From now on a start ends at once, with these last words. */
  breakStarts(words: string | undefined): void;
  /** From now on SIGTERM does nothing. */
  deafen(): void;
  /** Whether the machine tells which process is which; that a pid is in use it always tells. */
  blindfold(shut: boolean): void;
  kill(pid: number): void;
  bot(changes?: Partial<OpenOptions>, host?: string): ReplicationEngine & { close(): Promise<void> };
  /** Turns the clock until it has ended. */
  ended<T>(work: Promise<T>): Promise<T>;
  /** As a process that runs on this flow does. */
  speak(flow: Flow): void;
};

export const flow: Flow = {
  name: "ferry-orders-all-forward",
  kind: "forward",
  topics: ["orders"],
  groups: [],
  tasks: 2,
};

export function createMirrorMakerBench(): MirrorMakerBench {
  const clock = createHandClock();
  const source = createFakeKafka({ role: "source", now: () => clock.now() });
  const target = createFakeKafka({ role: "target", now: () => clock.now() });
  source.addTopic("orders", { partitions: 2 });
  const store = createMemoryStore(clock);
  const running = new Map<number, Process>();
  const signals: string[] = [];
  let pids = 0;
  let broken: string | undefined;
  let deaf = false;
  let blind = false;

  function speak({ name, kind }: Flow): void {
    const { configs, statuses } = workerTopics(name);
    const connector = connectorOf(kind);
    const say = (topic: string, key: string, value: object) =>
      target.append(topic, 0, { key, value: JSON.stringify(value) });
    say(configs, `task-${connector}-0`, { properties: { "task.assigned.partitions": "orders-0,orders-1" } });
    say(configs, `commit-${connector}`, { tasks: 1 });
    for (const who of [`connector-${connector}`, `task-${connector}-0`]) {
      say(statuses, `status-${who}`, { state: "RUNNING", trace: null, worker_id: "here" });
    }
    target.addMember(name);
  }

  function kill(pid: number): void {
    const found = running.get(pid);
    if (found === undefined) return;
    running.delete(pid);
    target.removeMember(found.flow);
  }

  function processesOn(host: string): Processes {
    return {
      version: async () => "3.9.2",
      hasIam: async () => false,
      async launch({ flow: name, properties }) {
        pids += 1;
        if (broken !== undefined) return pids;
        running.set(pids, { flow: name, host, properties });
        speak({ ...flow, name });
        return pids;
      },
      alive: async (pid) => (blind && running.has(pid) ? undefined : running.get(pid)?.host === host),
      find: async (name) =>
        [...running].filter(([, each]) => each.flow === name && each.host === host).map(([pid]) => pid),
      signal(pid, signal) {
        signals.push(`${signal} ${pid}`);
        if (signal === "SIGKILL" || !deaf) kill(pid);
      },
      lastWords: async () => broken ?? "ERROR [Worker] out of disk",
      tidy: async () => undefined,
    };
  }

  function bot(changes: Partial<OpenOptions> = {}, host = "here") {
    const options: OpenOptions = {
      migration: "orders",
      run: "supervised",
      home: "/opt/kafka",
      folder: "mirrors",
      java: "java",
      heap: "1g",
      environment: {},
      exactlyOnce: true,
      offsetSyncs: async () => "source",
      flushMs: 1_000,
      patienceMs: 60_000,
      host,
      store,
      source: withAppend(source),
      target: withAppend(target),
      clock,
      log: createQuietLog(),
      ...changes,
    };
    return openMirrorMaker(options, processesOn(host));
  }

  return {
    clock,
    source,
    target,
    mirrorTarget: withAppend(target),
    store,
    running,
    signals,
    breakStarts: (words) => {
      broken = words;
    },
    deafen: () => {
      deaf = true;
    },
    blindfold: (shut) => {
      blind = shut;
    },
    kill,
    bot,
    speak,
    async ended(work) {
      const ended = new AbortController();
      const end = () => ended.abort();
      work.then(end, end);
      for (let turns = 0; !ended.signal.aborted && turns < 5_000; turns += 1) await clock.advance(200);
      return await work;
    },
  };
}

function withAppend(fake: FakeKafka): MirrorCluster {
  return {
    ...fake.cluster,
    append: async (topic, drafts) => {
      for (const draft of drafts) fake.append(topic, 0, draft);
    },
  };
}
