import { rm, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createKubernetesDriver } from "#adapters/clients/kubernetes.ts";
import { asFerryError } from "#domain/errors.ts";
import { Client, type SwitchDriver } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { type FakeKubernetes, startFakeKubernetes } from "#support/fake-kubernetes.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";

type KubernetesSettings = Extract<SwitchDriver, { driver: "kubernetes" }>;

const source: ClusterAccess = { bootstrap: ["kafka-1:9092", "kafka-2:9092"], protocol: "PLAINTEXT" };
const target: ClusterAccess = {
  bootstrap: ["b-1.msk:9096", "b-2.msk:9096"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "app" },
};
const names = {
  bootstrap: "BROKERS",
  security: "PROTOCOL",
  mechanism: "MECHANISM",
  username: "KAFKA_USER",
  cluster: "KAFKA_CLUSTER",
} as const;

let kubernetes: FakeKubernetes;

afterEach(async () => {
  vi.unstubAllEnvs();
  await kubernetes.close();
});

async function applications(place: "source" | "target"): Promise<ClusterAccess> {
  return place === "source" ? source : target;
}

type Start = Partial<Parameters<typeof startFakeKubernetes>[0]>;

async function open(changes: Partial<KubernetesSettings> = {}, start: Start = {}) {
  kubernetes = await startFakeKubernetes({
    kind: "deployment",
    replicas: 2,
    env: [{ name: "BROKERS", value: "kafka-2:9092" }],
    ...start,
  });
  vi.stubEnv("KUBECONFIG", kubernetes.kubeconfig);
  const settings: KubernetesSettings = {
    driver: "kubernetes",
    namespace: "shop",
    workload: `${start.kind ?? "deployment"}/billing`,
    environment: names,
    timeout: 20_000,
    poll: 2,
    ...changes,
  };
  const client = { name: "billing-app", role: "consumer", group: "billing", switch: settings } as const;
  const log = createQuietLog();
  return createKubernetesDriver(client, settings, applications, { clock: realClock, log });
}

async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (thrown: unknown) => asFerryError(thrown),
  );
  expect(error.code).toBe("E_CLIENT_DRIVER");
  expect(error.message).not.toContain("kubernetes-token-of-the-test");
  return error.message;
}

function environment(): Record<string, unknown> {
  const [app] = kubernetes.now().template.containers;
  return Object.fromEntries((app?.env ?? []).map(({ name, value, valueFrom }) => [name, valueFrom ?? value]));
}

describe("stop", () => {
  test("waits until no pod is left, not until none is wanted", async () => {
    const driver = await open();
    kubernetes.pods.endAfter(60);
    const stopped = driver.stop("r-1");
    await expect.poll(() => kubernetes.now().replicas, { timeout: 15_000 }).toBe(0);
    expect(await driver.status()).toEqual({ known: true, value: "source" });
    await stopped;
    expect(kubernetes.pods.list()).toEqual([]);
    expect(await driver.status()).toEqual({ known: true, value: "stopped" });
  });

  test("gives up on a pod that does not end, and names it", async () => {
    const driver = await open({ timeout: 60 });
    kubernetes.pods.endAfter(Number.POSITIVE_INFINITY);
    expect(await failure(driver.stop("r-2"))).toMatch(
      /^billing-app: deployment\/billing in namespace shop still has 2 pods: billing-\S+ \(Running, terminating on node-1\), .* after 0\.06 s\.$/,
    );
  });

  test("repeated changes nothing, and remembers the replicas of before", async () => {
    const driver = await open();
    await driver.stop("r-3");
    await driver.stop("r-3");
    expect(kubernetes.patches).toHaveLength(1);
    expect(kubernetes.now().annotations).toMatchObject({ "msk-ferry/replicas": "2" });
  });

  test("does not wait for pods of others, nor for those that ended", async () => {
    const driver = await open();
    kubernetes.pods.addStranger("other-owner");
    kubernetes.pods.addStranger("ended");
    await driver.stop("r-4");
    expect(await driver.status()).toEqual({ known: true, value: "stopped" });
  });
});

