import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { iamCallbackHandler } from "#domain/mirror/client-properties.ts";
import { aliases } from "#domain/mirror/flow.ts";
import { checkpointConnector, producerTuning, sourceConnector } from "#domain/mirror/mirror-config.ts";
import type { EngineCheck } from "#domain/ports.ts";
import { isOlder } from "#domain/release.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import type { Rest } from "./rest.ts";

/** What the Connect workers are and can do. Asks only. */

const Root = z.object({ version: z.string(), kafka_cluster_id: z.string() });
const Plugins = z.array(z.object({ class: z.string(), version: z.string().nullish() }));
const Validation = z.object({
  configs: z.array(z.object({ value: z.object({ name: z.string(), errors: z.array(z.string()) }) })),
});

export type Worker = {
  readonly version: string;
  /** Kafka cluster that the workers live on. */
  readonly clusterId: string;
};

export async function readWorker(rest: Rest): Promise<Worker> {
  const root = await rest.call("GET", "/", Root);
  if (root === undefined)
    throw new FerryError("E_CONNECT", "Connect answered GET / with 404: is this its REST port?");
  return { version: root.version, clusterId: root.kafka_cluster_id };
}

/** True when the workers allow exactly-once: they validate a connector that requires it. */
export async function allowsExactlyOnce(rest: Rest): Promise<boolean> {
  const errors = await validate(rest, { "exactly.once.support": "required" });
  return !errors.some(({ name }) => name === "exactly.once.support");
}

/** Settings of the mirrors' producers that the workers' `connector.client.config.override.policy` refuses (KIP-458). */
async function refusedOverrides(rest: Rest): Promise<readonly string[]> {
  const errors = await validate(rest, { ...producerTuning, "producer.override.client.id": "ferry-check" });
  return errors.map(({ name }) => name).filter((name) => name.startsWith("producer.override."));
}

/** True when the workers can log in to MSK with IAM: their class loader finds AWS's callback handler. */
async function knowsIam(rest: Rest): Promise<boolean> {
  // Any setting that takes a class will do; the worker looks the class up before it looks at what it is.
  const errors = await validate(rest, { "topic.filter.class": iamCallbackHandler });
  return !errors.some(({ errors }) => errors.some((text) => text.includes("could not be found")));
}

type SettingErrors = { readonly name: string; readonly errors: readonly string[] };

async function validate(rest: Rest, settings: Record<string, string>): Promise<readonly SettingErrors[]> {
  const config = {
    name: "ferry-check",
    "connector.class": sourceConnector,
    "source.cluster.alias": aliases.source,
    "target.cluster.alias": aliases.target,
    "source.cluster.bootstrap.servers": "localhost:1",
    "target.cluster.bootstrap.servers": "localhost:1",
    "source.consumer.isolation.level": "read_committed",
    topics: "ferry-check",
    ...settings,
  };
  const path = `/connector-plugins/${sourceConnector}/config/validate`;
  const answer = await rest.call("PUT", path, Validation, config);
  if (answer === undefined)
    throw new FerryError("E_CONNECT_PLUGIN", `The Connect workers do not have ${sourceConnector}.`);
  return answer.configs.map(({ value }) => value).filter(({ errors }) => errors.length > 0);
}

export async function checkWorker(
  rest: Rest,
  access: readonly ClusterAccess[],
  wantsExactlyOnce: boolean,
): Promise<EngineCheck> {
  const { version } = await readWorker(rest);
  const plugins = (await rest.call("GET", "/connector-plugins", Plugins)) ?? [];
  const missing = [sourceConnector, checkpointConnector].filter(
    (name) => !plugins.some((p) => p.class === name),
  );
  const problems = missing.map((name) => `The Connect workers do not have ${name}.`);
  if (isOlder(version, oldest)) problems.push(`Connect is ${version}; 3.9.2 or newer is needed.`);
  problems.push(...otherPlugins(plugins, version));
  if (missing.includes(sourceConnector)) return { version, exactlyOnce: false, problems };

  const exactlyOnce = await allowsExactlyOnce(rest);
  if (!exactlyOnce) {
    const how = wantsExactlyOnce ? "" : ", and replication.exactlyOnce is false";
    problems.push(
      `The Connect workers do not have exactly.once.source.support=enabled${how}: a worker that is killed copies again what it had copied since its last offset flush (offset.flush.interval.ms, 60 s by default; measured at 9,000 records a second with 1 s: 9,200 records twice), and lag is shown as late as that flush. A stop or pause doubles nothing.`,
    );
  }
  const refused = await refusedOverrides(rest);
  if (refused.length > 0) {
    problems.push(
      `The Connect workers refuse settings of the mirrors' producers (${refused.join(", ")}): set connector.client.config.override.policy=All on them.`,
    );
  }
  const iam = access.some(({ sasl }) => sasl?.mechanism === "AWS_MSK_IAM");
  if (iam && !(await knowsIam(rest))) {
    problems.push("The Connect workers do not have aws-msk-iam-auth on their class path.");
  }
  return { version, exactlyOnce, problems };
}

const oldest = [3, 9, 2];

/** A jar of another release on the plugin path is loaded instead of the worker's own. */
function otherPlugins(plugins: z.infer<typeof Plugins>, worker: string): readonly string[] {
  return plugins.flatMap(({ class: name, version }) => {
    if (name !== sourceConnector && name !== checkpointConnector) return [];
    if (version === undefined || version === null || version === worker) return [];
    if (isOlder(version, oldest)) return [`${name} is ${version}; 3.9.2 or newer is needed.`];
    return [
      `MirrorMaker 2 is ${version} on workers of ${worker}: two releases of it lie on their plugin path.`,
    ];
  });
}
