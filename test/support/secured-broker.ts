import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installKafka, jvmArguments, propertiesText, runJava } from "#lab/jvm.ts";
import { freePort, startService } from "#lab/process.ts";
import type { Authority, Certified } from "./certificate.ts";

/** Who may log in; only `admin` may do anything without an ACL. */
export const accounts = { admin: "admin-lab", ferry: "ferry-lab" } as const;

export type SecuredBroker = {
  /** SASL_SSL with PLAIN and SCRAM-SHA-512; a certificate of the authority for `localhost`. */
  readonly secured: number;
  /** The same, with a certificate that ended. */
  readonly expired: number;
  /** SASL_PLAINTEXT; the address that it advertises is one where nobody listens. */
  readonly misled: number;
  readonly nobody: number;
  close(): Promise<void>;
};

const closed = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
const plainLogin = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const scramLogin = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/** A broker that lets nobody in without a password, and nobody do anything without an ACL, over TLS. */
export async function startSecuredBroker(authority: Authority): Promise<SecuredBroker> {
  const library = await installKafka("3.9", () => undefined);
  const folder = await mkdtemp(join(tmpdir(), "ferry-secured-"));
  const [secured, expired, misled, controller, nobody] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const good = await keyStore(folder, "good", authority.issue("localhost"));
  const old = await keyStore(folder, "old", authority.issue("localhost", Date.now() - 60_000));
  const users = Object.entries(accounts).map(([name, password]) => `user_${name}="${password}"`);
  const login = `${plainLogin} username="admin" password="${accounts.admin}" ${users.join(" ")};`;
  const properties = join(folder, "broker.properties");
  await writeFile(
    properties,
    propertiesText({
      "process.roles": "broker,controller",
      "node.id": 1,
      "controller.quorum.voters": `1@127.0.0.1:${controller}`,
      "controller.listener.names": "CONTROLLER",
      "log.dirs": join(folder, "data"),
      "offsets.topic.replication.factor": 1,
      "offsets.topic.num.partitions": 1,
      listeners: `SECURED://localhost:${secured},EXPIRED://localhost:${expired},MISLED://localhost:${misled},CONTROLLER://127.0.0.1:${controller}`,
      "advertised.listeners": `SECURED://localhost:${secured},EXPIRED://localhost:${expired},MISLED://localhost:${nobody}`,
      "listener.security.protocol.map":
        "SECURED:SASL_SSL,EXPIRED:SASL_SSL,MISLED:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
      "inter.broker.listener.name": "SECURED",
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
      "sasl.mechanism.inter.broker.protocol": "PLAIN",
      "sasl.mechanism.controller.protocol": "PLAIN",
      ...Object.fromEntries(
        ["secured", "expired", "misled", "controller"].flatMap((listener) => [
          [`listener.name.${listener}.plain.sasl.jaas.config`, login],
          [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`, scramLogin],
        ]),
      ),
      ...store("secured", good, authority),
      ...store("expired", old, authority),
      "authorizer.class.name": closed,
      "super.users": "User:admin",
    }),
  );
  const id = randomBytes(16).toString("base64url").replace(/^-/, "A");
  const scram = `SCRAM-SHA-512=[name=admin,password=${accounts.admin}]`;
  const format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", properties, "--add-scram", scram];
  await runJava(library, format);
  const service = await startService({
    name: "Kafka behind TLS",
    command: "java",
    args: [...jvmArguments(library), "kafka.Kafka", properties],
    cwd: folder,
    logFile: join(folder, "broker.log"),
    ready: (output) => output.includes("Kafka Server started"),
    readyDeadlineMs: 120_000,
  });
  return {
    secured,
    expired,
    misled,
    nobody,
    async close() {
      await service.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Key and chain in one PEM file (KIP-651). */
async function keyStore(folder: string, name: string, { key, cert }: Certified): Promise<string> {
  const path = join(folder, `${name}.pem`);
  await writeFile(path, key + cert, { mode: 0o600 });
  return path;
}

function store(listener: string, path: string, { cert }: Authority): Record<string, string> {
  const own = `listener.name.${listener}.ssl`;
  return {
    [`${own}.keystore.type`]: "PEM",
    [`${own}.keystore.location`]: path,
    [`${own}.truststore.type`]: "PEM",
    [`${own}.truststore.certificates`]: cert.trim().replaceAll("\n", "\\n"),
  };
}