describe("start", () => {
  test.each(["deployment", "statefulset"] as const)(
    "sets the environment of a %s and its replicas",
    async (kind) => {
      const driver = await open({}, { kind });
      await driver.stop("r-5-stop");
      await driver.start("target", target, "r-5");
      expect(kubernetes.now().replicas).toBe(2);
      expect(environment()).toEqual({
        BROKERS: "b-1.msk:9096,b-2.msk:9096",
        PROTOCOL: "SASL_SSL",
        MECHANISM: "SCRAM-SHA-512",
        KAFKA_USER: "app",
        KAFKA_CLUSTER: "target",
      });
      expect(await driver.status()).toEqual({ known: true, value: "target" });
      await driver.stop("r-5-stop");
      await driver.start("source", source, "r-5-back");
      expect(environment()).toMatchObject({
        BROKERS: "kafka-1:9092,kafka-2:9092",
        MECHANISM: "",
        KAFKA_USER: "",
      });
      expect(await driver.status()).toEqual({ known: true, value: "source" });
    },
  );

  test("never has pods of both clusters, also where the stop was left out", async () => {
    const driver = await open();
    await driver.start("target", target, "r-6");
    await driver.start("source", source, "r-7");
    expect(kubernetes.pods.together("BROKERS").filter((values) => values.length > 1)).toEqual([]);
    expect(await driver.status()).toEqual({ known: true, value: "source" });
  });

  test("repeated changes nothing", async () => {
    const driver = await open();
    await driver.stop("r-8-stop");
    await driver.start("target", target, "r-8");
    const { length } = kubernetes.patches;
    await driver.start("target", target, "r-8");
    expect(kubernetes.patches).toHaveLength(length);
  });

  test("takes the place of a value that came from a ConfigMap", async () => {
    const valueFrom = { configMapKeyRef: { name: "kafka", key: "brokers" } };
    const driver = await open({}, { env: [{ name: "BROKERS", valueFrom }] });
    expect(await driver.status()).toEqual({
      known: false,
      why: expect.stringContaining("has no plain value for BROKERS"),
    });
    await driver.stop("r-9-stop");
    await driver.start("target", target, "r-9");
    expect(environment()).toMatchObject({ BROKERS: "b-1.msk:9096,b-2.msk:9096" });
  });

  test("leaves other variables and containers alone", async () => {
    const env = [
      { name: "BROKERS", value: "kafka-1:9092" },
      { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "kafka", key: "password" } } },
    ];
    const driver = await open({ container: "app" }, { env, sidecar: "proxy" });
    await driver.stop("r-10-stop");
    await driver.start("target", target, "r-10");
    expect(environment()).toMatchObject({ PASSWORD: { secretKeyRef: { name: "kafka", key: "password" } } });
    expect(kubernetes.now().template.containers[1]).toEqual({ name: "proxy", env: [] });
  });

  test("is repeated when somebody else was quicker", async () => {
    const driver = await open();
    kubernetes.conflict(2);
    await driver.stop("r-11-stop");
    kubernetes.conflict(2);
    await driver.start("target", target, "r-11");
    expect(await driver.status()).toEqual({ known: true, value: "target" });
    expect(kubernetes.patches).toHaveLength(6);
  });

  test("fails with the reason of a pod that does not become ready", async () => {
    const driver = await open({ timeout: 500 });
    await driver.stop("r-12-stop");
    kubernetes.pods.crash("CrashLoopBackOff");
    expect(await failure(driver.start("target", target, "r-12"))).toMatch(
      /has 0 of 2 pods ready, of 2 pods: billing-\S+ \(Running, CrashLoopBackOff: back-off 5m0s\).* after 0\.5 s\.$/,
    );
  });

  test("scales to the replicas of the settings, else to those of before, and does not guess", async () => {
    const driver = await open({ replicas: 3 }, { replicas: 0 });
    await driver.start("source", source, "r-13");
    expect(kubernetes.now().replicas).toBe(3);
    await kubernetes.close();
    const other = await open({}, { replicas: 0 });
    expect(await failure(other.start("source", source, "r-14"))).toContain(
      "has 0 replicas and no annotation msk-ferry/replicas: switch.replicas must say how many",
    );
    expect(kubernetes.now().replicas).toBe(0);
  });

  test("asks which container where there are several", async () => {
    const driver = await open({}, { sidecar: "proxy" });
    expect(await failure(driver.start("target", target, "r-15"))).toContain(
      "has the containers app, proxy: switch.container must name one",
    );
    expect(kubernetes.patches).toEqual([]);
  });
});

