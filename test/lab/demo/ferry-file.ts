import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import { MigrationSettings } from "#domain/settings.ts";
import { clientsOfFleet } from "../apps/fleet.ts";
import { waves } from "../apps/world.ts";
import {
  RTB_SOURCE_1,
  RTB_SOURCE_2,
  SG_MSK,
  SG_SOURCE,
  SUBNET_TARGET_A,
  SUBNET_TARGET_B,
  SUBNET_TARGET_C,
  VPC_SOURCE,
} from "../aws/world.ts";
import type { Clusters } from "../cluster.ts";

/** Name of the lab's only migration, and the channel it belongs to. */
export const migration = "orders";
export const channel = "C0MIGRATION";
/** Name of the MSK cluster that the demo creates. */
const targetCluster = "migrated-kafka";
/** The environment variable that ferry.yaml names for the source's password. */
export const passwordVariable = "FERRY_SOURCE_PASSWORD";

type FerryFileNeed = {
  readonly clusters: Pick<Clusters, "source" | "connect">;
  /** The applications' folder. */
  readonly apps: string;
  readonly path: string;
  readonly changes?: Partial<ReturnType<typeof settings>>;
};

/** Writes the demo's ferry.yaml: everything a team would write down, with durations of seconds. */
export async function writeFerryFile({ clusters, apps, path, changes = {} }: FerryFileNeed): Promise<void> {
  const content = { ...settings(clusters, apps), ...changes };
  MigrationSettings.parse(content);
  const head =
    "# The demo's migration. Waits are short, so that a person can watch; a team would write hours.\n";
  await writeFile(path, `${head}${stringify({ migrations: { [migration]: content } })}`);
}

function settings({ source, connect }: FerryFileNeed["clusters"], apps: string) {
  const { security } = source.admin;
  return {
    channel,
    approvers: { users: ["U0BEN", "U0CLEO", "U0DAN"], usergroup: "S0OWNERS" },
    source: {
      bootstrap: [source.admin.bootstrap],
      security:
        security.protocol === "PLAINTEXT"
          ? { protocol: security.protocol }
          : {
              protocol: security.protocol,
              mechanism: security.mechanism,
              username: security.username,
              passwordEnv: passwordVariable,
            },
      applications: { bootstrap: [source.bootstrap], security: { protocol: "PLAINTEXT" } },
      // Brokers keep these two to themselves; the lab's have an authorizer exactly where they have a login.
      ...(security.protocol !== "PLAINTEXT" && {
        authorizer: { everyoneIfNoAcl: true, superUsers: [`User:${security.username}`] },
      }),
      network: {
        kind: "peering",
        vpc: VPC_SOURCE,
        routeTables: [RTB_SOURCE_1, RTB_SOURCE_2],
        securityGroups: [SG_SOURCE],
      },
    },
    target: {
      cluster: targetCluster,
      region: "us-east-1",
      auth: "unauthenticated",
      transit: "tls-plaintext",
      subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
      securityGroups: [SG_MSK],
      // Three brokers for AWS; behind the stand-in there is one.
      shape: { brokers: 3 },
      replicationFactor: 1,
    },
    replication: { engine: "connect", connect: { url: connect.url }, flush: "1s" },
    waves: waves.map(({ name, topics, groups }) => ({ name, topics: [...topics], groups: [...groups] })),
    clients: clientsOfFleet(apps),
    digest: { cron: "0 * * * *", timezone: "UTC" },
    cleanup: { watch: "5s" },
    assess: { window: "3s" },
    cutover: { flatFor: "1s", patience: "60s", watch: "3s" },
  };
}
