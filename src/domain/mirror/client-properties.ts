import type { ClusterAccess } from "#domain/topology.ts";

/** How a Java Kafka client reaches a cluster. */

export const iamCallbackHandler = "software.amazon.msk.auth.iam.IAMClientCallbackHandler";

/** Properties of a Java client, each with `prefix` before its name. Holds secrets. */
export function clientProperties(access: ClusterAccess, prefix: string): Record<string, string> {
  const properties = {
    "bootstrap.servers": access.bootstrap.join(","),
    "security.protocol": access.protocol,
    ...trust(access),
    ...sasl(access),
  };
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** The certificate travels in the configuration itself (KIP-651), so no file has to lie on the workers. */
function trust(access: ClusterAccess): Record<string, string> {
  if (access.ca === undefined) return {};
  return { "ssl.truststore.type": "PEM", "ssl.truststore.certificates": access.ca };
}

function sasl({ sasl }: ClusterAccess): Record<string, string> {
  if (sasl === undefined) return {};
  if (sasl.mechanism === "AWS_MSK_IAM") {
    return {
      "sasl.mechanism": "AWS_MSK_IAM",
      "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
      "sasl.client.callback.handler.class": iamCallbackHandler,
    };
  }
  const module = sasl.mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
  const username = quoted(sasl.username ?? "");
  const password = quoted(sasl.password ?? "");
  return {
    "sasl.mechanism": sasl.mechanism,
    "sasl.jaas.config": `org.apache.kafka.common.security.${module} required username=${username} password=${password};`,
  };
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
