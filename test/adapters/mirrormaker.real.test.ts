import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import type { Migration } from "#domain/settings.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { openRealCluster } from "#support/kafkajs-under-test.ts";
import { openMirrorMakerLab } from "#support/mirrormaker-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess } from "#support/real-engine.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";
import { openEngine } from "../../src/engine.ts";
import { replicationEngineContract } from "../contract/replication-engine.ts";

replicationEngineContract("MirrorMaker's own processes", async () => {
  const lab = await openMirrorMakerLab();
  return {
    engine: lab.bot(),
    source: lab.source,
    target: lab.target,
    breakFlow: async (_flow, topic) => {
      // The target refuses the record for good, whatever the producer's own limit says.
      const configs = { "max.message.bytes": "200" };
      await lab.target.cluster.createTopics([{ name: topic, partitions: 3, replicationFactor: 1, configs }]);
      const noise = Buffer.from(Array.from({ length: 4_000 }, () => Math.floor(Math.random() * 256)));
      await lab.source.append(topic, 0, [{ key: "k", value: noise }]);
    },
    close: () => lab.close(),
  };
});

it("a mirror that is handed over is a file, and a command in the channel, until it is not wanted any more", async () => {
  const clusters = inject("clusters");
  const folder = await mkdtemp(join(tmpdir(), "ferry-handed-"));
  const source = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  const target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  const { chat, posts } = createFakeChat();
  const { migration, store, log } = createSmallWork();
  const name = unique("handed").toLowerCase();
  const flow = {
    name: `ferry-${name}-all-forward`,
    kind: "forward" as const,
    topics: [`${name}-topic`],
    groups: [],
    tasks: 1,
  };
  const engine = openEngine("mirrormaker", {
    migration: handedOver({ ...migration, name }, folder),
    config: Object.create(null),
    environment: {},
    source: source.cluster,
    target: target.cluster,
    clock: realClock,
    chat,
    store,
    log,
  });
  try {
    const defined = engine.define(flow, "running");
    const file = join(folder, flow.name, "mm2.properties");
    const command = `/opt/kafka/bin/connect-mirror-maker.sh ${file} --clusters ferry-target`;
    await expect(defined).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining(command),
    });
    expect(posts.map(({ message }) => message)).toMatchObject([
      {
        tone: "waiting",
        parts: [
          { text: "Waiting for a person to start it, on a machine that reaches both clusters:" },
          { kind: "code", text: command },
        ],
      },
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toContain("# Missing in the guide:");
    // Nobody started it, so that nobody has to stop it.
    await engine.stop(flow.name);
    await engine.remove(flow.name);
    expect(posts).toHaveLength(1);
  } finally {
    await engine.close();
    await source.close();
    await target.close();
    await rm(folder, { recursive: true, force: true });
  }
});

function handedOver(migration: Migration, folder: string): Migration {
  const { settings } = migration;
  const mirrormaker = {
    run: "handed-over",
    home: "/opt/kafka",
    folder,
    java: "java",
    heap: "1g",
    patience: 2_000,
  } as const;
  const replication = { ...settings.replication, engine: "mirrormaker" as const, mirrormaker };
  return { ...migration, settings: { ...settings, replication } };
}
