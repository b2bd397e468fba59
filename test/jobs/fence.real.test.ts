import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createKafkaCluster } from "#adapters/kafka/cluster.ts";
import { aclText } from "#domain/access/acl-matching.ts";
import { planKey } from "#domain/plan.ts";
import type { ClientPlace, KafkaCluster, ReplicationEngine, World } from "#domain/ports.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { type ClusterAccess, known } from "#domain/topology.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { createRun } from "#jobs/run/run.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import type { Work } from "#jobs/work.ts";
import { eventually } from "#support/eventually.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { createSampleMigration } from "#support/sample-migration.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/** A source whose authorizer lets everybody in, and a producer that ignores the switch, while MirrorMaker 2 drains. */

const cases = [
  { who: "a super user of its own", mirror: "ferry" },
  { who: "User:ANONYMOUS, as the producer is", mirror: undefined },
] as const;

describe.each(cases)("behind a fence, the mirror being $who", ({ mirror }) => {
  const name = unique("fence").toLowerCase();
  const topic = `${name}-payments`;
  let apps: RealCluster;
  let target: RealCluster;
  let bot: KafkaCluster;
  let engine: ReplicationEngine;
  let work: Work;
  let rogue: Rogue;
  let place: ClientPlace = "source";

  beforeAll(async () => {
    const clusters = inject("clusters");
    const { source: from, target: to } = clusters;
    const plain = plainAccess(from.bootstrap);
    const own = mirror === undefined ? plain : saslAccess(from.admin);
    apps = await openRealCluster("source", plain);
    target = await openRealCluster("target", plainAccess(to.bootstrap));
    bot = createKafkaCluster({ role: "source", access: own, log: createQuietLog(), clock: realClock });
    engine = realEngine(clusters, { source: own });
    const spec = [{ name: topic, partitions: 2, replicationFactor: 1, configs: {} }];
    for (const cluster of [bot, target.cluster]) await cluster.createTopics(spec);
    const flow = {
      name: `ferry-${name}-billing-forward`,
      kind: "forward",
      topics: [topic],
      groups: [],
    } as const;
    await engine.define({ ...flow, tasks: 1 }, "running");
    rogue = createRogue(from.bootstrap, topic, mirror !== undefined);
    work = await realWork();
  }, 180_000);

  afterAll(async () => {
    await rogue.stop();
    for (const flow of await engine.list(`ferry-${name}-`)) await engine.remove(flow.name);
    const acls = await bot.acls();
    await bot.removeAcls(acls.known ? acls.value.filter((acl) => acl.resourceName === topic) : []);
    for (const cluster of [bot, target.cluster]) await cluster.deleteTopics([topic]);
    await Promise.all([apps.close(), target.close(), bot.close()]);
  });

  it("is not set around a producer that ignores its stop: it is named, and the cutover turns back", async () => {
    rogue.run();
    await eventually("the producer writes", async () => rogue.acknowledged > 20 || undefined, 30_000);
    let stoppedAt = Number.NaN;
    let namedAt = Number.NaN;
    const { settings } = work.migration;
    const cutover = { ...settings.cutover, patience: 6000 };
    const card: Work["card"] = {
      ...work.card,
      thread: async (_key, message) => {
        if (Number.isNaN(namedAt) && JSON.stringify(message).includes(topic)) namedAt = Date.now();
      },
    };
    const audit: Work["audit"] = async ({ what }) => {
      if (what === "step.intent") stoppedAt = Date.now();
    };
    const impatient = { ...work, card, audit, migration: { name, settings: { ...settings, cutover } } };
    const ended = await carryOut(cutoverProducers, "ignored", impatient);
    expect(ended).toContain("undone: The source still grows");
    expect(ended).toContain(`${topic}-`);
    expect(namedAt - stoppedAt).toBeLessThan(30_000);
    expect(rogue.refused).toBe(0);
    expect(await ownAcls()).toEqual([]);
    expect(place).toBe("source");
  }, 120_000);

  it("refuses a producer that comes back behind it, drains, and loses nothing on the way there and back", async () => {
    rogue.obeysStop = true;
    expect(await carryOut(cutoverProducers, "go")).toBe("done");
    expect(rogue.refused).toBeGreaterThan(0);
    expect(rogue.wrong).toEqual([]);
    expect(await valuesOf(target.cluster)).toHaveLength(rogue.acknowledged + 1);
    expect(await ownAcls()).toEqual(
      mirror === undefined ? [] : [`ALLOW ALL on ${topic} for User:*`, `DENY WRITE on ${topic} for User:*`],
    );

    // Reads of everybody go on, and the mirror writes.
    await target.append(topic, 0, [{ key: "back", value: "back" }]);
    await eventually(
      "the record is back on the source",
      async () => (await valuesOf(apps.cluster)).includes("back") || undefined,
      30_000,
    );
    expect(await valuesOf(target.cluster)).toEqual(await valuesOf(bot));
    expect(await carryOut(rollback, "back")).toBe("done");
    expect(await ownAcls()).toEqual([]);
    await apps.append(topic, 1, [{ key: "free", value: "free" }]);
    expect(await valuesOf(bot)).toHaveLength(rogue.acknowledged + 3);
  }, 240_000);

  async function ownAcls(): Promise<readonly string[]> {
    const acls = await bot.acls();
    return acls.known
      ? acls.value
          .filter((acl) => acl.resourceName === topic)
          .map(aclText)
          .toSorted()
      : [acls.why];
  }

  async function valuesOf(cluster: KafkaCluster): Promise<readonly string[]> {
    const rows = await Promise.all(
      [0, 1].map((partition) => cluster.read({ topic, partition }, 0, { max: 1_000_000 })),
    );
    return rows
      .flat()
      .map(({ value }) => String(value))
      .toSorted();
  }

  async function carryOut(action: Approvable, id: string, using: Work = work): Promise<string> {
    const { store, log } = using;
    const proposal = await action.propose({ wave: "billing", by: "UANA" }, using);
    const run = await createRun({ id: `${name}-${id}`, migration: name, store, clock: realClock, log });
    const steps = await action.steps(proposal, using, run);
    const result = await runSteps({ steps, run, work: using, subject: id });
    await run.leave(0);
    return result.kind === "undone" ? `undone: ${result.error.message}` : result.kind;
  }

  async function realWork(): Promise<Work> {
    const small = createSmallWork();
    const { plan } = createSampleMigration();
    const waves = [{ name: "billing", topics: [topic], groups: [], why: "test" }];
    await small.store.write(planKey(name), { ...plan, migration: name, waves });
    const changedAt = new Date().toISOString();
    await small.store.write(`wave:${name}:billing`, { phase: "consumers-moved", changedAt });
    // Once the fence stands the producer comes back.
    const addAcls: KafkaCluster["addAcls"] = async (acls) => {
      await bot.addAcls(acls);
      if (acls.length > 0) rogue.isQuiet = false;
    };
    const fenced: KafkaCluster = Object.create(bot, { addAcls: { value: addAcls } });
    const world: World = Object.create(small.world, {
      source: { value: fenced },
      target: { value: async () => target.cluster },
      engine: { value: async () => engine },
      applications: { value: async () => apps.cluster.access },
      // It says that it stopped; whether that is so is the producer's affair.
      client: {
        value: () => ({
          stop: async () => {
            place = "stopped";
            rogue.isQuiet = rogue.obeysStop;
          },
          start: async (to: ClientPlace) => {
            place = to;
            if (to === "target") await target.append(topic, 1, [{ key: "moved", value: "moved" }]);
          },
          status: async () => known(place),
        }),
      },
    });
    const settings = settingsOf(topic, mirror);
    return { ...small, clock: realClock, world, migration: { name, settings } };
  }
});

