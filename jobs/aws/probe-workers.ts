import { asFerryError } from "#domain/errors.ts";
import { whyFailed } from "#domain/mirror/task-trace.ts";
import { type Layer, layerOfTrace, layers, type PathReport } from "#domain/network/path-layers.ts";
import type { FlowStatus } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { ownFlows } from "#jobs/mirror/own-flows.ts";
import type { Work } from "#jobs/work.ts";

type Ways = Readonly<Record<PathReport["cluster"], ClusterAccess | undefined>>;

/**
 * From what runs the mirrors to both clusters. Nothing can be run on Connect's workers, and Connect opens no connection
 * before there is a connector: a mirror's tasks are the proof. Until the first one runs the way is not told.
 */
export async function workerPaths(ways: Ways, work: Work): Promise<readonly PathReport[]> {
  const seen = await mirrors(work);
  return (["source", "target"] as const).flatMap((cluster) => {
    const access = ways[cluster];
    return access === undefined ? [] : [pathOf(cluster, access, seen, ways)];
  });
}

type Seen = { readonly engine: string; readonly flows: readonly FlowStatus[] | string };

async function mirrors(work: Work): Promise<Seen> {
  const { engine: kind } = work.migration.settings.replication;
  try {
    const engine = await work.world.engine();
    const { version } = await engine.check();
    return { engine: `${kind} ${version}`, flows: await ownFlows(engine, work) };
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return { engine: kind, flows: `${code} ${message}` };
  }
}

function pathOf(
  cluster: PathReport["cluster"],
  access: ClusterAccess,
  { engine, flows }: Seen,
  ways: Ways,
): PathReport {
  const unused = unusedLayers(access);
  const path = { cluster, from: "workers", endpoint: engine, advertised: false, unused } as const;
  const untold = (why: string): PathReport => ({ ...path, passed: [], failing: undefined, untold: why });
  if (typeof flows === "string") return untold(flows);
  const tasks = flows.flatMap((flow) => flow.tasks);
  const failed = tasks.find(({ trace }) => trace !== undefined && layerOfTrace(trace) !== undefined);
  const trace = failed?.trace;
  if (trace !== undefined) {
    const why = whyFailed(trace);
    if (whose(trace, ways) !== cluster) return untold(`a task failed: ${why}`);
    return broken(path, layerOfTrace(trace), why);
  }
  if (!tasks.some(({ state }) => state === "RUNNING")) {
    return untold("no mirror runs yet: its first task will tell (`/ferry replicate start`, then this again)");
  }
  return { ...path, passed: layers.filter((layer) => !unused.includes(layer)), failing: undefined };
}

type Path = Omit<PathReport, "passed" | "failing">;

function broken(path: Path, layer: Layer | undefined, why: string): PathReport {
  if (layer === undefined) return { ...path, passed: [], failing: undefined, untold: why };
  const below = layers.slice(0, layers.indexOf(layer));
  return { ...path, passed: below.filter((each) => !path.unused.includes(each)), failing: { layer, why } };
}

/** The only cluster of which the trace names a broker. */
function whose(trace: string, ways: Ways): PathReport["cluster"] | undefined {
  const named = (["source", "target"] as const).filter((cluster) =>
    ways[cluster]?.bootstrap.some((address) => trace.includes(address)),
  );
  return named.length === 1 ? named[0] : undefined;
}

/** Layers that this access does without. */
export function unusedLayers({ protocol, sasl }: ClusterAccess): readonly Layer[] {
  const encrypted = protocol === "SSL" || protocol === "SASL_SSL";
  return [...(encrypted ? [] : ["TLS" as const]), ...(sasl === undefined ? ["SASL" as const] : [])];
}
