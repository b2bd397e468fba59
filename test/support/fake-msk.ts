import { FerryError } from "#domain/errors.ts";
import { recordedVersions } from "#domain/msk/data.ts";
import { checkCluster, violationText } from "#domain/msk/rules.ts";
import type { Msk, MskCluster, MskConfiguration, OperationState, StorageScaling } from "#domain/msk.ts";
import { createFakeDisks } from "./fake-disks.ts";
import { arn, created, plain } from "./fake-msk-cluster.ts";
import { createFakeScaling } from "./fake-storage-scaling.ts";

const minute = 60_000;

type Held = {
  cluster: MskCluster;
  /** When what is under way ends, and what the cluster is then. */
  next:
    | { readonly at: number; readonly cluster: MskCluster; readonly operation: string | undefined }
    | undefined;
  readonly secrets: string[];
};

type State = {
  readonly now: () => number;
  readonly clusters: Map<string, Held>;
  /** The newest revision by name. */
  readonly configurations: Map<string, MskConfiguration>;
  /** By ARN and number. */
  readonly revisions: Map<string, MskConfiguration>;
  readonly operations: Map<string, OperationState>;
  readonly script: Script;
};

/** What a test may set: `onCall` is called around every call, and what it throws, the caller gets. */
type Script = {
  onCall: (call: string, phase: "before" | "after") => void;
  /** The next creation or update ends in failure, with this reason. */
  failNext: string | undefined;
};

/** MSK in memory on a test's clock: creation takes 30 minutes, an update 15, one at a time. */
export type FakeMsk = {
  readonly msk: Msk;
  readonly script: Script;
  /** Names of the changing calls that were carried out. */
  readonly changes: readonly string[];
  readonly clusters: () => readonly MskCluster[];
  readonly configurations: () => readonly MskConfiguration[];
  /** Puts a cluster there that somebody else made. */
  put(cluster: Partial<MskCluster> & { readonly name: string }): MskCluster;
  /** What a broker says of its volume. */
  fill(cluster: string, broker: number, percent: number): void;
  /** Somebody registers storage auto scaling by hand. */
  scale(clusterArn: string, found: Partial<StorageScaling>): void;
  /** Somebody deletes it by hand. */
  remove(name: string): void;
  /** A configuration that somebody else made. */
  configure(configuration: Partial<MskConfiguration> & { readonly name: string }): MskConfiguration;
};

export function createFakeMsk(clock: { now(): number }): FakeMsk {
  const disks = createFakeDisks();
  const changes: string[] = [];
  const state: State = {
    now: () => clock.now(),
    clusters: new Map(),
    configurations: new Map(),
    revisions: new Map(),
    operations: new Map(),
    script: { onCall: () => {}, failNext: undefined },
  };
  const call: Call = async (name, carryOut) => {
    state.script.onCall(name, "before");
    for (const held of state.clusters.values()) settle(held, state);
    const result = carryOut();
    if (/^(create|revise|associate|update|register|put)/.test(name)) changes.push(name);
    state.script.onCall(name, "after");
    return result;
  };
  const scaling = createFakeScaling((clusterArn) => heldBy(state, clusterArn).cluster, call);
  return {
    msk: {
      ...reading(state, call),
      ...creating(state, call),
      ...updating(state, call),
      ...scaling.methods,
      diskUsed: (cluster) => call("diskUsed", () => disks.used(cluster)),
    },
    script: state.script,
    changes,
    clusters: () => [...state.clusters.values()].map(({ cluster }) => cluster),
    configurations: () => [...state.configurations.values()],
    put: (given) => {
      const cluster = { ...plain(given.name, state.now()), ...given };
      state.clusters.set(cluster.name, { cluster, next: undefined, secrets: [] });
      return cluster;
    },
    fill: (cluster, broker, percent) => disks.fill(cluster, broker, percent),
    scale: (clusterArn, found) => scaling.put(clusterArn, found),
    remove: (name) => void state.clusters.delete(name),
    configure: ({ name, ...given }) => {
      const made = {
        arn: `${arn}:configuration/${name}/1`,
        revision: 1,
        properties: "",
        description: "",
        ...given,
      };
      state.configurations.set(name, made);
      state.revisions.set(`${made.arn} ${made.revision}`, made);
      return made;
    },
  };
}

type Call = <T>(name: string, carryOut: () => T) => Promise<T>;

function settle(held: Held, { now, operations }: State): void {
  if (held.next === undefined || now() < held.next.at) return;
  const { cluster, operation } = held.next;
  held.cluster = cluster;
  held.next = undefined;
  const ended = operation === undefined ? undefined : operations.get(`${operation}/end`);
  if (operation !== undefined && ended !== undefined) operations.set(operation, ended);
}

function refused(sentence: string): FerryError {
  return new FerryError("E_AWS_REFUSED", sentence);
}

function heldBy(state: State, clusterArn: string): Held {
  const found = [...state.clusters.values()].find(({ cluster }) => cluster.arn === clusterArn);
  if (found === undefined) throw refused("The cluster does not exist.");
  return found;
}

function reading(
  state: State,
  call: Call,
): Pick<
  Msk,
  | "versions"
  | "findCluster"
  | "describeCluster"
  | "findConfiguration"
  | "describeConfiguration"
  | "scramSecrets"
  | "bootstrap"
  | "operation"
