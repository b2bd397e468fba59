import kafkajs from "kafkajs";
import { z } from "zod";
import { type Connection, kafkaFor } from "../apps/connection.ts";
import { connectionTo, hurryUp, stopFleet, stopProducers } from "../apps/fleet.ts";
import { consumers, idleGroup, topics } from "../apps/world.ts";
import { type Count, countMigration, waitUntilCaughtUp } from "../count/count.ts";
import type { Lab } from "../environment.ts";
import type { Report } from "./report.ts";

const catchUpMs = 90_000;

/** Lets every group read to the end, stops the applications and counts from their logs and from both clusters. */
export async function countEverything(
  lab: Lab,
  options: { readonly ahead: "source" | "target" },
): Promise<Count> {
  await stopProducers(lab.folder);
  hurryUp(lab.folder);
  await waitUntilCaughtUp(lab.folder, catchUpMs);
  await stopFleet(lab.folder);
  const { source, target } = lab.clusters;
  return await countMigration({
    folder: lab.folder,
    source: connectionTo(source.bootstrap),
    target: connectionTo(target.bootstrap),
    ahead: options.ahead,
  });
}

/** What of the bot is left: connectors, topics, groups and ACLs that the sample world does not have. */
export async function residueOf({ clusters }: Lab): Promise<readonly string[]> {
  const { source, target, connect } = clusters;
  const names = z.array(z.string()).parse(await (await fetch(`${connect.url}/connectors`)).json());
  return [
    ...names.map((name) => `connector ${name}`),
    ...(await strangersOn("source", connectionTo(source.admin.bootstrap, source.admin.security))),
    ...(await strangersOn("target", connectionTo(target.bootstrap))),
    ...(await rulesOn(connectionTo(source.admin.bootstrap, source.admin.security))),
  ];
}

/** The sample world has no ACL, and the target no authorizer. */
async function rulesOn(connection: Connection): Promise<string[]> {
  const admin = kafkaFor(connection, "lab-residue").admin();
  await admin.connect();
  try {
    const { resources } = await admin.describeAcls({
      resourceType: kafkajs.AclResourceTypes.ANY,
      resourcePatternType: kafkajs.ResourcePatternTypes.ANY,
      operation: kafkajs.AclOperationTypes.ANY,
      permissionType: kafkajs.AclPermissionTypes.ANY,
    });
    return resources.map(({ resourceName }) => `ACL on ${resourceName} of the source`);
  } finally {
    await admin.disconnect();
  }
}

const ours = new Set([
  ...topics.map(({ name }) => name),
  ...consumers.map(({ name }) => name),
  idleGroup.name,
]);
/** Kafka's own, Connect's own, and those that the count makes. */
const expected = /^(__|connect$|connect-(offsets|configs|status)$|lab-)/u;

async function strangersOn(place: string, connection: Connection): Promise<string[]> {
  const admin = kafkaFor(connection, "lab-residue").admin();
  await admin.connect();
  try {
    const { groups } = await admin.listGroups();
    const found = [
      ...(await admin.listTopics()).map((name) => ({ kind: "topic", name })),
      ...groups.map(({ groupId }) => ({ kind: "group", name: groupId })),
    ];
    return found
      .filter(({ name }) => !ours.has(name) && !expected.test(name))
      .map(({ kind, name }) => `${kind} ${name} on the ${place}`);
  } finally {
    await admin.disconnect();
  }
}

/** Which of these groups have members, on each cluster. */
export async function groupMembers({ clusters }: Lab, groups: readonly string[]) {
  const { source, target } = clusters;
  return {
    source: await livingOn(connectionTo(source.admin.bootstrap, source.admin.security), groups),
    target: await livingOn(connectionTo(target.bootstrap), groups),
  };
}

async function livingOn(connection: Connection, groups: readonly string[]): Promise<string[]> {
  const admin = kafkaFor(connection, "lab-groups").admin();
  await admin.connect();
  try {
    const described = await admin.describeGroups([...groups]);
    return described.groups
      .filter(({ members }) => members.length > 0)
      .map(({ groupId }) => groupId)
      .toSorted();
  } finally {
    await admin.disconnect();
  }
}

export function versionsOf({ clusters }: Lab): Report["versions"] {
  const { source, target, connect, redis } = clusters;
  return {
    source: source.version,
    target: target.version,
    connect: connect.version,
    redis: redis.version,
    node: process.versions.node,
  };
}
