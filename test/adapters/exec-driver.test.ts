import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createExecDriver } from "#adapters/clients/exec.ts";
import { asFerryError } from "#domain/errors.ts";
import type { ClientDriver } from "#domain/ports.ts";
import { Client, type SwitchDriver } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { createQuietLog } from "#support/quiet-log.ts";

type ExecSettings = Extract<SwitchDriver, { driver: "exec" }>;

const msk: ClusterAccess = {
  bootstrap: ["b-1.msk:9096", "b-2.msk:9096"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "app", password: "hunter2" },
};
const inherited = { PATH: "/usr/bin:/bin", LANG: "C" };

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ferry-exec-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A driver whose command is a line of JavaScript, run by this same Node. */
function driverOf(
  script: string,
  changes: Partial<ExecSettings> & { readonly args?: readonly string[] } = {},
) {
  const { args = [], ...others } = changes;
  const settings: ExecSettings = {
    driver: "exec",
    command: [process.execPath, "--eval", script, ...args],
    timeout: 30_000,
    environment: {},
    ...others,
  };
  const client = { name: "billing-app", role: "consumer", group: "billing", switch: settings } as const;
  const log = createQuietLog();
  return { driver: createExecDriver(client, settings, inherited, log), log };
}

const Seen = z.object({ argv: z.array(z.string()), env: z.record(z.string(), z.string()) });

/** Everything that the command was given by this call. */
async function given(
  name: string,
  call: (driver: ClientDriver) => Promise<unknown>,
  changes: Partial<ExecSettings> = {},
) {
  const path = join(folder, name);
  const script = `
    const { argv, env } = process;
    require("node:fs").writeFileSync(argv[1], JSON.stringify({ argv: argv.slice(1), env }));
    console.log("stopped");`;
  const args = [path, "$HOME", "two words; exit 1"];
  await call(driverOf(script, { ...changes, args }).driver);
  const { argv, env } = Seen.parse(JSON.parse(await readFile(path, "utf8")));
  // macOS gives this one to every process.
  const { __CF_USER_TEXT_ENCODING: _, ...rest } = env;
  return { argv: argv.slice(1), env: rest };
}

async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (thrown: unknown) => asFerryError(thrown),
  );
  expect(error.code).toBe("E_CLIENT_DRIVER");
  return error.message;
}

describe("what the command is given", () => {
  test("a stop: action, client, role, request, and nothing of the bot's environment but what it may have", async () => {
    const { env } = await given("stop", (driver) => driver.stop("r-1"));
    expect(env).toEqual({
      ...inherited,
      FERRY_ACTION: "stop",
      FERRY_CLIENT: "billing-app",
      FERRY_ROLE: "consumer",
      FERRY_REQUEST: "r-1",
    });
  });

  test("a start: the cluster too, without its password", async () => {
    const { env } = await given("start", (driver) => driver.start("target", msk, "r-2"));
    const { FERRY_SECURITY, ...others } = env;
    expect(others).toEqual({
      ...inherited,
      FERRY_ACTION: "start",
      FERRY_CLIENT: "billing-app",
      FERRY_ROLE: "consumer",
      FERRY_CLUSTER: "target",
      FERRY_BOOTSTRAP: "b-1.msk:9096,b-2.msk:9096",
      FERRY_REQUEST: "r-2",
    });
    expect(JSON.parse(FERRY_SECURITY ?? "")).toEqual({
      protocol: "SASL_SSL",
      mechanism: "SCRAM-SHA-512",
      username: "app",
    });
  });

  test("a question: no request", async () => {
    const { env } = await given("status", (driver) => driver.status());
    expect(env).toMatchObject({ FERRY_ACTION: "status", FERRY_CLIENT: "billing-app" });
    expect(env).not.toHaveProperty("FERRY_REQUEST");
  });

  test("what ferry.yaml adds, but never in the place of what the bot says", async () => {
    const environment = { NAMESPACE: "billing", FERRY_ACTION: "start", FERRY_CLIENT: "other" };
    const { env } = await given("more", (driver) => driver.stop("r-3"), { environment });
    expect(env).toMatchObject({ NAMESPACE: "billing", FERRY_ACTION: "stop", FERRY_CLIENT: "billing-app" });
  });

  test("its arguments as they are: there is no shell", async () => {
    const { argv } = await given("argv", (driver) => driver.stop("r-4"));
    expect(argv).toEqual(["$HOME", "two words; exit 1"]);
  });
});

describe("what the command answers", () => {
  test.each(["stopped", "source", "target"])("%s is where it runs, also behind other lines", async (word) => {
    const { driver } = driverOf(`console.log("checking…\\n${word}\\n")`);
    expect(await driver.status()).toMatchObject({ value: word });
  });

  test.each(["", "running", "STOPPED?"])("%j is not a place: unknown, and not stopped", async (word) => {
    const { driver } = driverOf(`console.log(${JSON.stringify(word)})`);
    const answer = await driver.status();
    expect(answer).not.toHaveProperty("value");
    expect(JSON.stringify(answer)).toContain("instead of stopped, source or target");
  });

  test("an exit other than 0 fails with its number and the last line of its errors", async () => {
    const { driver } = driverOf('console.error("first\\nno such deployment"); process.exit(3)');
    expect(await failure(driver.stop("r-5"))).toBe("billing-app: stop ended with 3: no such deployment.");
    expect(await failure(driver.start("target", msk, "r-5"))).toContain("billing-app: start ended with 3");
    expect(await failure(driver.status())).toContain("billing-app: status ended with 3");
  });

  test("a command that does not end is stopped at its time limit", async () => {
    const { driver } = driverOf("setInterval(() => {}, 1000)", { timeout: 300 });
    expect(await failure(driver.stop("r-6"))).toBe("billing-app: stop did not end within 0.3 s.");
  });

  test("a command that is not there is named as such", async () => {
    const { driver } = driverOf("", { command: [join(folder, "absent.sh")] });
    expect(await failure(driver.stop("r-7"))).toContain("ended with ENOENT");
  });

  test("a very long error is cut", async () => {
    const { driver } = driverOf('console.error("x".repeat(5000)); process.exit(1)');
    expect((await failure(driver.stop("r-8"))).length).toBeLessThan(400);
  });
});

test("the log says which command was called, without its environment", async () => {
  const { driver, log } = driverOf("", { environment: { API_KEY: "s3cret" } });
  await driver.start("target", msk, "r-9");
  expect(log.lines).toMatchObject([{ level: "info", fields: { client: "billing-app", action: "start" } }]);
  expect(JSON.stringify(log.lines)).not.toMatch(/s3cret|hunter2/);
});

test("ferry.yaml gives a driver two minutes where it names none", () => {
  const client = Client.parse({
    name: "a",
    role: "producer",
    topics: ["t"],
    switch: { driver: "exec", command: ["./s"] },
  });
  expect(client.switch.timeout).toBe(120_000);
});
