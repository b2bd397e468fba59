import { z } from "zod";
import { ActionName } from "./action.ts";
import { ConnectSettings } from "./connect-settings.ts";
import { cronProblem, nearestTimezone, timezoneNamed } from "./cron.ts";
import { ReplicatorSettings } from "./replicator-settings.ts";
import { Authorizer, Principal, Target } from "./target-settings.ts";

/** Everything about migrations that a team writes down: the schema of `ferry.yaml`. Unknown keys are errors. */

const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const durationUnits = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** "48h", "90s", "250ms" to milliseconds. */
export const Duration = z
  .string()
  .regex(durationPattern, 'expected a duration such as "48h", "15m" or "30s"')
  .transform((text) => {
    const [, amount = "0", unit = "ms"] = durationPattern.exec(text) ?? [];
    return Number(amount) * (durationUnits.get(unit) ?? 1);
  });

/** The value may also be given in text: parsed as if it had been written in the file. */
function duration(text: string) {
  return Duration.prefault(text);
}

export const Security = z.discriminatedUnion("protocol", [
  z.strictObject({ protocol: z.literal("PLAINTEXT") }),
  z.strictObject({ protocol: z.literal("SSL"), caFile: z.string().optional() }),
  z.strictObject({
    protocol: z.enum(["SASL_PLAINTEXT", "SASL_SSL"]),
    mechanism: z.enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
    username: z.string(),
    /** Name of the environment variable that holds the password. */
    passwordEnv: z.string(),
    caFile: z.string().optional(),
  }),
]);
export type Security = z.infer<typeof Security>;

const HostPort = z
  .string()
  .regex(/^[^\s:]+:\d{1,5}$/, "expected host:port")
  .refine((text) => Number(text.split(":").at(-1)) <= 65_535, "expected a port of at most 65535");

/** A pattern for whole names, as `selectTopics` and Connect match them. */
const Pattern = z.string().superRefine((pattern, context) => {
  const why = patternProblem(pattern);
  if (why !== undefined) context.addIssue(`expected a regular expression such as "orders.*": ${why}`);
});

function patternProblem(pattern: string): string | undefined {
  try {
    void new RegExp(`^(?:${pattern})$`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split(": ").at(-1) : String(error);
  }
}

const Cron = z.string().superRefine((expression, context) => {
  const problem = cronProblem(expression);
  if (problem !== undefined) context.addIssue(problem);
});

const Timezone = z.string().refine((word) => timezoneNamed(word) !== undefined, {
  error: ({ input }) => `expected an IANA time zone; did you mean ${nearestTimezone(String(input))}?`,
});

const WebhookUrl = z
  .url({ protocol: /^https?$/, error: "expected http://… or https://…" })
  .refine((url) => URL.parse(url)?.username === "", "expected no login in the URL: calls are signed");

/** RFC 1123, as Kubernetes asks of names. */
const kubernetesName = "[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?";

const VariableName = z
  .string()
  .regex(/^[A-Za-z_][-._A-Za-z0-9]*$/, "expected the name of an environment variable");

/** Which variable of a container tells the application what; none is set that is not named. */
const ContainerEnvironment = z.strictObject({
  /** `host:port` of the brokers, separated by commas. */
  bootstrap: VariableName,
  /** Kafka's `security.protocol`. */
  security: VariableName.optional(),
  /** Kafka's `sasl.mechanism`; empty where there is none. */
  mechanism: VariableName.optional(),
  username: VariableName.optional(),
  /** `source` or `target`. */
  cluster: VariableName.optional(),
});

const SwitchDriver = z.discriminatedUnion("driver", [
  z.strictObject({
    driver: z.literal("exec"),
    command: z.array(z.string()).min(1),
    timeout: duration("2m"),
    environment: z.record(z.string(), z.string()).default({}),
  }),
  z.strictObject({
    driver: z.literal("webhook"),
    url: WebhookUrl,
    /** Name of the environment variable that holds the secret of the signature. */
    secretEnv: z.string(),
    timeout: duration("2m"),
    poll: duration("1s"),
  }),
  z.strictObject({
    driver: z.literal("kubernetes"),
    namespace: z.string().regex(new RegExp(`^${kubernetesName}$`), "expected the name of a namespace"),
    workload: z
      .string()
      .regex(
        new RegExp(`^(?:deployment|statefulset)/${kubernetesName}$`),
        "expected deployment/NAME or statefulset/NAME",
      ),
    /** The workload's only one when absent. */
    container: z.string().optional(),
    /** As many as it had when absent. */
    replicas: z.int().positive().optional(),
    /** The current one of the kubeconfig when absent. */
    context: z.string().optional(),
    environment: ContainerEnvironment,
    timeout: duration("5m"),
    poll: duration("1s"),
  }),
  z.strictObject({ driver: z.literal("manual"), owner: z.string().optional(), timeout: duration("30m") }),
]);
export type SwitchDriver = z.infer<typeof SwitchDriver>;

export const Client = z.discriminatedUnion("role", [
  z.strictObject({ name: z.string(), role: z.literal("consumer"), group: z.string(), switch: SwitchDriver }),
  z.strictObject({
    name: z.string(),
    role: z.literal("producer"),
    topics: z.array(z.string()).min(1),
    switch: SwitchDriver,
  }),
]);
export type Client = z.infer<typeof Client>;

const WaveSettings = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "expected lower-case letters, digits and hyphens"),
  topics: z.array(z.string()).min(1),
  groups: z.array(z.string()).default([]),
  /** What may stand in two waves although it ties them together: a group, a transactional producer, a Streams application. */
  apart: z.array(z.strictObject({ name: z.string(), why: z.string().min(1) })).optional(),
});

