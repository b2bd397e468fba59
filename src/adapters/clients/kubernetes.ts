import { FerryError } from "#domain/errors.ts";
import type { ClientDriver, ClientPlace, Clock, Log } from "#domain/ports.ts";
import type { Client, SwitchDriver } from "#domain/settings.ts";
import { type ClusterAccess, type Known, known, unknown } from "#domain/topology.ts";
import { openWorkload, type WorkloadApi } from "./kubernetes-api.ts";
import type { Container, Pod, Workload } from "./kubernetes-shapes.ts";

type KubernetesSettings = Extract<SwitchDriver, { driver: "kubernetes" }>;
type Cluster = "source" | "target";
type Around = { readonly clock: Clock; readonly log: Log };

/** What the driver leaves on a workload, and on its pods where `place` and `bootstrap` say what they were started with. */
const notes = {
  replicas: "msk-ferry/replicas",
  request: "msk-ferry/request",
  place: "msk-ferry/place",
  bootstrap: "msk-ferry/bootstrap",
} as const;

/**
 * Stops a Deployment or StatefulSet by scaling it to 0 until no pod of it is left, and starts it with the environment
 * of the other cluster until its pods are ready. Both read the workload first and do only what is missing; a pod of one
 * cluster never runs beside one of the other, whatever the update strategy. Where it runs is what its pods run with.
 * Fails with `E_CLIENT_DRIVER` and Kubernetes' own reason. `applications` tells the two clusters' addresses, for pods
 * that it has not started itself.
 */
export function createKubernetesDriver(
  client: Client,
  settings: KubernetesSettings,
  applications: Applications,
  { clock, log }: Around,
): ClientDriver {
  const { namespace, workload, context } = settings;

  async function open(): Promise<Switch> {
    const api = await openWorkload({ namespace, workload, context }, client.name);
    return { api, settings, clock, client: client.name, deadline: clock.now() + settings.timeout };
  }

  return {
    async stop(request) {
      log.info({ client: client.name, action: "stop", workload, request }, "switching a workload");
      await scaleDown(await open(), request);
    },
    async start(place, access, request) {
      log.info({ client: client.name, action: "start", workload, request }, "switching a workload");
      const wanted = { place, request, env: environmentOf(settings.environment, place, access) };
      await scaleUp(await open(), wanted);
    },
    status: async () => await statusOf(await open(), applications),
  };
}

type Applications = (place: Cluster) => Promise<ClusterAccess>;

/** One stop, start or question. */
type Switch = {
  readonly api: WorkloadApi;
  readonly settings: KubernetesSettings;
  readonly clock: Clock;
  readonly client: string;
  readonly deadline: number;
};

type Wanted = { readonly place: Cluster; readonly request: string; readonly env: readonly Variable[] };

function failed({ client, settings }: Switch, what: string): FerryError {
  const where = `${settings.workload} in namespace ${settings.namespace}`;
  return new FerryError("E_CLIENT_DRIVER", `${client}: ${where} ${what}.`);
}

const conflict = "keeps being changed by somebody else (409 Conflict)";

/** Repeats `check` until it says that nothing is missing. */
async function until(run: Switch, check: () => Promise<string | undefined>): Promise<void> {
  const { clock, deadline, settings } = run;
  for (;;) {
    const missing = await check();
    if (missing === undefined) return;
    if (clock.now() + settings.poll > deadline) {
      throw failed(run, `${missing}, after ${settings.timeout / 1000} s`);
    }
    await clock.sleep(settings.poll);
  }
}

/** Scales it to 0, remembering what it had, and waits until its pods are gone. */
async function scaleDown(run: Switch, request: string): Promise<void> {
  await until(run, async () => {
    const { replicas, version } = await run.api.read();
    if (replicas === 0) return undefined;
    const annotations = { [notes.replicas]: String(replicas), [notes.request]: request };
    const patched = await run.api.patch(version, { metadata: { annotations }, spec: { replicas: 0 } });
    return patched ? undefined : conflict;
  });
  await untilGone(run, () => false);
}

