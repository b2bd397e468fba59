import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installKafka, jvmArguments, type KafkaVersion, propertiesText, runJava } from "./jvm.ts";
import { seconds } from "./maven.ts";
import { freePort, type Log, type Service, startService } from "./process.ts";

/** How a client gets in; the password is a throw-away of the lab. */
export type LabSecurity =
  | { readonly protocol: "PLAINTEXT" }
  | {
      readonly protocol: "SASL_PLAINTEXT";
      readonly mechanism: "PLAIN";
      readonly username: string;
      readonly password: string;
    };

/**
 * `acl`: an authorizer that lets everybody in until a resource has an ACL; `closed`: one that lets nobody in without an ACL;
 * both with a super user and the lab's users on a SASL listener. `open`: no authorizer.
 */
export type BrokerSecurity = "acl" | "closed" | "open";

export interface BrokerOptions {
  readonly name: string;
  readonly version: KafkaVersion;
  readonly security: BrokerSecurity;
  readonly runFolder: string;
  readonly log: Log;
  /** The most that the JVM's heap may take, in MB; enough for a few hundred partitions when absent. */
  readonly heapMb?: number;
  /** Port of the applications' listener, when somebody must know it before the broker runs. */
  readonly port?: number;
  readonly signal?: AbortSignal;
}

export interface Broker extends Service {
  readonly name: string;
  /** The full version, "3.9.2". */
  readonly version: string;
  /** PLAINTEXT, for applications: their principal is `User:ANONYMOUS`. */
  readonly bootstrap: string;
  /** For the bot and the mirror: a super user where there is an authorizer. `labUser` gets in at this address too. */
  readonly admin: { readonly bootstrap: string; readonly security: LabSecurity };
  readonly clusterId: string;
  readonly logDir: string;
  /** What the broker prints. */
  readonly logFile: string;
}

/** Principals without rights of their own, at a SASL listener: "User:mirror" and so on. */
const labUsers = ["mirror", "checkout", "billing"] as const;

/** How one of them logs in, at the broker's `admin.bootstrap`. */
export function labUser(
  username: (typeof labUsers)[number],
): Extract<LabSecurity, { protocol: "SASL_PLAINTEXT" }> {
  return { protocol: "SASL_PLAINTEXT", mechanism: "PLAIN", username, password: `${username}-lab` };
}

const superUser = { username: "ferry", password: "ferry-lab" } as const;
const readyDeadlineMs = 120_000;

interface Ports {
  readonly application: number;
  readonly controller: number;
  readonly admin: number;
}

/** Starts a single KRaft broker with a cluster id of its own, formatting its storage first. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { name, version, security, runFolder, log, signal } = options;
  const library = await installKafka(version, log);
  const started = Date.now();
  const folder = join(runFolder, name);
  const logDir = join(folder, "data");
  await mkdir(folder, { recursive: true });
  const ports: Ports = {
    application: options.port ?? (await freePort()),
    controller: await freePort(),
    admin: await freePort(),
  };
  const properties = join(folder, "broker.properties");
  await writeFile(properties, brokerProperties(ports, logDir, security));
  const clusterId = newClusterId();
  await runJava(library, ["kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties]);
  const logFile = join(runFolder, `${name}.log`);
  const heap = options.heapMb === undefined ? [] : [`-Xmx${options.heapMb}m`];
  const service = await startService({
    name: `Kafka ${name}`,
    command: "java",
    args: [...jvmArguments(library), ...heap, "kafka.Kafka", properties],
    cwd: folder,
    logFile,
    // The broker prints it once it is registered, unfenced and answers requests.
    ready: (output) => output.includes("Kafka Server started"),
    readyDeadlineMs,
    ...(signal ? { signal } : {}),
  });
  log(`Kafka ${library.version} (${name}) ready in ${seconds(started)}`);
  const bootstrap = `127.0.0.1:${ports.application}`;
  const admin: Broker["admin"] =
    security === "open"
      ? { bootstrap, security: { protocol: "PLAINTEXT" } }
      : {
          bootstrap: `127.0.0.1:${ports.admin}`,
          security: { protocol: "SASL_PLAINTEXT", mechanism: "PLAIN", ...superUser },
        };
  return { ...service, name, version: library.version, bootstrap, admin, clusterId, logDir, logFile };
}

/** 16 random bytes as Kafka writes them. One that begins with a dash would be taken for an option by StorageTool. */
function newClusterId(): string {
  const id = randomBytes(16).toString("base64url");
  return id.startsWith("-") ? newClusterId() : id;
}

function brokerProperties(ports: Ports, logDir: string, security: BrokerSecurity): string {
  const common = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    "controller.listener.names": "CONTROLLER",
    "log.dirs": logDir,
    "num.partitions": 1,
    "auto.create.topics.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    // A killed broker may register again only when its old session has run out (9 s by default).
    "broker.session.timeout.ms": 4000,
    "broker.heartbeat.interval.ms": 1000,
    ...oneReplica,
    ...small,
  };
  return propertiesText({ ...common, ...listeners(ports, security) });
}

function listeners(ports: Ports, security: BrokerSecurity): Record<string, string | boolean> {
  if (security === "open") return openListeners(ports);
  return { ...aclListeners(ports), "allow.everyone.if.no.acl.found": security === "acl" };
}

const oneReplica = {
  "offsets.topic.replication.factor": 1,
  "offsets.topic.num.partitions": 3,
  "transaction.state.log.replication.factor": 1,
  "transaction.state.log.min.isr": 1,
  "transaction.state.log.num.partitions": 3,
  "share.coordinator.state.topic.replication.factor": 1,
  "share.coordinator.state.topic.min.isr": 1,
};

const small = {
  "num.network.threads": 2,
  "num.io.threads": 2,
  "background.threads": 2,
  "log.cleaner.dedupe.buffer.size": 2_097_152,
  // Tests that wait for compaction need not wait 15 s for each look at the logs.
  "log.cleaner.backoff.ms": 2_000,
};

function openListeners({ application, controller }: Ports): Record<string, string> {
  const client = `PLAINTEXT://127.0.0.1:${application}`;
  return {
    listeners: `${client},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": client,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
  };
}

/**
 * Broker and controller speak as the super user, so that no ACL somebody sets can cut them off from each other, and
 * `User:ANONYMOUS` need not be one.
 */
function aclListeners({ application, controller, admin }: Ports): Record<string, string> {
  const clients = `PLAINTEXT://127.0.0.1:${application},ADMIN://127.0.0.1:${admin}`;
  const { username, password } = superUser;
  const others = labUsers.map((name) => `user_${name}="${labUser(name).password}"`).join(" ");
  const login =
    "org.apache.kafka.common.security.plain.PlainLoginModule required " +
    `username="${username}" password="${password}" user_${username}="${password}" ${others};`;
  return {
    listeners: `${clients},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": clients,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,ADMIN:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    "inter.broker.listener.name": "ADMIN",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "listener.name.admin.plain.sasl.jaas.config": login,
    "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.controller.plain.sasl.jaas.config": login,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": `User:${username}`,
  };
}
