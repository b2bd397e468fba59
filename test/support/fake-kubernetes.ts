import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stringify } from "yaml";
import { z } from "zod";
import { selfSigned } from "./certificate.ts";
import { createFakePods, type EnvVariable, type FakePods, type PodTemplate } from "./fake-pods.ts";

/**
 * As much of a Kubernetes API server as one workload and its pods need: optimistic locking, strategic merge patches,
 * refusals in the words of the real one. Its controller moves one step at each list of pods.
 */
export type FakeKubernetes = {
  /** For KUBECONFIG. */
  readonly kubeconfig: string;
  readonly pods: FakePods;
  /** Bodies of all patches, also of those that were refused, as text. */
  readonly patches: readonly string[];
  /** The workload as it is now. */
  now(): WorkloadState;
  /** Changes it as somebody else would. */
  change(change: Partial<WorkloadState>): void;
  /** Answers patches with 403 from now on. */
  forbid(verb: "patch" | "get" | "list" | undefined): void;
  /** Answers that many patches with 409, as when somebody else was quicker. */
  conflict(times: number): void;
  close(): Promise<void>;
};

type WorkloadState = {
  readonly replicas: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: PodTemplate;
};

const user = "system:serviceaccount:ferry:bot";
const token = "kubernetes-token-of-the-test";

export async function startFakeKubernetes(options: {
  readonly kind: "deployment" | "statefulset";
  readonly replicas: number;
  readonly env: readonly EnvVariable[];
  readonly sidecar?: string;
}): Promise<FakeKubernetes> {
  const { kind } = options;
  const others = options.sidecar === undefined ? [] : [{ name: options.sidecar, env: [] }];
  let state: WorkloadState = {
    replicas: options.replicas,
    annotations: {},
    template: { annotations: {}, containers: [{ name: "app", env: options.env }, ...others] },
  };
  let version = 1;
  let forbidden: string | undefined;
  let conflicts = 0;
  const patches: string[] = [];
  const pods = createFakePods(kind, () => state);
  pods.settle();

  function change(next: Partial<WorkloadState>): void {
    const before = JSON.stringify(state);
    state = { ...state, ...next };
    if (JSON.stringify(state) !== before) version += 1;
  }

  function patch(body: string): Answer {
    patches.push(body);
    if (conflicts > 0) {
      conflicts -= 1;
      version += 1;
    }
    const { metadata, spec } = Patch.parse(JSON.parse(body));
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== String(version)) {
      return status(
        409,
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
      );
    }
    const template = merged(state.template, spec?.template);
    const both = template.containers.flatMap(({ env }) => env).find((each) => each.value && each.valueFrom);
    if (both !== undefined) {
      const why = `env[${both.name}].valueFrom: may not be specified when \`value\` is not empty`;
      return status(422, "Invalid", why);
    }
    const annotations = { ...state.annotations, ...metadata.annotations };
    change({ annotations, template, replicas: spec?.replicas ?? state.replicas });
    return { code: 200, body: workload() };
  }

  function workload(): object {
    const { annotations, containers } = state.template;
    return {
      apiVersion: "apps/v1",
      kind: kind === "deployment" ? "Deployment" : "StatefulSet",
      metadata: {
        name: "billing",
        namespace: "shop",
        resourceVersion: String(version),
        annotations: state.annotations,
      },
      spec: {
        replicas: state.replicas,
        selector: { matchLabels: { app: "billing" } },
        template: { metadata: { labels: { app: "billing" }, annotations }, spec: { containers } },
      },
    };
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
    if (request.headers.authorization !== `Bearer ${token}`)
      return status(401, "Unauthorized", "Unauthorized");
    const listing = pathname === "/api/v1/namespaces/shop/pods";
    const verb = listing ? "list" : request.method === "PATCH" ? "patch" : "get";
    if (verb === forbidden) {
      const what = listing ? ["pods", `resource "pods" in API group ""`] : resourceWords(kind);
      const why = `${what[0]} is forbidden: User "${user}" cannot ${verb} ${what[1]} in the namespace "shop"`;
      return status(403, "Forbidden", why);
    }
    if (listing) {
      if (searchParams.get("labelSelector") !== "app=billing") return { code: 200, body: { items: [] } };
      pods.step();
      return { code: 200, body: { apiVersion: "v1", kind: "PodList", metadata: {}, items: pods.list() } };
    }
    if (pathname !== `/apis/apps/v1/namespaces/shop/${kind}s/billing`) {
      return status(404, "NotFound", `${kind}s.apps "${pathname.split("/").at(-1)}" not found`);
    }
    if (verb === "get") return { code: 200, body: workload() };
    const type = request.headers["content-type"];
    if (type !== "application/strategic-merge-patch+json")
      return status(415, "UnsupportedMediaType", String(type));
    return patch(await text(request));
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code, body } = await answer(request);
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  const certificate = selfSigned();
  const server = createServer(certificate, (request, response) => void respond(request, response));
  const folder = await mkdtemp(join(tmpdir(), "ferry-kubernetes-"));
  const kubeconfig = await writeKubeconfig(folder, await listening(server), certificate.cert);

  return {
    kubeconfig,
    pods,
    patches,
    now: () => state,
    change,
    forbid(verb) {
      forbidden = verb;
    },
    conflict(times) {
      conflicts = times;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Answer = { readonly code: number; readonly body: object };

function resourceWords(kind: string): readonly [string, string] {
  return [`${kind}s.apps "billing"`, `resource "${kind}s" in API group "apps"`];
}

function status(code: number, reason: string, message: string): Answer {
  return { code, body: { apiVersion: "v1", kind: "Status", status: "Failure", reason, code, message } };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `https://localhost:${port}`;
}

async function writeKubeconfig(folder: string, server: string, authority: string): Promise<string> {
  const path = join(folder, "config");
  const data = Buffer.from(authority).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "shop", cluster: { server, "certificate-authority-data": data } }],
    users: [{ name: "bot", user: { token } }],
    contexts: [{ name: "shop", context: { cluster: "shop", user: "bot" } }],
    "current-context": "shop",
  };
  await writeFile(path, stringify(config));
  return path;
}

const Patch = z.object({
  metadata: z.object({
    resourceVersion: z.string().optional(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z
    .object({
      replicas: z.int().optional(),
      template: z
        .object({
          metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }).optional(),
          spec: z
            .object({
              containers: z.array(
                z.object({
                  name: z.string(),
                  env: z
                    .array(
                      z.object({
                        name: z.string(),
                        value: z.string().optional(),
                        valueFrom: z.object({}).loose().nullable().optional(),
                      }),
                    )
                    .default([]),
                }),
              ),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
});

type TemplatePatch = NonNullable<z.infer<typeof Patch>["spec"]>["template"];

/** As a strategic merge does it: maps by key, containers and variables by name, `null` takes away. */
function merged(template: PodTemplate, patch: TemplatePatch): PodTemplate {
  const annotations = { ...template.annotations, ...patch?.metadata?.annotations };
  const containers = template.containers.map((container) => {
    const changes = patch?.spec?.containers.find(({ name }) => name === container.name)?.env ?? [];
    const env = new Map(container.env.map((variable) => [variable.name, variable]));
    for (const { name, value, valueFrom } of changes) {
      const { valueFrom: before, ...rest } = env.get(name) ?? { name };
      const from = valueFrom === undefined ? before : (valueFrom ?? undefined);
      env.set(name, {
        ...rest,
        ...(value !== undefined && { value }),
        ...(from !== undefined && { valueFrom: from }),
      });
    }
    return { name: container.name, env: [...env.values()] };
  });
  return { annotations, containers };
}
