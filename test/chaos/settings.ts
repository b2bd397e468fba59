import type { z } from "zod";
import { MigrationSettings } from "#domain/settings.ts";
import { SG_MSK, SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C } from "#lab/aws/world.ts";
import type { Clusters } from "#lab/cluster.ts";
import { channel, passwordVariable } from "#lab/demo/ferry-file.ts";
import type { Host } from "./host/hand.ts";

export type ClientSetup =
  | { readonly name: string; readonly role: "consumer" }
  | { readonly name: string; readonly role: "producer"; readonly topics: readonly string[] };

type Setup = {
  readonly clusters: Pick<Clusters, "source" | "connect">;
  readonly driver: Host["driver"];
  /** Begins the names of all its topics and groups. */
  readonly prefix: string;
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly clients: readonly ClientSetup[];
};

/** The one wave of a chaos or bench migration. */
export const wave = "all";

/** A migration of one wave with the shortest waits that the settings allow, so that only the work itself takes time. */
export function migrationSettings(setup: Setup): z.input<typeof MigrationSettings> {
  const { clusters, driver, prefix, topics, groups, clients } = setup;
  const { source, connect } = clusters;
  const { security } = source.admin;
  const content = {
    channel,
    approvers: { users: ["U0BEN", "U0CLEO"] },
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
      // The lab's brokers: without it topics that have no ACL are not fenced.
      authorizer: {
        everyoneIfNoAcl: true,
        superUsers: security.protocol === "PLAINTEXT" ? [] : [`User:${security.username}`],
      },
      applications: { bootstrap: [source.bootstrap], security: { protocol: "PLAINTEXT" as const } },
    },
    target: {
      cluster: "migrated-kafka",
      region: "us-east-1",
      auth: "unauthenticated" as const,
      transit: "tls-plaintext" as const,
      subnets: [SUBNET_TARGET_A, SUBNET_TARGET_B, SUBNET_TARGET_C],
      securityGroups: [SG_MSK],
      shape: { brokers: 3 },
      replicationFactor: 1,
    },
    replication: {
      engine: "connect" as const,
      connect: { url: connect.url },
      topics: [`${prefix}.*`],
      groups: [`${prefix}.*`],
      flush: "1s",
    },
    waves: [{ name: wave, topics: [...topics], groups: [...groups] }],
    clients: clients.map((client) =>
      client.role === "consumer"
        ? { name: client.name, role: client.role, group: client.name, switch: driver }
        : { name: client.name, role: client.role, topics: [...client.topics], switch: driver },
    ),
    assess: { window: "200ms" },
    cutover: { flatFor: "1s", patience: "60s", watch: "1s" },
  };
  MigrationSettings.parse(content);
  return content;
}
