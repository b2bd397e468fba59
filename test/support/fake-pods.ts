import { createHash } from "node:crypto";

export type EnvVariable = { readonly name: string; readonly value?: string; readonly valueFrom?: object };

export type PodTemplate = {
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: ReadonlyArray<{ readonly name: string; readonly env: readonly EnvVariable[] }>;
};

type Workload = { readonly replicas: number; readonly template: PodTemplate };

type FakePod = {
  readonly name: string;
  readonly template: PodTemplate;
  readonly hash: string;
  /** Steps since it was made. */
  age: number;
  /** Steps since it was told to end. */
  ending: number | undefined;
};

/** The controller of a Deployment or StatefulSet with its pods, which take steps to become ready and to end. */
export type FakePods = {
  /** What the controller does next. */
  step(): void;
  /** Steps until nothing changes any more. */
  settle(): void;
  list(): readonly object[];
  /** Values of a variable among the pods that were alive together, one entry per step, sorted. */
  together(variable: string): ReadonlyArray<readonly string[]>;
  /** Steps from being told to end to being gone. */
  endAfter(steps: number): void;
  /** Pods that are made from now on do not become ready, and say why. */
  crash(reason: string | undefined): void;
  /** A pod with the same labels that belongs to another workload, or one that ended. */
  addStranger(stranger: "other-owner" | "ended"): void;
};

export function createFakePods(kind: "deployment" | "statefulset", workload: () => Workload): FakePods {
  let pods: readonly FakePod[] = [];
  let strangers: readonly object[] = [];
  let made = 0;
  let endSteps = 2;
  let crashing: string | undefined;
  const history: PodTemplate[][] = [];

  function make(template: PodTemplate, hash: string): FakePod {
    made += 1;
    const name = kind === "deployment" ? `billing-${hash}-${made}` : `billing-${made}`;
    return { name, template, hash, age: 0, ending: undefined };
  }

  /** One step: what ends goes, surplus is told to end, what lacks is made; a changed template rolls over. */
  function step(): void {
    const { replicas, template } = workload();
    const hash = hashOf(template);
    for (const pod of pods) {
      pod.age += 1;
      if (pod.ending !== undefined) pod.ending += 1;
    }
    pods = pods.filter(({ ending }) => ending === undefined || ending < endSteps);
    const staying = pods.filter(({ ending }) => ending === undefined);
    const current = staying.filter((pod) => pod.hash === hash);
    const old = staying.filter((pod) => pod.hash !== hash);
    const surplus = [...old.slice(0, Math.max(0, staying.length - replicas)), ...current.slice(replicas)];
    for (const pod of surplus) pod.ending = 0;
    const lacking = Math.max(0, replicas - current.length);
    pods = [...pods, ...Array.from({ length: lacking }, () => make(template, hash))];
    history.push(pods.map((pod) => pod.template));
  }

  function described(pod: FakePod): object {
    const ready = pod.age > 0 && crashing === undefined;
    const waiting = crashing === undefined ? {} : { waiting: { reason: crashing, message: "back-off 5m0s" } };
    const set =
      kind === "deployment"
        ? { kind: "ReplicaSet", name: `billing-${pod.hash}` }
        : { kind: "StatefulSet", name: "billing" };
    return {
      metadata: {
        name: pod.name,
        labels: { app: "billing", ...(kind === "deployment" && { "pod-template-hash": pod.hash }) },
        annotations: pod.template.annotations,
        ...(pod.ending !== undefined && { deletionTimestamp: "2026-11-23T00:00:00Z" }),
        ownerReferences: [{ ...set, apiVersion: "apps/v1", uid: "1", controller: true }],
      },
      spec: { nodeName: "node-1", containers: pod.template.containers },
      status: {
        phase: pod.age > 0 ? "Running" : "Pending",
        conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
        containerStatuses: [{ name: "app", state: waiting }],
      },
    };
  }

  return {
    step,
    settle() {
      for (let steps = 0; steps < 10; steps += 1) step();
      history.length = 0;
    },
    list: () => [...pods.map(described), ...strangers],
    together: (variable) =>
      history.map((templates) => {
        const values = templates
          .flatMap(({ containers }) => containers.flatMap(({ env }) => env))
          .flatMap(({ name, value }) => (name === variable && value !== undefined ? [value] : []));
        return [...new Set(values)].sort();
      }),
    endAfter(steps) {
      endSteps = steps;
    },
    crash(reason) {
      crashing = reason;
    },
    addStranger(stranger) {
      const owner = {
        kind: "Job",
        name: "billing-nightly",
        apiVersion: "batch/v1",
        uid: "2",
        controller: true,
      };
      const metadata = { name: `billing-${stranger}`, labels: { app: "billing" } };
      const spec = { containers: [{ name: "app" }] };
      const pod =
        stranger === "ended"
          ? { metadata, spec, status: { phase: "Failed" } }
          : { metadata: { ...metadata, ownerReferences: [owner] }, spec, status: { phase: "Running" } };
      strangers = [...strangers, pod];
    },
  };
}

/** The controller's name for one template. */
function hashOf(template: PodTemplate): string {
  return createHash("sha256").update(JSON.stringify(template)).digest("hex").slice(0, 9);
}