async function untilGone(run: Switch, mayStay: (pod: Pod) => boolean): Promise<void> {
  await until(run, async () => {
    const pods = await run.api.pods(await run.api.read());
    const left = pods.filter((pod) => !mayStay(pod));
    return left.length === 0 ? undefined : `still has ${listed(left)}`;
  });
}

async function scaleUp(run: Switch, wanted: Wanted): Promise<void> {
  const { api } = run;
  const ours = (pod: Pod) => isPrepared(pod.annotations, containerOf(run, pod.containers), wanted);
  const before = await api.read();
  const prepared = isPrepared(before.podAnnotations, containerOf(run, before.containers), wanted);
  // Changed while it runs, it would be rolled over: old pods beside new ones.
  if (before.replicas > 0 && !prepared) await scaleDown(run, wanted.request);
  await untilGone(run, ours);
  await until(run, async () => {
    const workload = await api.read();
    const replicas = replicasOf(run, workload);
    const change = changeOf(workload, containerOf(run, workload.containers), replicas, wanted);
    if (change === undefined) return undefined;
    return (await api.patch(workload.version, change)) ? undefined : conflict;
  });
  await until(run, async () => {
    const workload = await api.read();
    const pods = await api.pods(workload);
    const others = pods.filter((pod) => !ours(pod));
    // A partition of a StatefulSet's update starts pods as they were before.
    if (others.length > 0) return `has pods that do not run with the ${wanted.place}: ${listed(others)}`;
    const ready = pods.filter((pod) => pod.ready).length;
    const enough = ready >= Math.max(1, workload.replicas);
    return enough ? undefined : `has ${ready} of ${workload.replicas} pods ready, of ${listed(pods)}`;
  });
}

function containerOf(run: Switch, containers: readonly Container[]): Container {
  const { container: wanted } = run.settings;
  const [only, ...others] = containers;
  const found =
    wanted === undefined && others.length === 0 ? only : containers.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = containers.map(({ name }) => name).join(", ");
  const what = `has the containers ${names}`;
  throw failed(
    run,
    wanted === undefined ? `${what}: switch.container must name one` : `${what}, not ${wanted}`,
  );
}

function replicasOf(run: Switch, { annotations, replicas }: Workload): number {
  if (replicas > 0) return replicas;
  const remembered = run.settings.replicas ?? Number(annotations[notes.replicas] ?? Number.NaN);
  if (Number.isSafeInteger(remembered) && remembered > 0) return remembered;
  throw failed(run, `has 0 replicas and no annotation ${notes.replicas}: switch.replicas must say how many`);
}

function isPrepared(annotations: Annotations, container: Container, { place, env }: Wanted): boolean {
  return annotations[notes.place] === place && missingEnv(container, env).length === 0;
}

/** What the workload lacks; nothing when the same request has done it all. */
function changeOf(workload: Workload, container: Container, replicas: number, wanted: Wanted) {
  const { place, request, env } = wanted;
  const noted = workload.annotations[notes.request] === request;
  const prepared = isPrepared(workload.podAnnotations, container, wanted);
  if (noted && prepared && workload.replicas === replicas) return undefined;
  const metadata = { annotations: { [notes.request]: request, [notes.place]: place } };
  if (prepared) return { metadata, spec: { replicas } };
  const bootstrap = env[0]?.value ?? "";
  const template = {
    metadata: { annotations: { [notes.place]: place, [notes.bootstrap]: bootstrap } },
    spec: { containers: [{ name: container.name, env: missingEnv(container, env) }] },
  };
  return { metadata, spec: { replicas, template } };
}