const Source = z.strictObject({
  bootstrap: z.array(HostPort).min(1),
  security: Security.default({ protocol: "PLAINTEXT" }),
  /** Who the bot and the mirror are to this cluster; derived from `security` where brokers do not map names. */
  principal: Principal.optional(),
  authorizer: Authorizer.optional(),
  /** Kafka Connect clusters that work on this one: an assessment lists their connectors. */
  connect: z.array(ConnectSettings).default([]),
  /** How applications reach this cluster, where that differs from how the bot does. */
  applications: z.strictObject({ bootstrap: z.array(HostPort).min(1), security: Security }).optional(),
  network: z
    .strictObject({
      kind: z.enum(["peering", "transit-gateway", "vpn", "none"]),
      vpc: z.string().optional(),
      routeTables: z.array(z.string()).default([]),
      securityGroups: z.array(z.string()).default([]),
      /** How each side is let in: the other side's address blocks, or its security groups. */
      ingress: z.enum(["cidr", "security-group"]).default("cidr"),
      /** Where the source's VPC is of another account or Region than the target: it accepts the peering there. */
      accepter: z
        .strictObject({
          region: z.string().optional(),
          /** Profile of the AWS configuration files whose credentials are used there; may assume a role. */
          profile: z.string().optional(),
        })
        .optional(),
    })
    .refine(({ kind, vpc }) => kind !== "peering" || vpc !== undefined, {
      path: ["vpc"],
      error: "kind: peering needs the VPC of the source, vpc-…",
    })
    .default({ kind: "none", routeTables: [], securityGroups: [], ingress: "cidr" }),
});

const MirrorMakerSettings = z.strictObject({
  /** Who starts and stops the processes: the bot, or a person who is handed the file and the command. */
  run: z.enum(["supervised", "handed-over"]).default("supervised"),
  /** An installed Kafka of 3.9.2 or newer: its `libs/*.jar` are run. */
  home: z.string().optional(),
  /** Where the properties files and the processes' logs go; readable by the bot's user alone. */
  folder: z.string().default("mirrormaker"),
  java: z.string().default("java"),
  /** The JVM's `-Xmx`, for each process. */
  heap: z
    .string()
    .regex(/^\d+[mg]$/i, 'expected a size such as "512m" or "2g"')
    .default("1g"),
  /** How long a person may take to start or stop a process that was handed over. */
  patience: duration("30m"),
});
export type MirrorMakerSettings = z.infer<typeof MirrorMakerSettings>;

export const EngineName = z.enum(["connect", "mirrormaker", "replicator"]);
export type EngineName = z.infer<typeof EngineName>;

const ReplicationKeys = z.strictObject({
  engine: EngineName.default("connect"),
  connect: ConnectSettings.optional(),
  mirrormaker: MirrorMakerSettings.optional(),
  replicator: ReplicatorSettings.optional(),
  topics: z.array(Pattern).default([".*"]),
  groups: z.array(Pattern).default([".*"]),
  exactlyOnce: z.boolean().default(true),
  /** Cluster that holds MirrorMaker's offset syncs; found out when absent: the source where the mirror may write there. */
  offsetSyncs: z.enum(["source", "target"]).optional(),
  /** The worker's offset.flush.interval.ms: how old a copied offset may be. */
  flush: duration("5s"),
  /** By wave: tasks of its mirrors. */
  tasks: z.record(z.string(), z.int().positive()).default({}),
});

const missingSections: Readonly<Record<EngineName, string>> = {
  connect: "engine: connect needs connect.url",
  mirrormaker: "engine: mirrormaker needs its section; for run: supervised with home",
  replicator: "engine: replicator needs replicator.role and replicator.scram or replicator.mtls",
};

/** Sections of other engines may stay: a change of engine needs the old one's until its mirrors are taken over. */
const Replication = ReplicationKeys.superRefine((keys, context) => {
  const { engine, mirrormaker } = keys;
  if (keys[engine] === undefined) {
    context.addIssue({ code: "custom", path: [engine], message: missingSections[engine] });
  }
  if (mirrormaker?.run !== "supervised" || mirrormaker.home !== undefined) return;
  const message = "run: supervised needs the folder of a Kafka of 3.9.2 or newer, the one that holds libs";
  context.addIssue({ code: "custom", path: ["mirrormaker", "home"], message });
});

