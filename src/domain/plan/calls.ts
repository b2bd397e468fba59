import type { Assessment } from "#domain/assessment.ts";
import { aliases, checkpointFlow, forwardFlow, reverseFlow } from "#domain/mirror/flow.ts";
import { flowsOf, sharedMirrorTopics } from "#domain/mirror/residue.ts";
import { plannedScaling, scalingNames } from "#domain/msk/storage-scaling.ts";
import type { Plan, PlannedCall, Wave } from "#domain/plan.ts";
import type { Client, Migration } from "#domain/settings.ts";
import { accessCalls } from "./access-calls.ts";
import { brokerPort, clusterRequest, configurationRequest, ownerTag } from "./provisioning.ts";

/**
 * Every changing call that follows from a plan, in order, with its arguments: what is approved is this list. Calls that
 * only look are left out. What is known only at the moment itself stands as a sentence in `later`.
 */

type Content = Omit<Plan, "hash" | "madeAt">;
type Args = PlannedCall["args"];

export function callsOf(
  content: Content,
  migration: Migration,
  assessment: Pick<Assessment, "acls" | "quotas">,
): readonly PlannedCall[] {
  const sizes = sizesOf(content);
  return [
    ...provisionCalls(content, migration),
    ...networkCalls(migration),
    ...accessCalls(assessment, content.shape, migration),
    ...content.waves.flatMap((wave) => replicateCalls(sizes, wave, migration)),
    ...content.waves.flatMap((wave) => [
      ...consumerCalls(wave, migration),
      ...producerCalls(sizes, wave, migration),
    ]),
    ...cleanupCalls(content, migration),
  ];
}

function call(step: string, to: PlannedCall["to"], name: string, args: Args, later?: string): PlannedCall {
  return { step, to, call: name, args, ...(later === undefined ? {} : { later }) };
}

/** Secrets that one BatchAssociateScramSecret may name. */
const secretsPerCall = 10;

function provisionCalls(content: Content, migration: Migration): readonly PlannedCall[] {
  // The description names the hash, which is made of these calls too.
  const plan = { ...content, hash: "<hash>", madeAt: "" };
  const { target } = migration.settings;
  const secrets = target.auth === "scram" ? (target.scram?.secretArns ?? []) : [];
  const batches = Array.from({ length: Math.ceil(secrets.length / secretsPerCall) }, (_, index) =>
    secrets.slice(index * secretsPerCall, (index + 1) * secretsPerCall),
  );
  return [
    call("provision", "MSK", "CreateConfiguration", argsOf(configurationRequest(plan, migration))),
    call(
      "provision",
      "MSK",
      "CreateClusterV2",
      argsOf(clusterRequest(plan, migration)),
      "configuration: ARN and revision of the call before; nothing is created where a cluster of this name is as planned",
    ),
    ...batches.map((secretArns) =>
      call("provision", "MSK", "BatchAssociateScramSecret", { cluster: target.cluster, secretArns }),
    ),
    ...scalingCalls(content, migration),
  ];
}

/** Lets the volumes grow by themselves, once the cluster is ACTIVE. */
function scalingCalls({ shape }: Content, { name, settings }: Migration): readonly PlannedCall[] {
  const values = plannedScaling(shape, settings.target);
  if (values === undefined) return [];
  const { minGiB, maxGiB, percent, policy } = values;
  const { cluster } = settings.target;
  const { dimension, metric } = scalingNames;
  const to = "Application Auto Scaling";
  const later = "the cluster's ARN; only where nothing is registered, and for no cluster of others";
  const capacity = { cluster, dimension, minGiB, maxGiB, tags: { [ownerTag]: name } };
  const tracking = { cluster, dimension, policy, metric, percent, shrinks: false };
  return [
    call("provision", to, "RegisterScalableTarget", capacity, later),
    call("provision", to, "PutScalingPolicy", tracking, later),
  ];
}

