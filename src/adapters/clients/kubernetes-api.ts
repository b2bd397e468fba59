import type * as Library from "@kubernetes/client-node";
import type { ConfigurationOptions, KubeConfig } from "@kubernetes/client-node";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import { belongs, type Pod, PodSchema, type Workload, WorkloadSchema } from "./kubernetes-shapes.ts";

type Change = { readonly metadata?: object; readonly spec?: object };

export type WorkloadApi = {
  read(): Promise<Workload>;
  /** Strategic merge patch, refused when the workload is not at `version` any more: then `false`. */
  patch(version: string, change: Change): Promise<boolean>;
  /** Pods of it that run or may still run: all but those that ended. */
  pods(workload: Workload): Promise<readonly Pod[]>;
};

type Loaded = typeof Library;
type Where = { readonly namespace: string; readonly workload: string; readonly context: string | undefined };

/** The longest that one call may take, in ms. */
const callMs = 30_000;

/**
 * Reaches it by the rules of kubectl: KUBECONFIG, `~/.kube/config`, or the service account of the pod that this runs
 * in. Each failure is `E_CLIENT_DRIVER` with the verb, the resource and Kubernetes' own reason.
 */
export async function openWorkload(where: Where, client: string): Promise<WorkloadApi> {
  // The library knows every resource there is: loaded only where it is needed.
  const library = await import("@kubernetes/client-node");
  const { namespace } = where;
  const [, kind, name = ""] = /^(deployment|statefulset)\/(.*)$/.exec(where.workload) ?? [];
  const config = loadConfig(new library.KubeConfig(), where.context, client);
  const core = config.makeApiClient(library.CoreV1Api);
  const calls = callsOf(kind === "statefulset" ? "statefulset" : "deployment", config, library);
  const resource = `${kind}s.apps "${name}"`;

  async function asked<T>(verb: string, what: string, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (cause) {
      const how = cause instanceof library.ApiException ? answerOf(cause.code, cause.body) : reasonOf(cause);
      const message = `${client}: cannot ${verb} ${what} in namespace ${namespace}: ${how}.`;
      throw new FerryError("E_CLIENT_DRIVER", message, { cause });
    }
  }

  return {
    read: async () => WorkloadSchema.parse(await asked("get", resource, calls.read({ name, namespace }))),
    async patch(version, change) {
      const body = { ...change, metadata: { ...change.metadata, resourceVersion: version } };
      const patched = calls.patch({ name, namespace, body }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof library.ApiException && error.code === 409) return false;
          throw error;
        },
      );
      return await asked("patch", resource, patched);
    },
    async pods({ selector }) {
      const call = core.listNamespacedPod({ namespace, labelSelector: selector }, bounded(library));
      const { items } = await asked("list", "pods", call);
      return PodSchema.array()
        .parse(items)
        .filter((pod) => !pod.ended && belongs(pod, kind, name));
    },
  };
}

type Named = { readonly name: string; readonly namespace: string };
type Calls = {
  read(param: Named): Promise<unknown>;
  patch(param: Named & { readonly body: object }): Promise<unknown>;
};

function callsOf(kind: "deployment" | "statefulset", config: KubeConfig, library: Loaded): Calls {
  const apps = config.makeApiClient(library.AppsV1Api);
  const { StrategicMergePatch } = library.PatchStrategy;
  const merging = () => library.setHeaderOptions("Content-Type", StrategicMergePatch, bounded(library));
  if (kind === "deployment") {
    return {
      read: (param) => apps.readNamespacedDeployment(param, bounded(library)),
      patch: (param) => apps.patchNamespacedDeployment(param, merging()),
    };
  }
  return {
    read: (param) => apps.readNamespacedStatefulSet(param, bounded(library)),
    patch: (param) => apps.patchNamespacedStatefulSet(param, merging()),
  };
}

/** Ends a late request itself: nothing that was given up is carried out later. */
function bounded({ Observable }: Loaded): ConfigurationOptions {
  return {
    middleware: [
      {
        pre(request) {
          request.setSignal(AbortSignal.timeout(callMs));
          return new Observable(Promise.resolve(request));
        },
        post: (response) => new Observable(Promise.resolve(response)),
      },
    ],
    middlewareMergeStrategy: "append",
  };
}

function loadConfig(config: KubeConfig, context: string | undefined, client: string): KubeConfig {
  try {
    config.loadFromDefault();
    if (context !== undefined) config.setCurrentContext(context);
  } catch (cause) {
    const how = `${client}: the kubeconfig cannot be read: ${reasonOf(cause)}.`;
    throw new FerryError("E_CLIENT_DRIVER", how, { cause });
  }
  // The library's last resort, which nobody who runs an API server means.
  if (config.getCurrentCluster() !== null && config.getCurrentContext() !== "loaded-context") return config;
  const known = config.contexts.map(({ name }) => name).join(", ");
  const named = context ?? config.getCurrentContext();
  const why =
    named === "loaded-context"
      ? "there is no kubeconfig (KUBECONFIG, ~/.kube/config) and no service account"
      : `the kubeconfig has no cluster for context "${named}"; it has ${known === "" ? "none" : known}`;
  throw new FerryError("E_CLIENT_DRIVER", `${client}: ${why}.`);
}

const Status = z.object({ message: z.string() });

/** What the API server says, without what the library puts around it. */
function answerOf(code: number, body: unknown): string {
  const message = Status.safeParse(parsed(body)).data?.message;
  return `${code}${message === undefined ? "" : ` ${message.slice(0, 500)}`}`;
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === "TimeoutError") return `no answer within ${callMs / 1000} s`;
  if (!(thrown.cause instanceof Error)) return thrown.message;
  const { cause } = thrown;
  const code = "code" in cause && typeof cause.code === "string" ? `${cause.code} ` : "";
  return `${code}${cause.message}`;
}