/** Part of the quorum that certain people must fill; they may approve without standing in `approvers`. */
const RoleSettings = z.strictObject({
  name: z.string().min(1),
  users: z.array(z.string()).default([]),
  usergroup: z.string().optional(),
  count: z.int().min(1).max(6).default(1),
  /** Only for these waves, such as those that its people own; absent: for all. */
  waves: z.array(z.string()).optional(),
});

/** Each list: Slack ids of one person. */
const Identities = z.array(z.array(z.string()).min(2)).superRefine((lists, context) => {
  const all = lists.flat();
  const twice = all.find((id, at) => all.indexOf(id) !== at);
  if (twice !== undefined) context.addIssue(`expected each id once; ${twice} is there twice`);
});

const Approvals = z.strictObject({
  /** Configurable upwards only. */
  quorum: z.int().min(2).max(6).default(2),
  expires: duration("1h"),
  granted: duration("15m"),
  /** So long before a request expires those who have not reacted are reminded, once; 0s: never. */
  remind: duration("10m"),
  /** Of `--at`, and of the times that requests show; that of the digest when absent. */
  timezone: Timezone.optional(),
  roles: z.partialRecord(ActionName, z.array(RoleSettings)).optional(),
  identities: Identities.default([]),
  /** Absent: there is no break-glass. */
  breakGlass: z.strictObject({ users: z.array(z.string()).min(1) }).optional(),
});

/** Shorter than a migration takes, it would remove what its own reports tell. */
const keepable = 'expected "forever" or a duration of at least "30d"';
const AuditKeep = z.union(
  [z.literal("forever"), Duration.refine((ms) => ms >= 30 * 86_400_000, keepable)],
  keepable,
);

export const MigrationSettings = z.strictObject({
  channel: z.string().regex(/^[CG][A-Z0-9]+$/, "expected a Slack channel id such as C0123456789"),
  approvers: z
    .strictObject({ users: z.array(z.string()).default([]), usergroup: z.string().optional() })
    .default({ users: [] }),
  approvals: Approvals.prefault({}),
  source: Source,
  target: Target,
  replication: Replication,
  waves: z.array(WaveSettings).optional(),
  clients: z.array(Client).default([]),
  /** How long entries of the audit are kept. */
  audit: z.strictObject({ keep: AuditKeep.prefault("forever") }).prefault({}),
  digest: z
    .strictObject({
      cron: Cron,
      timezone: Timezone.default("UTC"),
      /** Nothing is posted on schedule when nothing has changed since the last one. */
      quiet: z.boolean().default(false),
      /** Also posted when a wave has moved, stopped, gone on or caught up. */
      onChange: z.boolean().default(true),
    })
    .optional(),
  /** Who may what on the target. */
  access: z
    .strictObject({
      /** Principals of the source to those of the target, or to IAM roles; others keep their names where they can. */
      principals: z.record(Principal, Principal).default({}),
      /** By principal of the source: who makes its user on the target. */
      owners: z.record(Principal, z.string()).default({}),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      /** Lag that rises for so long, with no end in sight, is an alarm. */
      lagRising: duration("10m"),
      /** Percent of the fullest broker's volume on the target. */
      targetDisk: z.int().min(1).max(100).default(85),
    })
    .prefault({}),
  cleanup: z.strictObject({ watch: duration("48h") }).prefault({}),
  /** Seconds of measuring for `assess`. */
  assess: z.strictObject({ window: duration("30s") }).prefault({}),
  cutover: z
    .strictObject({
      /** Records that the mirror may be behind when a cutover is asked for; it drains them itself. */
      maxLag: z.int().nonnegative().default(10_000),
      /** Two end-offset reads this far apart must be equal before producers count as silent. */
      flatFor: duration("10s"),
      /** How long to wait for a client, a drain or a sign of life before turning back. */
      patience: duration("5m"),
      /**
       * How writes are kept off beside the drivers' stop and the proof of silence. `acl` is left out where there is no
       * authorizer. `max.message.bytes` makes every record too large; it is never used unless named here.
       */
      fence: z.array(z.enum(["acl", "max.message.bytes"])).default(["acl"]),
      /** Records that a cutover may make one group read again; more is refused before anything stops. */
      maxReadAgain: z.int().nonnegative().default(0),
      /** How long consumers are watched on the target before the step is called done. */
      watch: duration("30s"),
    })
    .prefault({}),
});
export type MigrationSettings = z.infer<typeof MigrationSettings>;

/** Lower-case names: they become part of connector names and Redis keys. */
const MigrationName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "expected lower-case letters, digits and hyphens");

export const FerryFile = z.strictObject({ migrations: z.record(MigrationName, MigrationSettings) });
export type FerryFile = z.infer<typeof FerryFile>;

/** One migration: its name and what the team wrote about it. */
export type Migration = { readonly name: string; readonly settings: MigrationSettings };
