import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Flow } from "#domain/ports.ts";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import {
  type ReplicatorUnderTest,
  replicatorSettings,
  startReplicatorUnderTest,
} from "#support/replicator-under-test.ts";

let under: ReplicatorUnderTest;

beforeEach(async () => {
  under = await startReplicatorUnderTest();
  for (const side of [under.source, under.target]) {
    side.addTopic("orders.eu", { partitions: 2 });
    side.addTopic("ordersXeu");
  }
});
afterEach(() => under.stop());

const name = "ferry-shop-one-forward";
const flow: Flow = { name, kind: "forward", topics: ["orders.eu"], groups: [], tasks: 1 };

const callsOf = (operation: string) =>
  under.aws.control.calls().filter((call) => call.operation === operation);

async function values(side: "source" | "target", partition = 0): Promise<readonly string[]> {
  const records = await under[side].cluster.read({ topic: "orders.eu", partition }, 0, { max: 1000 });
  return records.map(({ value }) => String(value));
}

describe("what a Replicator is asked to be", () => {
  it("carries exactly the wave's topics, whole and under their names, and nothing but records", async () => {
    await under.engine().define(flow, "running");
    const [call] = callsOf("CreateReplicator");
    expect(call?.input).toMatchObject({
      ReplicatorName: name,
      Tags: { "msk-ferry": "shop" },
      ReplicationInfoList: [
        {
          TopicReplication: {
            TopicsToReplicate: ["orders\\.eu"],
            StartingPosition: { Type: "EARLIEST" },
            TopicNameConfiguration: { Type: "IDENTICAL" },
            CopyAccessControlListsForTopics: false,
            CopyTopicConfigurations: false,
            DetectAndCopyNewTopics: false,
          },
          ConsumerGroupReplication: {
            DetectAndCopyNewConsumerGroups: false,
            SynchroniseConsumerGroupOffsets: false,
          },
        },
      ],
    });
  });

  it("names the VPC on the MSK entry alone", async () => {
    await under.engine().define(flow, "running");
    expect(callsOf("CreateReplicator")[0]?.input).toMatchObject({
      KafkaClusters: [
        { ApacheKafkaCluster: { BootstrapBrokerString: "source.test:9092" } },
        {
          VpcConfig: {
            SubnetIds: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
            SecurityGroupIds: [SG_MSK],
          },
        },
      ],
    });
  });
});