describe("where it runs", () => {
  test("is what the pods run with, not what the annotation says", async () => {
    const driver = await open();
    await driver.stop("r-16-stop");
    await driver.start("target", target, "r-16");
    const { template } = kubernetes.now();
    const env = [{ name: "BROKERS", value: "kafka-1:9092" }];
    kubernetes.change({ template: { ...template, containers: [{ name: "app", env }] } });
    expect(await driver.status()).toEqual({
      known: false,
      why: expect.stringMatching(/^deployment\/billing has pods on both clusters: /),
    });
    kubernetes.pods.settle();
    expect(await driver.status()).toEqual({ known: true, value: "source" });
  });

  test("is unknown for brokers of neither cluster", async () => {
    const driver = await open({}, { env: [{ name: "BROKERS", value: "elsewhere:9092" }] });
    expect(await driver.status()).toEqual({
      known: false,
      why: expect.stringMatching(/runs with BROKERS=elsewhere:9092, neither cluster's$/),
    });
  });

  test("is unknown while pods are wanted and none is there", async () => {
    const driver = await open({}, { replicas: 0 });
    kubernetes.pods.settle();
    kubernetes.change({ replicas: 2 });
    vi.spyOn(kubernetes.pods, "step").mockImplementation(() => {});
    expect(await driver.status()).toEqual({
      known: false,
      why: "deployment/billing wants 2 pods and has none",
    });
  });
});

describe("failures", () => {
  test("403 names verb and resource, in Kubernetes' words", async () => {
    const driver = await open();
    kubernetes.forbid("patch");
    expect(await failure(driver.stop("r-17"))).toBe(
      'billing-app: cannot patch deployments.apps "billing" in namespace shop: 403 deployments.apps "billing" is ' +
        'forbidden: User "system:serviceaccount:ferry:bot" cannot patch resource "deployments" in API group "apps" ' +
        'in the namespace "shop".',
    );
    kubernetes.forbid("list");
    expect(await failure(driver.status())).toContain("cannot list pods in namespace shop: 403 ");
    kubernetes.forbid("get");
    expect(await failure(driver.status())).toContain(
      'cannot get deployments.apps "billing" in namespace shop: 403 ',
    );
  });

  test("a workload that is not there", async () => {
    const driver = await open({ workload: "deployment/gone" });
    expect(await failure(driver.stop("r-18"))).toContain('404 deployments.apps "gone" not found');
  });

  test("a context that is not there", async () => {
    const driver = await open({ context: "prod" });
    expect(await failure(driver.status())).toBe(
      'billing-app: the kubeconfig has no cluster for context "prod"; it has shop.',
    );
  });

  test("no kubeconfig, or one that is none", async () => {
    const driver = await open();
    await writeFile(kubernetes.kubeconfig, "{");
    expect(await failure(driver.status())).toContain("billing-app: the kubeconfig cannot be read: ");
    await rm(kubernetes.kubeconfig);
    expect(await failure(driver.status())).toContain("ENOENT");
  });

  test("nobody there", async () => {
    const driver = await open();
    await writeFile(kubernetes.kubeconfig, config("https://localhost:2"));
    expect(await failure(driver.status())).toMatch(/cannot get deployments\.apps "billing" .*ECONNREFUSED/);
  });
});

function workload(name: string): object {
  const environment = { bootstrap: "BROKERS" };
  const settings = { driver: "kubernetes", namespace: "shop", workload: name, environment };
  return { name: "a", role: "consumer", group: "g", switch: settings };
}

describe("settings", () => {
  test("has defaults for its times", () => {
    const { switch: settings } = Client.parse(workload("statefulset/billing"));
    expect(settings).toMatchObject({ timeout: 300_000, poll: 1000 });
  });

  test.each(["daemonset/billing", "billing", "deployment/", "deployment/Billing"])("refuses %s", (name) => {
    const { error } = Client.safeParse(workload(name));
    expect(error?.message).toContain("expected deployment/NAME or statefulset/NAME");
  });
});

function config(server: string): string {
  return JSON.stringify({
    clusters: [{ name: "shop", cluster: { server } }],
    users: [{ name: "bot", user: {} }],
    contexts: [{ name: "shop", context: { cluster: "shop", user: "bot" } }],
    "current-context": "shop",
  });
}