/** Left out of JSON what is not set. */
function argsOf(request: object): Args {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

function eachBlock(vpc: string): string {
  return `one call for each address block of ${vpc}, where none lets it in yet`;
}

function networkCalls({ settings }: Migration): readonly PlannedCall[] {
  const { network, bootstrap } = settings.source;
  const { accepter } = network;
  if (network.kind !== "peering") return [];
  const step = "network";
  const peer = `the VPC of ${settings.target.subnets[0] ?? ""}`;
  const vpc = network.vpc ?? "";
  const tables = network.routeTables.length === 0 ? [`every route table of ${vpc}`] : network.routeTables;
  const ports = [...new Set(bootstrap.map((each) => Number(each.slice(each.lastIndexOf(":") + 1))))];
  const [ofTarget = ""] = settings.target.securityGroups;
  const [ofSource] = network.securityGroups;
  return [
    call(step, "EC2", "CreateVpcPeeringConnection", { vpc, peer }, "only where none lives"),
    call(
      step,
      "EC2",
      "AcceptVpcPeeringConnection",
      argsOf(accepter ?? {}),
      accepter === undefined ? "the peering's id" : "the peering's id; with the credentials of the accepter",
    ),
    ...[...tables, `every route table of ${peer}`].map((table) =>
      call(step, "EC2", "CreateRoute", { table }, "one call for each address block of the other VPC"),
    ),
    call(
      step,
      "EC2",
      "AuthorizeSecurityGroupIngress",
      { group: ofTarget, port: brokerPort(settings.target) },
      eachBlock(vpc),
    ),
    ...(ofSource === undefined
      ? []
      : ports.map((port) =>
          call(step, "EC2", "AuthorizeSecurityGroupIngress", { group: ofSource, port }, eachBlock(peer)),
        )),
    call(step, "EC2", "ModifyVpcPeeringConnectionOptions", { resolveDns: true }, "the peering's id"),
  ];
}

/** Partitions of a wave's topics. */
type Sizes = (wave: Wave) => number;

function sizesOf({ topics }: Content): Sizes {
  const sizes = new Map(topics.map(({ name, partitions }) => [name, partitions]));
  return (wave) => wave.topics.reduce((sum, topic) => sum + (sizes.get(topic) ?? 0), 0);
}

function replicateCalls(sizes: Sizes, wave: Wave, { name, settings }: Migration): readonly PlannedCall[] {
  const step = `replicate start, wave ${wave.name}`;
  const checkpoint = checkpointFlow(name, wave);
  return [
    call(
      step,
      "target",
      "CreateTopics",
      { topics: wave.topics },
      "each as under topics; those that exist are compared",
    ),
    call(
      step,
      "engine",
      "define, running",
      argsOf(forwardFlow(name, wave, sizes(wave), settings.replication.tasks)),
    ),
    ...(checkpoint === undefined ? [] : [call(step, "engine", "define, running", argsOf(checkpoint))]),
  ];
}

function consumerCalls(wave: Wave, { settings }: Migration): readonly PlannedCall[] {
  const step = `cutover consumers ${wave.name}`;
  const clients = settings.clients.filter(
    (client) => client.role === "consumer" && wave.groups.includes(client.group),
  );
  if (wave.groups.length === 0) return [];
  return [
    ...clients.map((client) => call(step, "client", "stop", clientArgs(client))),
    call(
      step,
      "target",
      "OffsetCommit",
      { groups: wave.groups },
      "offsets: of the same records, found by content once the groups are empty",
    ),
    ...clients.map((client) => call(step, "client", "start on the target", clientArgs(client))),
  ];
}

function producerCalls(sizes: Sizes, wave: Wave, { name, settings }: Migration): readonly PlannedCall[] {
  const step = `cutover producers ${wave.name}`;
  const reverse = reverseFlow(name, wave, sizes(wave), settings.replication.tasks);
  const clients = settings.clients.filter(
    (client) => client.role === "producer" && client.topics.some((topic) => wave.topics.includes(topic)),
  );
  const { fence } = settings.cutover;
  const topics = wave.topics;
  return [
    call(step, "engine", "define, stopped", argsOf(reverse)),
    ...clients.map((client) => call(step, "client", "stop", clientArgs(client))),
    ...(fence.includes("acl")
      ? [
          call(
            step,
            "source",
            "CreateAcls",
            { topics },
            "ALLOW ALL, then DENY WRITE; only where there is an authorizer",
          ),
        ]
      : []),
    ...(fence.includes("max.message.bytes")
      ? [call(step, "source", "IncrementalAlterConfigs", { topics, key: "max.message.bytes" })]
      : []),
    call(
      step,
      "engine",
      "stop",
      { name: forwardFlow(name, wave, 1).name },
      "when every partition is copied to its end",
    ),
    call(
      step,
      "engine",
      "set offsets",
      { name: reverse.name },
      "both ends as they then are, each checked against its bounds",
    ),
    call(step, "engine", "start", { name: reverse.name }),
    ...clients.map((client) => call(step, "client", "start on the target", clientArgs(client))),
  ];
}

/** What a person recognises it by; never the environment, which may hold secrets. */
function clientArgs({ name, switch: driver }: Client): Args {
  switch (driver.driver) {
    case "exec":
      return { client: name, driver: driver.driver, command: driver.command };
    case "webhook":
      return { client: name, driver: driver.driver, url: driver.url };
    case "kubernetes":
      return { client: name, driver: driver.driver, namespace: driver.namespace, workload: driver.workload };
    case "manual":
      return { client: name, driver: driver.driver, owner: driver.owner ?? "whoever reacts" };
  }
}

/** What the fences left on the source. */
function liftCalls(
  waves: readonly Wave[],
  { cutover: { fence } }: Migration["settings"],
): readonly PlannedCall[] {
  const topics = waves.flatMap((wave) => wave.topics);
  const asItWas = "exactly what the fences added, as it was noted then";
  return [
    ...(fence.includes("acl") ? [call("cleanup", "source", "DeleteAcls", { topics }, asItWas)] : []),
    ...(fence.includes("max.message.bytes")
      ? [
          call(
            "cleanup",
            "source",
            "IncrementalAlterConfigs",
            { topics, key: "max.message.bytes" },
            "the values from before the fences",
          ),
        ]
      : []),
  ];
}

function cleanupCalls({ waves }: Content, { name, settings }: Migration): readonly PlannedCall[] {
  const flows = flowsOf(
    name,
    waves.map((wave) => wave.name),
  );
  return [
    ...flows.map((flow) => call("cleanup", "engine", "remove", { name: flow })),
    ...liftCalls(waves, settings),
    call(
      "cleanup",
      "source and target",
      "DeleteTopics",
      { topics: sharedMirrorTopics, aliases: Object.values(aliases) },
      "and the topics in which the removed flows kept offsets",
    ),
  ];
}
