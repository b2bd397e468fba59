import type { TestProject } from "vitest/node";
import { type Clusters, startClusters } from "#lab/cluster.ts";
import type { LabSecurity } from "#lab/kafka.ts";

export interface ProvidedBroker {
  /** PLAINTEXT; the principal is `User:ANONYMOUS`. */
  readonly bootstrap: string;
  /** A super user where there is an authorizer. */
  readonly admin: { readonly bootstrap: string; readonly security: LabSecurity };
  readonly clusterId: string;
  readonly version: string;
}

export interface ProvidedClusters {
  /** Kafka 3.9 with an authorizer. */
  readonly source: ProvidedBroker;
  /** Kafka 4.1 without one. */
  readonly target: ProvidedBroker;
  readonly connect: { readonly url: string; readonly version: string; readonly offsetTopic: string };
  readonly redis: { readonly url: string; readonly version: string };
}

declare module "vitest" {
  interface ProvidedContext {
    /** `inject("clusters")`: one lab for all real tests; names made with `unique` keep them apart. */
    clusters: ProvidedClusters;
  }
}

let clusters: Clusters | undefined;

/** Vitest calls it once before the tests of the project "real". */
export async function setup(project: TestProject): Promise<void> {
  clusters = await startClusters({ log: (line) => void process.stderr.write(`lab: ${line}\n`) });
  const { source, target, connect, redis } = clusters;
  project.provide("clusters", {
    source: provided(source),
    target: provided(target),
    connect: { url: connect.url, version: connect.version, offsetTopic: connect.offsetTopic },
    redis: { url: redis.url, version: redis.version },
  });
}

/** Vitest calls it once after them. */
export async function teardown(): Promise<void> {
  await clusters?.stop();
}

function provided({ bootstrap, admin, clusterId, version }: ProvidedBroker): ProvidedBroker {
  return { bootstrap, admin, clusterId, version };
}