describe("a Replicator's life", () => {
  it("is awaited until it runs, copies, and is found again by a new bot", async () => {
    under.source.appendMany("orders.eu", 0, 5);
    const began = under.clock.now();
    await under.engine().define(flow, "running");
    expect(under.clock.now() - began).toBeGreaterThanOrEqual(30 * 60_000);
    await under.copy();
    expect(await values("target")).toEqual(await values("source"));
    const other = under.engine();
    expect(await other.status(name)).toMatchObject({
      state: "running",
      kind: "forward",
      topics: ["orders.eu"],
    });
    expect(await other.list("ferry-shop-")).toEqual([await other.status(name)]);
    await other.define(flow, "running");
    expect(callsOf("CreateReplicator")).toHaveLength(1);
    expect(callsOf("UpdateReplicationInfo")).toEqual([]);
  });

  it("takes up a topic by an update, with the ids that AWS does not tell", async () => {
    await under.engine().define(flow, "running");
    await under.engine().define({ ...flow, topics: ["orders.eu", "ordersXeu"] }, "running");
    const [{ clusterId }] = [await under.source.cluster.describe()];
    expect(callsOf("UpdateReplicationInfo")[0]).toMatchObject({
      status: 200,
      input: {
        SourceKafkaClusterId: clusterId,
        TopicReplication: { TopicsToReplicate: ["orders\\.eu", "ordersXeu"] },
      },
    });
    expect(await under.engine().status(name)).toMatchObject({
      state: "running",
      topics: ["orders.eu", "ordersXeu"],
    });
  });

  it("is said to have failed in AWS's words, and made anew while nothing was copied", async () => {
    under.aws.control.fault({
      kind: "fail-create",
      code: "AccessDenied",
      message: "The secret cannot be read.",
    });
    await expect(under.engine().define(flow, "running")).rejects.toMatchObject({
      code: "E_TASK_FAILED",
      message: expect.stringContaining("AccessDenied: The secret cannot be read."),
    });
    expect(await under.engine().status(name)).toMatchObject({
      state: "failed",
      tasks: [{ state: "FAILED", trace: "AccessDenied: The secret cannot be read." }],
    });
    await expect(under.engine().start(name)).rejects.toMatchObject({ code: "E_TASK_FAILED" });
    await under.engine().restartFailed(name);
    expect(await under.engine().status(name)).toMatchObject({ state: "running" });
  });

  it("is deleted by a stop, which keeps how far it came", async () => {
    under.source.appendMany("orders.eu", 0, 5);
    await under.engine().define(flow, "running");
    await under.copy();
    await under.engine().stop(name);
    expect(await under.engine().status(name)).toMatchObject({
      state: "stopped",
      topics: ["orders.eu"],
      tasks: [],
    });
    const copied = new Map([["orders.eu", [4, undefined]]]);
    expect(await under.engine().copied(name)).toEqual(copied);
    under.source.appendMany("orders.eu", 0, 2);
    under.target.appendMany("orders.eu", 0, 2);
    expect(await under.engine().copied(name)).toEqual(copied);
    await under.engine().remove(name);
    expect(await under.engine().status(name)).toMatchObject({ state: "absent" });
  });

  it("may be defined stopped, and begins when nothing was copied", async () => {
    await under.engine().define(flow, "stopped");
    expect(callsOf("CreateReplicator")).toEqual([]);
    expect(await under.engine().status(name)).toMatchObject({ state: "stopped" });
    await under.engine().start(name);
    expect(await under.engine().status(name)).toMatchObject({ state: "running" });
  });

  it("is not touched when somebody else made it", async () => {
    await under.engine({ migration: "other" }).define(flow, "running");
    await under.engine({ migration: "other" }).list("");
    const other = { code: "E_REPLICATOR", message: expect.stringContaining("did not make") };
    await under.store.remove(`replicator:${name}`);
    await expect(under.engine().define(flow, "running")).rejects.toMatchObject(other);
    await expect(under.engine().remove(name)).rejects.toMatchObject(other);
    expect(callsOf("DeleteReplicator")).toEqual([]);
  });

  it("of another migration is seen among the others, so that no second one carries its topics", async () => {
    const theirs = { ...flow, name: "ferry-other-all-forward" };
    await under.engine({ migration: "other" }).define(theirs, "running");
    const seen = { name: theirs.name, state: "running", topics: flow.topics };
    expect(await under.engine().list("ferry-")).toMatchObject([seen]);
    await expect(under.engine().stop(theirs.name)).rejects.toMatchObject({ code: "E_REPLICATOR" });
  });

  it("is said to be missing when somebody deletes it", async () => {
    under.source.appendMany("orders.eu", 0, 1);
    await under.engine().define(flow, "running");
    await under.copy();
    await under.engine().stop(name);
    await under.store.write(`replicator:${name}`, { topics: ["orders.eu"], ordered: "running" });
    expect(await under.engine().status(name)).toMatchObject({
      state: "failed",
      tasks: [{ trace: expect.stringContaining("somebody deleted it") }],
    });
    await expect(under.engine().restartFailed(name)).rejects.toMatchObject({ code: "E_REPLICATOR" });
  });

  it("knows what it does not know", async () => {
    const engine = under.engine();
    expect(await engine.status("nobody")).toMatchObject({ state: "absent", tasks: [] });
    for (const call of [
      () => engine.start("nobody"),
      () => engine.stop("nobody"),
      () => engine.pause("nobody"),
      () => engine.copied("nobody"),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "E_REPLICATOR" });
    }
    await expect(engine.remove("nobody")).resolves.toBeUndefined();
    expect((await engine.ownSync("nobody", under.target.cluster)).known).toBe(false);
  });
});

describe("AWS's own numbers", () => {
  it("stand beside the state, at most a minute old, and hinder nothing when they cannot be read", async () => {
    const engine = under.engine();
    await engine.define(flow, "running");
    const metric = { name: "MessageLag", dimensions: { ReplicatorName: name } };
    under.aws.control.metric({ ...metric, value: 12 });
    const note = "AWS's own numbers: MessageLag 12 records, ReplicationLatency unknown";
    expect((await engine.status(name)).note).toContain(note);
    under.aws.control.metric({ ...metric, value: 5 });
    expect((await engine.status(name)).note).toContain(note);
    await under.clock.sleep(61_000);
    under.aws.control.fault({
      kind: "error",
      operation: "GetMetricData",
      status: 403,
      code: "AccessDenied",
      message: "no",
    });
    expect(await engine.status(name)).toMatchObject({
      state: "running",
      note: expect.stringContaining("E_AWS_ACCESS"),
    });
  });
});