> {
  return {
    versions: () =>
      call("versions", () => [...new Set([...recordedVersions.standard, ...recordedVersions.express])]),
    findCluster: (name) => call("findCluster", () => state.clusters.get(name)?.cluster),
    describeCluster: (arn) =>
      call("describeCluster", () => {
        const found = [...state.clusters.values()].find(({ cluster }) => cluster.arn === arn);
        if (found !== undefined) return found.cluster;
        throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${arn}.`);
      }),
    findConfiguration: (name) => call("findConfiguration", () => state.configurations.get(name)),
    describeConfiguration: (arn, revision) =>
      call("describeConfiguration", () => {
        const found = state.revisions.get(`${arn} ${revision}`);
        if (found === undefined) throw refused("The configuration revision does not exist.");
        return found;
      }),
    scramSecrets: (arn) => call("scramSecrets", () => [...heldBy(state, arn).secrets]),
    bootstrap: (arn, auth, transit) =>
      call("bootstrap", () => {
        const { cluster } = heldBy(state, arn);
        if (cluster.state === "CREATING") throw refused("The cluster is CREATING.");
        const offered = auth === "unauthenticated" && transit !== "tls" ? cluster.transit !== "tls" : true;
        return cluster.auth.includes(auth) && offered ? [`b-1.${cluster.name}:9098`] : undefined;
      }),
    operation: (arn) =>
      call("operation", () => {
        const found = state.operations.get(arn);
        if (found === undefined) throw refused("The cluster operation does not exist.");
        return found;
      }),
  };
}

function creating(
  state: State,
  call: Call,
): Pick<Msk, "createConfiguration" | "reviseConfiguration" | "createCluster" | "associateScram"> {
  const { configurations, clusters } = state;
  return {
    createConfiguration: ({ name, properties, description }) =>
      call("createConfiguration", () => {
        const made = configurations.get(name) ?? {
          arn: `${arn}:configuration/${name}/1`,
          revision: 1,
          properties,
          description,
        };
        state.revisions.set(`${made.arn} ${made.revision}`, made);
        configurations.set(name, made);
        return made;
      }),
    reviseConfiguration: (arn, description, properties) =>
      call("reviseConfiguration", () => {
        const [name, found] = [...configurations].find(([, each]) => each.arn === arn) ?? [];
        if (name === undefined || found === undefined) throw refused("The configuration does not exist.");
        const next = { ...found, revision: found.revision + 1, properties, description };
        configurations.set(name, next);
        state.revisions.set(`${arn} ${next.revision}`, next);
        return next;
      }),
    createCluster: (request, configuration) =>
      call("createCluster", () => {
        const existing = clusters.get(request.name);
        if (existing !== undefined) return existing.cluster.arn;
        const [violation] = checkCluster(request, [...recordedVersions.standard], request.subnets.length);
        if (violation !== undefined) throw refused(violationText(violation));
        const cluster = created(request, configuration, state.now());
        clusters.set(request.name, { cluster, next: ending(state, cluster, 30), secrets: [] });
        return cluster.arn;
      }),
    associateScram: (arn, secrets) =>
      call("associateScram", () => {
        const held = heldBy(state, arn);
        const right = secrets.filter((secret) => secret.includes(":secret:AmazonMSK_"));
        held.secrets.push(...right.filter((secret) => !held.secrets.includes(secret)));
        const wrong = secrets.filter((secret) => !right.includes(secret));
        if (wrong.length === 0) return;
        const why = "Secret names must have the prefix 'AmazonMSK_'";
        throw refused(wrong.map((secret) => `Secret ${secret}: ${why}`).join(" "));
      }),
  };
}

/** The end of a creation. */
function ending(state: State, cluster: MskCluster, minutes: number): Held["next"] {
  const reason = state.script.failNext;
  state.script.failNext = undefined;
  const after: MskCluster =
    reason === undefined ? { ...cluster, state: "ACTIVE" } : { ...cluster, state: "FAILED", reason };
  return { at: state.now() + minutes * minute, cluster: after, operation: undefined };
}

function updating(state: State, call: Call): Pick<Msk, "updateStorage" | "updateMonitoring"> {
  return {
    updateStorage: ({ arn, currentVersion }, volumeGiB) =>
      call("updateStorage", () => {
        const held = heldBy(state, arn);
        const { volumeGiB: before = 0 } = held.cluster;
        if (volumeGiB < before) throw refused("You can't decrease the volume size of a broker.");
        if (volumeGiB === before)
          throw refused("The request does not include any updates to the EBS volumes.");
        return startUpdate(state, held, currentVersion, { volumeGiB });
      }),
    updateMonitoring: ({ arn, currentVersion }, monitoring) =>
      call("updateMonitoring", () => startUpdate(state, heldBy(state, arn), currentVersion, { monitoring })),
  };
}

function startUpdate(state: State, held: Held, version: string, change: Partial<MskCluster>): string {
  const { cluster } = held;
  if (cluster.state !== "ACTIVE") throw refused("The cluster is not ACTIVE.");
  if (cluster.currentVersion !== version) throw refused("The version of the cluster isn’t current.");
  const operation = `${cluster.arn.replace(":cluster/", ":cluster-operation/")}/${state.operations.size}`;
  const reason = state.script.failNext;
  state.script.failNext = undefined;
  state.operations.set(operation, { state: "UPDATE_IN_PROGRESS" });
  state.operations.set(
    `${operation}/end`,
    reason === undefined ? { state: "UPDATE_COMPLETE" } : { state: "UPDATE_FAILED", reason },
  );
  const currentVersion = `${cluster.currentVersion}x`;
  const after = { ...cluster, currentVersion, ...(reason === undefined ? change : {}) };
  held.next = { at: state.now() + 15 * minute, cluster: after, operation };
  held.cluster = { ...cluster, state: "UPDATING" };
  return operation;
}
