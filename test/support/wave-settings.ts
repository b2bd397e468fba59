import { MigrationSettings } from "#domain/settings.ts";

type Producer = { readonly name: string; readonly topics: readonly string[] };

/** Settings that matter to waves. */
export function waveSettings(
  parts: {
    readonly producers?: readonly Producer[];
    readonly waves?: ReadonlyArray<{
      name: string;
      topics: string[];
      groups?: string[];
      apart?: Array<{ name: string; why: string }>;
    }>;
    readonly topics?: readonly string[];
    readonly groups?: readonly string[];
  } = {},
): MigrationSettings {
  return MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"] },
    target: { cluster: "t", region: "r", auth: "iam", subnets: ["a", "b", "c"], securityGroups: ["g"] },
    replication: {
      connect: { url: "http://connect:8083" },
      ...(parts.topics && { topics: parts.topics }),
      ...(parts.groups && { groups: parts.groups }),
    },
    ...(parts.waves && { waves: parts.waves }),
    clients: (parts.producers ?? []).map(({ name, topics }) => ({
      name,
      role: "producer",
      topics,
      switch: { driver: "manual" },
    })),
  });
}