async function statusOf(run: Switch, applications: Applications): Promise<Known<ClientPlace>> {
  const { api, settings } = run;
  const workload = await api.read();
  const pods = await api.pods(workload);
  const [first] = pods;
  if (first === undefined) {
    if (workload.replicas === 0) return known("stopped");
    return unknown(`${settings.workload} wants ${workload.replicas} pods and has none`);
  }
  const places = await Promise.all(pods.map((pod) => placeOf(run, pod, applications)));
  const lost = places.find((place) => !place.known);
  if (lost !== undefined) return lost;
  const [place = unknown("no pod")] = places;
  const one = places.every((other) => other.known && place.known && other.value === place.value);
  return one ? place : unknown(`${settings.workload} has pods on both clusters: ${listed(pods)}`);
}

async function placeOf(run: Switch, pod: Pod, applications: Applications): Promise<Known<Cluster>> {
  const { bootstrap: variable } = run.settings.environment;
  const found = containerOf(run, pod.containers).env.find(({ name }) => name === variable);
  if (found?.value === undefined) {
    return unknown(`${pod.name} has ${found?.from === true ? "no plain value for" : "no"} ${variable}`);
  }
  const { [notes.place]: noted, [notes.bootstrap]: startedWith } = pod.annotations;
  if ((noted === "source" || noted === "target") && startedWith === found.value) return known(noted);
  return await placeOfBrokers(found.value, `${pod.name} runs with ${variable}=${found.value}`, applications);
}

/** The cluster that has one of these brokers. */
async function placeOfBrokers(
  bootstrap: string,
  what: string,
  applications: Applications,
): Promise<Known<Cluster>> {
  const brokers = new Set(bootstrap.split(",").map((broker) => broker.trim()));
  const has = async (place: Cluster) =>
    (await applications(place).catch(() => undefined))?.bootstrap.some((broker) => brokers.has(broker)) ===
    true;
  const [source, target] = await Promise.all([has("source"), has("target")]);
  if (source === target) return unknown(`${what}, ${source ? "both clusters'" : "neither cluster's"}`);
  return known(source ? "source" : "target");
}

type Annotations = Readonly<Record<string, string>>;
type Variable = { readonly name: string; readonly value: string };

function environmentOf(
  names: KubernetesSettings["environment"],
  place: Cluster,
  { bootstrap, protocol, sasl }: ClusterAccess,
): readonly Variable[] {
  const username = sasl !== undefined && "username" in sasl ? sasl.username : undefined;
  const values = {
    bootstrap: bootstrap.join(","),
    security: protocol,
    mechanism: sasl?.mechanism ?? "",
    username: username ?? "",
    cluster: place,
  };
  return [
    { name: names.bootstrap, value: values.bootstrap },
    ...named(names.security, values.security),
    ...named(names.mechanism, values.mechanism),
    ...named(names.username, values.username),
    ...named(names.cluster, values.cluster),
  ];
}

function named(name: string | undefined, value: string): readonly Variable[] {
  return name === undefined ? [] : [{ name, value }];
}

/** Merged by name with what is there; a value that came from elsewhere is taken away, as both together are refused. */
function missingEnv(
  container: Container,
  wanted: readonly Variable[],
): ReadonlyArray<Variable & { valueFrom?: null }> {
  return wanted.flatMap(({ name, value }) => {
    const now = container.env.find((variable) => variable.name === name);
    if (now !== undefined && !now.from && (now.value ?? "") === value) return [];
    return [{ name, value, ...(now?.from === true && { valueFrom: null }) }];
  });
}

/** "2 pods: app-1 (Running), app-2 (Pending, …)", at most five of them. */
function listed(pods: readonly Pod[]): string {
  const shown = pods.slice(0, 5).map(({ name, condition }) => `${name} (${condition})`);
  const more = pods.length > shown.length ? `, and ${pods.length - shown.length} more` : "";
  return `${pods.length} pod${pods.length === 1 ? "" : "s"}${shown.length === 0 ? "" : `: ${shown.join(", ")}`}${more}`;
}
