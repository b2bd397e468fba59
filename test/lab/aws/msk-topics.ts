import kafkajs, { type Admin } from "kafkajs";
import { z } from "zod";
import { type Cloud, handler, page, paging } from "./cloud.ts";
import { findCluster } from "./msk-clusters.ts";
import { type Cluster, isExpress } from "./msk-model.ts";
import { AwsRefusal, badRequest } from "./refusal.ts";
import { expressTopicRule, expressTopicValueRule, parseProperties, UNRECORDED } from "./rules-msk.ts";
import type { Handler, Handlers, Shape } from "./shapes.ts";

const { ConfigResourceTypes, ConfigSource, Kafka, logLevel } = kafkajs; // CommonJS: Node sees no such named exports

type Topic = {
  name: string;
  partitions: { partitionId: number; leader: number; replicas: number[]; isr: number[] }[];
};

function missing(name: string): AwsRefusal {
  return new AwsRefusal(404, "UnknownTopicOrPartitionException", `The topic ${name} does not exist.`);
}

/** The cluster, if the topic API serves it now: provisioned and ACTIVE. */
function served(cloud: Cloud, arn: string): Cluster & { kind: { type: "PROVISIONED" } } {
  const cluster = findCluster(cloud, arn);
  if (cluster.kind.type !== "PROVISIONED") throw badRequest(UNRECORDED.serverlessUpdate);
  if (cluster.state !== "ACTIVE") throw badRequest(UNRECORDED.notActive);
  return { ...cluster, kind: cluster.kind };
}

/** `Configs` is Base64 of key=value lines. Express brokers take fewer keys than Standard ones. */
function configsOf(
  cluster: ReturnType<typeof served>,
  text: string | undefined,
): { name: string; value: string }[] {
  if (text === undefined) return [];
  const configs = parseProperties(Buffer.from(text, "base64").toString());
  const entries = [...configs];
  const express = isExpress(cluster.kind.settings.BrokerNodeGroupInfo.InstanceType);
  const verdict = express
    ? (expressTopicRule([...configs.keys()]) ?? expressTopicValueRule(configs))
    : undefined;
  if (verdict !== undefined) throw badRequest(verdict, "configs");
  return entries.map(([name, value]) => ({ name, value }));
}

function arnOf(cluster: Cluster, topic: string): string {
  return `${cluster.arn.replace(":cluster/", ":topic/")}/${topic}`;
}

function outOfSync(topic: Topic): number {
  return topic.partitions.reduce((sum, each) => sum + each.replicas.length - each.isr.length, 0);
}

function infoOf(cluster: Cluster, topic: Topic): Shape {
  return {
    TopicArn: arnOf(cluster, topic.name),
    TopicName: topic.name,
    ReplicationFactor: topic.partitions[0]?.replicas.length,
    PartitionCount: topic.partitions.length,
  };
}

async function topicsOf(admin: Admin, names: string[]): Promise<Topic[]> {
  if (names.length === 0) return [];
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  return topics;
}

/** Asking Kafka for a topic that is not there could create it: the list is asked first. */
async function topicOf(admin: Admin, name: string): Promise<Topic> {
  const known = await admin.listTopics();
  const [topic] = known.includes(name) ? await topicsOf(admin, [name]) : [];
  if (topic === undefined) throw missing(name);
  return topic;
}

async function ownConfigs(admin: Admin, name: string): Promise<string> {
  const resources = [{ type: ConfigResourceTypes.TOPIC, name }];
  const described = await admin.describeConfigs({ resources, includeSynonyms: false });
  const entries = described.resources[0]?.configEntries ?? [];
  const own = entries.filter((entry) => entry.configSource === ConfigSource.TOPIC_CONFIG);
  return own.map((entry) => `${entry.configName}=${entry.configValue}`).join("\n");
}

const one = { ClusterArn: z.string(), TopicName: z.string() };
const creation = z.object({
  ...one,
  PartitionCount: z.int().positive(),
  ReplicationFactor: z.int().positive(),
  Configs: z.string().optional(),
});

async function create(cloud: Cloud, admin: Admin, input: z.infer<typeof creation>): Promise<Shape> {
  const cluster = served(cloud, input.ClusterArn);
  const configEntries = configsOf(cluster, input.Configs);
  const { brokers } = await admin.describeCluster();
  const topic = {
    topic: input.TopicName,
    numPartitions: input.PartitionCount,
    // The lab's broker stands for all of the cluster's: no more replicas than there are brokers.
    replicationFactor: Math.min(input.ReplicationFactor, brokers.length),
    configEntries,
  };
  const created = await admin.createTopics({ topics: [topic] });
  if (!created)
    throw new AwsRefusal(409, "TopicExistsException", `The topic ${input.TopicName} already exists.`);
  return { TopicArn: arnOf(cluster, input.TopicName), TopicName: input.TopicName, Status: "CREATING" };
}

