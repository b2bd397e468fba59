import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { openMirrorMaker } from "#adapters/mirrormaker/open.ts";
import { createProcesses, type Processes } from "#adapters/mirrormaker/processes.ts";
import type { ReplicationEngine, Store } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { kafkaHome, quickJava } from "#lab/mirrormaker.ts";
import { createWatchdog } from "#lab/watchdog.ts";
import { withAppend } from "../../src/engine.ts";
import { openRealCluster, type RealCluster } from "./kafkajs-under-test.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";

export type MirrorMakerLab = {
  readonly source: RealCluster;
  readonly target: RealCluster;
  readonly store: Store;
  readonly folder: string;
  /** Another bot process beside those before. */
  bot(): ReplicationEngine & { close(): Promise<void> };
  /** Pids of the processes that were started, by flow, in order. */
  readonly pids: Map<string, number[]>;
  close(): Promise<void>;
};

/** Dedicated MirrorMaker between the lab's clusters. Its processes die with the test's. */
export async function openMirrorMakerLab(): Promise<MirrorMakerLab> {
  const { source, target } = inject("clusters");
  const folder = await mkdtemp(join(tmpdir(), "ferry-mirrors-"));
  const home = await kafkaHome(folder, () => undefined);
  const from = await openRealCluster("source", plain(source.bootstrap));
  const to = await openRealCluster("target", plain(target.bootstrap));
  const store = createMemoryStore(realClock);
  const watchdog = createWatchdog();
  const bots: Array<{ close(): Promise<void> }> = [];
  const pids = new Map<string, number[]>();

  function guarded(processes: Processes): Processes {
    return {
      ...processes,
      launch: async (launch) => {
        const pid = await processes.launch(launch);
        watchdog.guard(pid);
        pids.set(launch.flow, [...(pids.get(launch.flow) ?? []), pid]);
        return pid;
      },
    };
  }

  return {
    source: from,
    target: to,
    store,
    folder,
    pids,
    bot() {
      const installation = {
        home,
        folder,
        java: "java",
        heap: "256m",
        environment: quickJava(),
      };
      const options = {
        ...installation,
        migration: "lab",
        run: "supervised",
        exactlyOnce: true,
        offsetSyncs: async () => "source" as const,
        flushMs: 1_000,
        patienceMs: 60_000,
        store,
        source: withAppend(from.cluster, realClock),
        target: withAppend(to.cluster, realClock),
        clock: realClock,
        log: createQuietLog(),
      } as const;
      const engine = openMirrorMaker(options, guarded(createProcesses(installation)));
      bots.push(engine);
      return engine;
    },
    async close() {
      for (const bot of bots) await bot.close();
      await from.close();
      await to.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function plain(bootstrap: string): ClusterAccess {
  return { bootstrap: [bootstrap], protocol: "PLAINTEXT" };
}
