import { readFileSync } from "node:fs";
import kafkajs, { type Kafka, type KafkaConfig, type SASLOptions } from "kafkajs";
import { calmDown } from "./calm.ts";
import { registerCodecs } from "./codecs.ts";
import type { AppSecurity } from "./security.ts";

export const plaintext: AppSecurity = { protocol: "PLAINTEXT" };

/** Where an application connects to. `bootstrap` is a list of host:port. */
export type Connection = { readonly bootstrap: readonly string[]; readonly security: AppSecurity };

function saslOf(security: AppSecurity): SASLOptions | undefined {
  if (!security.protocol.startsWith("SASL")) return undefined;
  const username = security.username ?? "";
  const password = security.password ?? process.env[security.passwordEnv ?? ""] ?? "";
  switch (security.mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
    case undefined:
    default:
      throw new Error(`mechanism ${security.mechanism ?? "(none)"} is not one the lab's applications speak`);
  }
}

function sslOf(security: AppSecurity): KafkaConfig["ssl"] {
  if (!security.protocol.endsWith("SSL")) return undefined;
  return security.caFile === undefined ? true : { ca: [readFileSync(security.caFile, "utf8")] };
}

/** A KafkaJS client that gives up on a request after about 5 s, so that a clean stop never hangs. */
export function kafkaFor(connection: Connection, clientId: string): Kafka {
  registerCodecs();
  calmDown();
  const sasl = saslOf(connection.security);
  const ssl = sslOf(connection.security);
  return new kafkajs.Kafka({
    clientId,
    brokers: [...connection.bootstrap],
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 8 },
    ...(sasl === undefined ? {} : { sasl }),
    ...(ssl === undefined ? {} : { ssl }),
  });
}