describe("what a Replicator cannot do is refused before anything changes", () => {
  it("begins nowhere but at the first record, so not where something was copied", async () => {
    under.source.appendMany("orders.eu", 0, 5);
    await under.engine().define(flow, "running");
    await under.copy();
    await under.engine().stop(name);
    await expect(under.engine().start(name)).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: expect.stringContaining("copy all again"),
    });
    await expect(under.engine().define(flow, "running")).rejects.toMatchObject({ code: "E_REPLICATOR" });
    expect(callsOf("CreateReplicator")).toHaveLength(1);
  });

  it("has no pause, no offsets to set and no way back", async () => {
    await under.engine().define(flow, "running");
    const changes = under.aws.control.calls().length;
    await expect(under.engine().pause(name)).rejects.toMatchObject({ code: "E_REPLICATOR" });
    await expect(under.engine().seed(name, new Map())).rejects.toMatchObject({ code: "E_REPLICATOR" });
    const reverse: Flow = { ...flow, name: "ferry-shop-one-reverse", kind: "reverse" };
    await expect(under.engine().define(reverse, "stopped")).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: expect.stringContaining("EARLIEST or LATEST"),
    });
    const since = under.aws.control.calls().slice(changes);
    expect(since.filter(({ operation }) => /Create|Update|Delete/.test(operation))).toEqual([]);
  });

  it("takes no topic up that MSK has records of", async () => {
    await under.engine().define(flow, "running");
    under.target.appendMany("ordersXeu", 0, 1);
    await expect(
      under.engine().define({ ...flow, topics: ["orders.eu", "ordersXeu"] }, "running"),
    ).rejects.toMatchObject({ code: "E_REPLICATOR", message: expect.stringContaining("ordersXeu") });
    expect(callsOf("UpdateReplicationInfo")).toEqual([]);
  });

  it("names every prerequisite that is missing, with its value", async () => {
    under.source.setVersion({ known: true, value: "2.6" });
    const engine = under.engine({
      security: { protocol: "PLAINTEXT" },
      settings: { ...replicatorSettings, scram: undefined, role: "arn:aws:iam::999999999999:role/r" },
    });
    const { problems } = await engine.check();
    expect(problems).toEqual([
      expect.stringContaining("Kafka 2.6"),
      expect.stringContaining("PLAINTEXT"),
      expect.stringContaining("neither scram nor mtls"),
      expect.stringContaining("999999999999"),
    ]);
    await expect(engine.define(flow, "running")).rejects.toMatchObject({
      code: "E_REPLICATOR",
      message: expect.stringContaining(problems.join("; ")),
    });
    expect(callsOf("CreateReplicator")).toEqual([]);
    expect((await under.engine().check()).problems).toEqual([expect.stringContaining("2.6")]);
  });

  it("leaves checkpoints alone: its own group sync stays off", async () => {
    const checkpoint: Flow = { ...flow, name: "ferry-shop-one-checkpoint", kind: "checkpoint" };
    await under.engine().define(checkpoint, "running");
    expect((await under.engine().status(checkpoint.name)).state).toBe("absent");
  });
});

describe("one Replicator, whatever happens on the way", () => {
  it("is made once when the answer of its creation is lost", async () => {
    under.aws.control.fault({ kind: "cut", operation: "CreateReplicator", when: "after" });
    await under.engine().define(flow, "running");
    expect(callsOf("CreateReplicator")).toHaveLength(2);
    expect(await under.engine().list("ferry-")).toHaveLength(1);
  });

  it("is asked for again while a list does not show it yet", async () => {
    under.aws.control.fault({ kind: "eventual", ms: 60_000 });
    under.aws.control.fault({ kind: "cut", operation: "CreateReplicator", when: "after" });
    await expect(under.engine().define(flow, "running")).rejects.toMatchObject({
      code: "E_AWS_UNREACHABLE",
      retryable: true,
    });
    await under.clock.sleep(60_000);
    await under.engine().define(flow, "running");
    expect(await under.engine().list("ferry-")).toHaveLength(1);
  });
});