const change = z.object({
  ...one,
  PartitionCount: z.int().positive().optional(),
  Configs: z.string().optional(),
});

async function update(cloud: Cloud, admin: Admin, input: z.infer<typeof change>): Promise<Shape> {
  const cluster = served(cloud, input.ClusterArn);
  const configEntries = configsOf(cluster, input.Configs);
  const name = input.TopicName;
  const topic = await topicOf(admin, name);
  const count = input.PartitionCount ?? topic.partitions.length;
  if (count < topic.partitions.length) throw badRequest(UNRECORDED.partitionsShrink, "partitionCount");
  if (count > topic.partitions.length)
    await admin.createPartitions({ topicPartitions: [{ topic: name, count }] });
  if (input.Configs !== undefined) {
    const resources = [{ type: ConfigResourceTypes.TOPIC, name, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
  }
  return { TopicArn: arnOf(cluster, name), TopicName: name, Status: "UPDATING" };
}

function reading(cloud: Cloud, admin: () => Promise<Admin>): Handlers {
  const listing = z.object({ ...paging, ClusterArn: z.string(), TopicNameFilter: z.string().default("") });
  return {
    ListTopics: handler(listing, async (input) => {
      const cluster = served(cloud, input.ClusterArn);
      const client = await admin();
      const names = (await client.listTopics())
        .filter((name) => name.startsWith(input.TopicNameFilter))
        .toSorted();
      const { items, NextToken } = page(names, input);
      const rows = await topicsOf(client, items);
      const Topics = rows.map((topic) => ({
        ...infoOf(cluster, topic),
        OutOfSyncReplicaCount: outOfSync(topic),
      }));
      return { Topics, NextToken };
    }),
    DescribeTopic: handler(z.object(one), async (input) => {
      const cluster = served(cloud, input.ClusterArn);
      const client = await admin();
      const topic = await topicOf(client, input.TopicName);
      const Configs = Buffer.from(await ownConfigs(client, input.TopicName)).toString("base64");
      return { ...infoOf(cluster, topic), Configs, Status: "ACTIVE" };
    }),
    DescribeTopicPartitions: handler(z.object({ ...one, ...paging }), async (input) => {
      served(cloud, input.ClusterArn);
      const { partitions } = await topicOf(await admin(), input.TopicName);
      const { items, NextToken } = page(
        partitions.toSorted((a, b) => a.partitionId - b.partitionId),
        input,
      );
      const Partitions = items.map((each) => ({
        Partition: each.partitionId,
        Leader: each.leader,
        Replicas: each.replicas,
        Isr: each.isr,
      }));
      return { Partitions, NextToken };
    }),
  };
}

/** What the broker refuses becomes KafkaRequestException, as in the API reference. */
function translating(handlers: Handlers): Handlers {
  const wrapped = Object.entries(handlers).map(([name, run]): [string, Handler] => [
    name,
    async (input, caller) => {
      try {
        return await run(input, caller);
      } catch (error) {
        const cause = error instanceof kafkajs.KafkaJSAggregateError ? error.errors[0] : error;
        if (!(cause instanceof kafkajs.KafkaJSError)) throw error;
        throw new AwsRefusal(400, "KafkaRequestException", cause.message);
      }
    },
  ]);
  return Object.fromEntries(wrapped);
}

/** The topic API, on the lab's real target broker; the connection is made when first needed. */
export function createTopics(cloud: Cloud): { handlers: Handlers; close(): Promise<void> } {
  let connected: Promise<Admin> | undefined;

  async function connect(): Promise<Admin> {
    const kafka = new Kafka({
      clientId: "aws-stand-in",
      brokers: [cloud.bootstrap],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2000,
      retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500 },
    });
    const admin = kafka.admin();
    await admin.connect();
    return admin;
  }

  async function admin(): Promise<Admin> {
    connected ??= connect();
    try {
      return await connected;
    } catch {
      connected = undefined;
      throw new AwsRefusal(
        503,
        "ClusterConnectivityException",
        "Amazon MSK could not connect to the cluster.",
      );
    }
  }

  return {
    handlers: translating({
      ...reading(cloud, admin),
      CreateTopic: handler(creation, async (input) => create(cloud, await admin(), input)),
      UpdateTopic: handler(change, async (input) => update(cloud, await admin(), input)),
      DeleteTopic: handler(z.object(one), async (input) => {
        const cluster = served(cloud, input.ClusterArn);
        const client = await admin();
        await topicOf(client, input.TopicName);
        await client.deleteTopics({ topics: [input.TopicName] });
        return { TopicArn: arnOf(cluster, input.TopicName), TopicName: input.TopicName, Status: "DELETING" };
      }),
    }),
    async close() {
      const open = await connected?.catch(() => undefined);
      await open?.disconnect();
    },
  };
}