type Rogue = {
  readonly acknowledged: number;
  readonly refused: number;
  /** Refusals of another kind. */
  readonly wrong: readonly string[];
  obeysStop: boolean;
  /** Writes nothing for now. */
  isQuiet: boolean;
  run(): void;
  stop(): Promise<void>;
};

/** Writes as fast as it is acknowledged; a stubborn one goes on after it was refused. */
function createRogue(bootstrap: string, topic: string, isStubborn: boolean): Rogue {
  const kafka = new kafkajs.Kafka({
    clientId: "rogue",
    brokers: [bootstrap],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  const ended = new AbortController();
  const rogue = { acknowledged: 0, refused: 0, wrong: new Array<string>(), obeysStop: false, isQuiet: false };
  let running: Promise<void> | undefined;

  async function write(): Promise<void> {
    await producer.connect();
    while (!ended.signal.aborted) {
      if (rogue.isQuiet) {
        await realClock.sleep(20);
        continue;
      }
      try {
        await producer.send({
          topic,
          messages: [{ key: `${rogue.acknowledged % 7}`, value: `${rogue.acknowledged}` }],
        });
        rogue.acknowledged += 1;
      } catch (thrown) {
        rogue.refused += 1;
        const text = String(thrown);
        if (!/not authorized/i.test(text)) rogue.wrong.push(text);
        if (!isStubborn) return;
      }
      await realClock.sleep(20);
    }
  }

  return Object.assign(rogue, {
    run: () => {
      running = write();
    },
    stop: async () => {
      ended.abort();
      await running;
      await producer.disconnect();
    },
  });
}

function settingsOf(topic: string, mirror: string | undefined): MigrationSettings {
  const security =
    mirror === undefined
      ? { protocol: "PLAINTEXT" }
      : { protocol: "SASL_PLAINTEXT", mechanism: "PLAIN", username: mirror, passwordEnv: "UNUSED" };
  return MigrationSettings.parse({
    channel: "C1",
    approvers: { users: ["UBEN", "UCLEO"] },
    source: {
      bootstrap: ["source:9092"],
      security,
      authorizer: { everyoneIfNoAcl: true, superUsers: ["User:ferry"] },
    },
    target: {
      cluster: "t",
      region: "r",
      auth: "unauthenticated",
      subnets: ["a", "b"],
      securityGroups: ["g"],
    },
    replication: { connect: { url: "http://connect:8083" } },
    cutover: { flatFor: "1s", patience: "60s", watch: "2s" },
    clients: [
      {
        name: "checkout",
        role: "producer",
        topics: [topic],
        switch: { driver: "exec", command: ["switch"] },
      },
    ],
  });
}

function saslAccess({ bootstrap, security }: Admin): ClusterAccess {
  if (security.protocol === "PLAINTEXT") return plainAccess(bootstrap);
  const { protocol, mechanism, username, password } = security;
  return { bootstrap: [bootstrap], protocol, sasl: { mechanism, username, password } };
}

type Admin = ReturnType<typeof inject<"clusters">>["source"]["admin"];
