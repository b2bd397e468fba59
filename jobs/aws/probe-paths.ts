import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Column, Part } from "#domain/message.ts";
import type { LayerAnswer, Prober } from "#domain/network.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import type { Work } from "#jobs/work.ts";

/** From here to both clusters, layer by layer, and where each path ends. */

const layers = ["DNS", "TCP", "TLS", "SASL", "authorization"] as const;
type Layer = (typeof layers)[number];

export type PathReport = {
  readonly cluster: "source" | "target";
  /** "kafka-1:9092"; of brokers that only the cluster names, "… (advertised)". */
  readonly endpoint: string;
  readonly passed: readonly Layer[];
  /** Layers that this path does not use. */
  readonly unused: readonly Layer[];
  readonly failing: { readonly layer: Layer; readonly why: string } | undefined;
};

const remedies: Readonly<Record<Layer, string>> = {
  DNS: "make the name resolvable from here: DNS resolution over the peering, a private hosted zone, or a resolver rule",
  TCP: "check the route tables, the security groups and the network ACLs of both sides for this port",
  TLS: "check the protocol in ferry.yaml and the certificate authority that signed the broker's certificate",
  SASL: "check mechanism, user and password, or the role of the bot",
  authorization: "grant the bot DESCRIBE on the cluster and its topics, by ACL or IAM policy",
};

/** Both clusters. A target that does not exist yet is no path: `absent` says so. */
export async function probePaths(
  work: Work,
): Promise<{ readonly paths: readonly PathReport[]; readonly absent: string | undefined }> {
  const source = await probeCluster(work.world.source, work.world.prober);
  try {
    const target = await probeCluster(await work.world.target(), work.world.prober);
    return { paths: [...source, ...target], absent: undefined };
  } catch (thrown) {
    if (thrown instanceof FerryError && thrown.code === "E_TARGET_ABSENT")
      return { paths: source, absent: thrown.message };
    throw thrown;
  }
}

async function probeCluster(cluster: KafkaCluster, prober: Prober): Promise<readonly PathReport[]> {
  const { access, role } = cluster;
  const bootstrap = await Promise.all(
    access.bootstrap.map((endpoint) => probeTransport(role, endpoint, access, prober)),
  );
  if (bootstrap.every(({ failing }) => failing !== undefined)) return bootstrap;
  const kafka = await probeKafka(cluster);
  const reached = bootstrap.map((path) => (path.failing === undefined ? withKafka(path, kafka) : path));
  const others = kafka.brokers.filter((endpoint) => !access.bootstrap.includes(endpoint));
  const advertised = await Promise.all(
    others.map(async (endpoint) => {
      const path = await probeTransport(role, endpoint, access, prober);
      return { ...path, endpoint: `${endpoint} (advertised)` };
    }),
  );
  return [...reached, ...advertised];
}

async function probeTransport(
  cluster: "source" | "target",
  endpoint: string,
  access: ClusterAccess,
  prober: Prober,
): Promise<PathReport> {
  const [host, port] = split(endpoint);
  const encrypted = access.protocol === "SSL" || access.protocol === "SASL_SSL";
  const asked: ReadonlyArray<readonly [Layer, () => Promise<LayerAnswer>]> = [
    ["DNS", () => prober.resolve(host)],
    ["TCP", () => prober.connect(host, port)],
    ...(encrypted ? ([["TLS", () => prober.handshake(host, port, access.ca)]] as const) : []),
  ];
  const unused: Layer[] = [
    ...(encrypted ? [] : (["TLS"] as const)),
    ...(access.sasl === undefined ? (["SASL"] as const) : []),
  ];
  const passed: Layer[] = [];
  for (const [layer, ask] of asked) {
    const answer = await ask();
    if (!answer.ok) return { cluster, endpoint, passed, unused, failing: { layer, why: answer.why } };
    passed.push(layer);
  }
  return { cluster, endpoint, passed, unused, failing: undefined };
}

function split(endpoint: string): readonly [string, number] {
  const at = endpoint.lastIndexOf(":");
  return [endpoint.slice(0, at).replace(/^\[|\]$/g, ""), Number(endpoint.slice(at + 1))];
}

type KafkaAnswer = { readonly brokers: readonly string[]; readonly failing: PathReport["failing"] };

/** Kafka hides topics from those who may not see them: an answer proves the connection and the right to ask. */
async function probeKafka(cluster: KafkaCluster): Promise<KafkaAnswer> {
  try {
    const { brokers } = await cluster.describe();
    await cluster.listTopics();
    return { brokers: brokers.map(({ host, port }) => `${host}:${port}`), failing: undefined };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    const authorized = cluster.access.sasl === undefined || message.includes("AUTHORIZATION");
    return {
      brokers: [],
      failing: { layer: authorized ? "authorization" : "SASL", why: `${code} ${message}` },
    };
  }
}

function withKafka(path: PathReport, { failing }: KafkaAnswer): PathReport {
  const above: readonly Layer[] = path.unused.includes("SASL")
    ? ["authorization"]
    : ["SASL", "authorization"];
  const passed = failing === undefined ? above : above.slice(0, above.indexOf(failing.layer));
  return { ...path, passed: [...path.passed, ...passed], failing };
}

/** A line per path with its layers, and under it what to do about each that ends early. */
export function pathParts(paths: readonly PathReport[], absent: string | undefined): readonly Part[] {
  const failing = paths.flatMap(({ endpoint, failing }) =>
    failing === undefined ? [] : [{ endpoint, ...failing }],
  );
  return [
    {
      kind: "table",
      columns: [left("to"), left("broker"), ...layers.map(left)],
      rows: paths.map((path) => [path.cluster, path.endpoint, ...layers.map((layer) => cell(path, layer))]),
    },
    ...(failing.length === 0
      ? []
      : [
          {
            kind: "checks" as const,
            title: "First failing layer",
            items: failing.map(({ endpoint, layer, why }) => ({
              state: "fail" as const,
              text: `${endpoint}: ${layer}, ${why} → ${remedies[layer]}`,
            })),
          },
        ]),
    ...(absent === undefined
      ? []
      : [{ kind: "note" as const, text: `The path to MSK was not probed: ${absent}` }]),
  ];
}

function left(title: string): Column {
  return { title, align: "left" };
}

function cell({ passed, unused, failing }: PathReport, layer: Layer): string {
  if (failing?.layer === layer) return "fails";
  if (passed.includes(layer)) return "ok";
  if (unused.includes(layer)) return "not used";
  return failing === undefined ? "not asked" : "not reached";
}
