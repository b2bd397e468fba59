import { z } from "zod";

/** One Deployment or StatefulSet and its pods, as far as a switch needs them. */
export type Workload = {
  readonly version: string;
  readonly replicas: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** Label selector in the form of a query. */
  readonly selector: string;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly containers: readonly Container[];
};

export type Container = {
  readonly name: string;
  readonly env: ReadonlyArray<{
    readonly name: string;
    readonly value: string | undefined;
    readonly from: boolean;
  }>;
};

export type Pod = {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly Container[];
  readonly ready: boolean;
  /** "Running, CrashLoopBackOff: back-off 5m0s restarting failed container". */
  readonly condition: string;
};

type Owned = {
  readonly labels: Readonly<Record<string, string>>;
  readonly controller: { readonly kind: string; readonly name: string } | undefined;
};

/** Another workload's pods may carry the same labels. One that nobody controls counts: it may be taken over. */
export function belongs({ controller, labels }: Owned, kind: string | undefined, name: string): boolean {
  if (controller === undefined) return true;
  if (kind === "statefulset") return controller.kind === "StatefulSet" && controller.name === name;
  return (
    controller.kind === "ReplicaSet" && controller.name === `${name}-${labels["pod-template-hash"] ?? ""}`
  );
}

const Words = z.record(z.string(), z.string()).default({});

const ContainerSchema = z
  .object({
    name: z.string(),
    env: z
      .array(z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() }))
      .default([]),
  })
  .transform(({ name, env }) => ({
    name,
    env: env.map(({ name, value, valueFrom }) => ({ name, value, from: valueFrom !== undefined })),
  }));

const Expression = z.object({
  key: z.string(),
  operator: z.string(),
  values: z.array(z.string()).default([]),
});

export const WorkloadSchema = z
  .object({
    metadata: z.object({ resourceVersion: z.string(), annotations: Words }),
    spec: z.object({
      replicas: z.int().default(1),
      selector: z.object({ matchLabels: Words, matchExpressions: z.array(Expression).default([]) }),
      template: z.object({
        metadata: z.object({ annotations: Words }).default({ annotations: {} }),
        spec: z.object({ containers: z.array(ContainerSchema) }),
      }),
    }),
  })
  .transform(
    ({ metadata, spec }): Workload => ({
      version: metadata.resourceVersion,
      replicas: spec.replicas,
      annotations: metadata.annotations,
      selector: queryOf(spec.selector),
      podAnnotations: spec.template.metadata.annotations,
      containers: spec.template.spec.containers,
    }),
  );

/** A label selector as the API takes it in a query. */
function queryOf(selector: {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: ReadonlyArray<z.infer<typeof Expression>>;
}): string {
  const expressions = selector.matchExpressions.map(({ key, operator, values }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
  });
  return [
    ...Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`),
    ...expressions,
  ].join(",");
}

const Waiting = z.object({
  state: z
    .object({
      waiting: z.object({ reason: z.string().default(""), message: z.string().default("") }).optional(),
    })
    .optional(),
});

export const PodSchema = z
  .object({
    metadata: z.object({
      name: z.string(),
      labels: Words,
      annotations: Words,
      deletionTimestamp: z.unknown().optional(),
      ownerReferences: z
        .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().default(false) }))
        .default([]),
    }),
    spec: z.object({ nodeName: z.string().optional(), containers: z.array(ContainerSchema) }),
    status: z
      .object({
        phase: z.string().default("Unknown"),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(Waiting).default([]),
      })
      .default({ phase: "Unknown", conditions: [], containerStatuses: [] }),
  })
  .transform(({ metadata, spec, status }) => {
    const terminating = metadata.deletionTimestamp !== undefined;
    const ready = status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
    const waits = status.containerStatuses.flatMap(({ state }) =>
      state?.waiting === undefined ? [] : [`${state.waiting.reason}: ${state.waiting.message}`.slice(0, 200)],
    );
    const where = terminating && spec.nodeName !== undefined ? [`terminating on ${spec.nodeName}`] : [];
    return {
      name: metadata.name,
      annotations: metadata.annotations,
      labels: metadata.labels,
      controller: metadata.ownerReferences.find(({ controller }) => controller),
      containers: spec.containers,
      ready: ready && !terminating,
      ended: status.phase === "Succeeded" || status.phase === "Failed",
      condition: [status.phase, ...where, ...waits].join(", "),
    };
  });
