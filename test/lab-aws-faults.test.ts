import {
  CreateClusterCommand,
  type CreateClusterCommandInput,
  CreateConfigurationCommand,
  DescribeConfigurationRevisionCommand,
  GetCompatibleKafkaVersionsCommand,
  KafkaClient,
  ListClustersV2Command,
  ListKafkaVersionsCommand,
  ListTagsForResourceCommand,
  paginateListKafkaVersions,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateConfigurationCommand,
} from "@aws-sdk/client-kafka";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleCluster } from "#lab/aws/example-requests.ts";
import type { AwsStandIn } from "#lab/aws/stand-in.ts";
import { type StandInOnClock, startStandInOnClock } from "#support/stand-in-clock.ts";

let bench: StandInOnClock;
let aws: AwsStandIn;
let kafka: KafkaClient;

beforeEach(async () => {
  bench = await startStandInOnClock();
  ({ aws, kafka } = bench);
});

afterEach(() => bench.stop());

function create(change: Partial<CreateClusterCommandInput> = {}) {
  return kafka.send(new CreateClusterCommand(exampleCluster(change)));
}

function list() {
  return kafka.send(new ListClustersV2Command({ ClusterNameFilter: "x" }));
}

describe("configurations, versions and tags", () => {
  it("keeps every revision and refuses a key that MSK does not take", async () => {
    const ServerProperties = Buffer.from("log.retention.hours=72");
    const { Arn = "" } = await kafka.send(new CreateConfigurationCommand({ Name: "c", ServerProperties }));
    await expect(
      kafka.send(new UpdateConfigurationCommand({ Arn, ServerProperties: Buffer.from("broker.id=1") })),
    ).rejects.toThrow(
      "Key 'broker.id' is not supported by at least one Apache Kafka version. Key checked against versions: [",
    );
    await kafka.send(
      new UpdateConfigurationCommand({ Arn, ServerProperties: Buffer.from("log.retention.hours=96") }),
    );
    const first = await kafka.send(new DescribeConfigurationRevisionCommand({ Arn, Revision: 1 }));
    expect(Buffer.from(first.ServerProperties ?? []).toString()).toBe("log.retention.hours=72");
    await expect(
      kafka.send(new CreateConfigurationCommand({ Name: "c", ServerProperties })),
    ).rejects.toMatchObject({
      name: "ConflictException",
      message: "A resource with this name already exists.",
    });
  });

  it("lists some versions twice with different status, over pages too", async () => {
    const { KafkaVersions } = await kafka.send(new ListKafkaVersionsCommand({}));
    const of = (version: string) =>
      KafkaVersions?.filter((row) => row.Version === version).map((row) => row.Status);
    expect(of("3.9.x")?.toSorted()).toEqual(["ACTIVE", "DEPRECATED"]);
    expect(of("3.5.1")).toEqual(["DEPRECATED"]);
    let rows = 0;
    for await (const page of paginateListKafkaVersions({ client: kafka, pageSize: 10 }, {})) {
      rows += page.KafkaVersions?.length ?? 0;
    }
    expect(rows).toBe(KafkaVersions?.length);
    const compatible = await kafka.send(
      new GetCompatibleKafkaVersionsCommand({ ClusterArn: await bench.createActive() }),
    );
    expect(compatible.CompatibleKafkaVersions).toEqual([
      { SourceVersion: "3.9.x", TargetVersions: ["3.9.x.kraft"] },
    ]);
  });

  it("tags clusters", async () => {
    const ResourceArn = await bench.createActive();
    await kafka.send(new TagResourceCommand({ ResourceArn, Tags: { ferry: "orders", owner: "team" } }));
    await kafka.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["owner"] }));
    expect((await kafka.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags).toEqual({
      ferry: "orders",
    });
  });
});

describe("faults and records", () => {
  it("throttles as often as told, then answers, and records every call", async () => {
    aws.control.fault({ kind: "throttle", operation: "ListClustersV2", times: 2 });
    await expect(list()).rejects.toMatchObject({
      name: "TooManyRequestsException",
      $metadata: { httpStatusCode: 429 },
    });
    await expect(list()).rejects.toMatchObject({ name: "TooManyRequestsException" });
    await expect(list()).resolves.toMatchObject({ ClusterInfoList: [] });
    const retrying = new KafkaClient({ ...bench.clientOptions(), maxAttempts: 3 });
    aws.control.fault({ kind: "throttle", times: 1 });
    await expect(retrying.send(new ListClustersV2Command({}))).resolves.toMatchObject({
      ClusterInfoList: [],
    });
    retrying.destroy();
    expect(aws.control.calls().map((call) => call.status)).toEqual([429, 429, 200, 429, 200]);
    expect(aws.control.calls()[0]?.input).toEqual({ ClusterNameFilter: "x" });
  });

  it("cuts the connection after the operation was carried out", async () => {
    aws.control.fault({ kind: "cut", operation: "CreateCluster", when: "after" });
    await expect(create()).rejects.toThrow("socket hang up");
    expect((await kafka.send(new ListClustersV2Command({}))).ClusterInfoList).toHaveLength(1);
  });

  it("takes controls over HTTP and refuses what is no fault", async () => {
    const post = (path: string, body: unknown) =>
      fetch(`${aws.url}/_control/${path}`, { method: "POST", body: JSON.stringify(body) });
    expect((await post("fault", { kind: "throttle" })).status).toBe(200);
    await expect(kafka.send(new ListClustersV2Command({}))).rejects.toThrow("Too Many Requests");
    expect((await post("fault", { kind: "earthquake" })).status).toBe(400);
    const ClusterArn = (await create()).ClusterArn ?? "";
    await post("advance", { ms: 31 * 60_000 });
    expect((await bench.clusterOf(ClusterArn)).State).toBe("ACTIVE");
    const state = await fetch(`${aws.url}/_control/state`);
    expect(await state.json()).toMatchObject({ clusters: [{ name: "migrated-kafka" }] });
  });
});
