import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Layer, PathReport } from "#domain/network/path-layers.ts";
import type { LayerAnswer, Prober } from "#domain/network.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { ClusterAccess, Rights } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";
import { unusedLayers, workerPaths } from "./probe-workers.ts";

/** From here, and from what runs the mirrors, to both clusters, layer by layer, and where each path ends. */

/** Both clusters. A target that does not exist yet is no path: `absent` says so. */
export async function probePaths(
  work: Work,
): Promise<{ readonly paths: readonly PathReport[]; readonly absent: string | undefined }> {
  const { source } = work.world;
  const fromHere = await probeCluster(source, work);
  try {
    const target = await work.world.target();
    const workers = await workerPaths({ source: source.access, target: target.access }, work);
    return { paths: [...fromHere, ...(await probeCluster(target, work)), ...workers], absent: undefined };
  } catch (thrown) {
    if (thrown instanceof FerryError && thrown.code === "E_TARGET_ABSENT")
      return { paths: fromHere, absent: thrown.message };
    throw thrown;
  }
}

async function probeCluster(cluster: KafkaCluster, work: Work): Promise<readonly PathReport[]> {
  const { access, role } = cluster;
  const { prober } = work.world;
  const bootstrap = await Promise.all(
    access.bootstrap.map((endpoint) => probeTransport({ role, endpoint, advertised: false }, access, prober)),
  );
  if (bootstrap.every(({ failing }) => failing !== undefined)) return bootstrap;
  const kafka = await probeKafka(cluster, work);
  const reached = bootstrap.map((path) => (path.failing === undefined ? withKafka(path, kafka) : path));
  const others = kafka.brokers.filter((endpoint) => !access.bootstrap.includes(endpoint));
  const advertised = await Promise.all(
    others.map((endpoint) => probeTransport({ role, endpoint, advertised: true }, access, prober)),
  );
  return [...reached, ...advertised];
}

type Place = {
  readonly role: PathReport["cluster"];
  readonly endpoint: string;
  readonly advertised: boolean;
};

async function probeTransport(
  { role, endpoint, advertised }: Place,
  access: ClusterAccess,
  prober: Prober,
): Promise<PathReport> {
  const [host, port] = split(endpoint);
  const unused = unusedLayers(access);
  const asked: ReadonlyArray<readonly [Layer, () => Promise<LayerAnswer>]> = [
    ["DNS", () => prober.resolve(host)],
    ["TCP", () => prober.connect(host, port)],
    ["TLS", () => prober.handshake(host, port, access.ca)],
  ];
  const shown = advertised ? `${endpoint} (advertised)` : endpoint;
  const path = { cluster: role, from: "bot", endpoint: shown, advertised, unused } as const;
  const passed: Layer[] = [];
  let ends: { readonly certificateEnds?: number } = {};
  for (const [layer, ask] of asked) {
    if (unused.includes(layer)) continue;
    const answer = await ask();
    if (!answer.ok) return { ...path, passed, failing: { layer, why: answer.why } };
    if (answer.until !== undefined) ends = { certificateEnds: answer.until };
    passed.push(layer);
  }
  return { ...path, ...ends, passed, failing: undefined };
}

function split(endpoint: string): readonly [string, number] {
  const at = endpoint.lastIndexOf(":");
  return [endpoint.slice(0, at).replace(/^\[|\]$/g, ""), Number(endpoint.slice(at + 1))];
}

type KafkaAnswer = {
  readonly brokers: readonly string[];
  readonly failing: PathReport["failing"];
  readonly untold?: string;
};

/** Kafka hides what one may not see instead of refusing: what is allowed is asked for by name. */
async function probeKafka(cluster: KafkaCluster, work: Work): Promise<KafkaAnswer> {
  let brokers: readonly string[] = [];
  try {
    const described = await cluster.describe();
    brokers = described.brokers.map(({ host, port }) => `${host}:${port}`);
    const topics = cluster.role === "source" ? wantedTopics(work) : [];
    const rights = await cluster.rights(topics);
    if (!rights.known) return { brokers, failing: undefined, untold: rights.why };
    const why = lacking(cluster.role, topics, rights.value);
    return { brokers, failing: why === undefined ? undefined : { layer: "authorization", why } };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    const authorized = cluster.access.sasl === undefined || message.includes("AUTHORIZATION");
    return {
      brokers,
      failing: { layer: authorized ? "authorization" : "SASL", why: `${code} ${message}` },
    };
  }
}

function wantedTopics({ migration }: Work): readonly string[] {
  return [...new Set((migration.settings.waves ?? []).flatMap(({ topics }) => topics))];
}

/** Of the cluster: brokers, groups and settings are listed by it; topics are created on MSK. */
const ofCluster = {
  source: ["DESCRIBE", "DESCRIBE_CONFIGS"],
  target: ["DESCRIBE", "DESCRIBE_CONFIGS", "CREATE"],
} as const;
const ofTopic = ["DESCRIBE", "READ", "DESCRIBE_CONFIGS"] as const;
const shownTopics = 5;

function lacking(
  role: PathReport["cluster"],
  topics: readonly string[],
  { cluster, topics: allowed }: Rights,
): string | undefined {
  const missing = ofCluster[role].filter((operation) => !cluster.includes(operation));
  const hidden = topics.filter((name) => !allowed.has(name));
  const words = [
    ...(missing.length === 0 ? [] : [`${missing.join(", ")} on the cluster`]),
    ...ofTopic.flatMap((operation) => {
      const without = topics.filter((name) => allowed.get(name)?.includes(operation) === false);
      return without.length === 0 ? [] : [`${operation} on ${some(without)}`];
    }),
  ];
  const said = [
    ...(words.length === 0 ? [] : [`not allowed: ${words.join("; ")}`]),
    ...(hidden.length === 0
      ? []
      : [`not visible: ${some(hidden)} (absent, or DESCRIBE on it is not allowed)`]),
  ];
  return said.length === 0 ? undefined : said.join("; ");
}

function some(names: readonly string[]): string {
  const more = names.length - shownTopics;
  return more > 0 ? `${names.slice(0, shownTopics).join(", ")} and ${more} more` : names.join(", ");
}

function withKafka(path: PathReport, { failing, untold }: KafkaAnswer): PathReport {
  const above: readonly Layer[] = path.unused.includes("SASL")
    ? ["authorization"]
    : ["SASL", "authorization"];
  const told = untold === undefined ? above : above.filter((layer) => layer !== "authorization");
  const passed = failing === undefined ? told : above.slice(0, above.indexOf(failing.layer));
  return {
    ...path,
    passed: [...path.passed, ...passed],
    failing,
    ...(untold === undefined ? {} : { untold }),
  };
}
