import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { processEnvironment } from "#config";
import {
  load,
  migration,
  orders,
  refusal,
  sasl,
  settingsFile,
  socket,
  useSettingsFolder,
} from "#support/settings-files.ts";

useSettingsFolder();

describe("usable settings", () => {
  test("get their defaults, durations in milliseconds", async () => {
    const config = await load({ migrations: { orders } });
    expect(config.environment).toMatchObject({ PORT: 3000, LOG_LEVEL: "info" });
    expect(config.migrations).toHaveLength(1);
    expect(config.migrations[0]).toMatchObject({
      name: "orders",
      settings: {
        approvers: { users: [] },
        approvals: { quorum: 2, expires: 3_600_000, granted: 900_000 },
        source: { security: { protocol: "PLAINTEXT" }, network: { kind: "none" } },
        cleanup: { watch: 48 * 3_600_000 },
      },
    });
  });

  test.each([
    ["Socket Mode", { SLACK_APP_TOKEN: "xapp-1" }],
    ["HTTP", { SLACK_SIGNING_SECRET: "s3cret", PORT: "8080" }],
    ["Socket Mode, the other left empty", { SLACK_APP_TOKEN: "xapp-1", SLACK_SIGNING_SECRET: "" }],
  ])("start in %s", async (_, mode) => {
    const { environment } = await load(
      { migrations: { orders } },
      { SLACK_BOT_TOKEN: socket.SLACK_BOT_TOKEN, REDIS_URL: "rediss://cache:6379/1", ...mode },
    );
    expect(environment.SLACK_APP_TOKEN).toBe("SLACK_APP_TOKEN" in mode ? mode.SLACK_APP_TOKEN : undefined);
  });

  test("bring passwords and certificates together when a cluster is opened", async () => {
    const caFile = await settingsFile("-----BEGIN CERTIFICATE-----\n");
    const content = migration({ source: { bootstrap: ["k:9093"], security: { ...sasl, caFile } } });
    const config = await load(content, { ...socket, SOURCE_PASSWORD: "hunter2" });
    const [access] = config.migrations.map(({ settings: { source } }) =>
      config.access(source.bootstrap, source.security),
    );
    expect(await access).toEqual({
      bootstrap: ["k:9093"],
      protocol: "SASL_SSL",
      sasl: { mechanism: "SCRAM-SHA-512", username: "ferry", password: "hunter2" },
      ca: "-----BEGIN CERTIFICATE-----\n",
    });
  });

  test("with a certificate file that is not there fail when the cluster is opened, naming it", async () => {
    const config = await load({ migrations: { orders } });
    await expect(config.access(["k:9093"], { protocol: "SSL", caFile: "absent.pem" })).rejects.toThrow(
      'caFile: saw "absent.pem"; that file cannot be read.',
    );
  });
});

describe("a wrong environment", () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ["a missing token", { SLACK_BOT_TOKEN: undefined }, "SLACK_BOT_TOKEN: not set"],
    ["an empty token", { SLACK_BOT_TOKEN: "" }, "SLACK_BOT_TOKEN: "],
    [
      "another kind of token",
      { SLACK_BOT_TOKEN: "xoxp-1234" },
      "expected a bot token that starts with xoxb-",
    ],
    [
      "neither mode of Slack",
      { SLACK_APP_TOKEN: undefined },
      "SLACK_SIGNING_SECRET: not set; needed for HTTP mode",
    ],
    ["a port that is no number", { PORT: "http" }, 'PORT: saw "http"'],
    ["a port out of range", { PORT: "70000" }, 'PORT: saw "70000"'],
    ["another database", { REDIS_URL: "http://cache" }, 'REDIS_URL: saw "http://cache"; expected redis://'],
    ["an unknown level", { LOG_LEVEL: "loud" }, 'LOG_LEVEL: saw "loud"'],
    ["an API URL without its slash", { SLACK_API_URL: "http://slack/api" }, "expected a URL that ends in /"],
  ])("names the variable and what is allowed: %s", async (_, change, words) => {
    expect(await refusal({ migrations: { orders } }, { ...socket, ...change })).toContain(words);
  });

  test("names all that is wrong at once", async () => {
    const message = await refusal({ migrations: { orders } }, {});
    for (const name of ["SLACK_BOT_TOKEN", "REDIS_URL"]) expect(message).toContain(`${name}: not set`);
  });

  test("never prints a secret", async () => {
    const message = await refusal(
      { migrations: { orders } },
      { ...socket, SLACK_BOT_TOKEN: "topsecret-one", SLACK_APP_TOKEN: "topsecret-two" },
    );
    expect(message).toContain("SLACK_BOT_TOKEN: a value is set; expected");
    expect(message).not.toContain("topsecret");
  });
});

describe("the login of a URL", () => {
  test.each([
    ["http://ferry:hunter2@cache:6379", "http://…@cache:6379"],
    ["redis//ferry:hunt@hunter2@cache", "…@cache"],
    ["ferry:hunter2@cache:6379", "…@cache:6379"],
  ])("in REDIS_URL is never printed: %s", async (REDIS_URL, words) => {
    const message = await refusal({ migrations: { orders } }, { ...socket, REDIS_URL });
    expect(message).toContain(`REDIS_URL: saw "${words}"`);
    expect(message).not.toContain("hunter2");
  });
});

// A second Node loads every SDK: seconds on a busy machine.
describe("npm start -- --check", { timeout: 60_000 }, () => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

  /** With nothing of this process's own environment but PATH. */
  async function check(environment: Readonly<Record<string, string>>) {
    const { PATH } = processEnvironment();
    const env = { PATH, ...environment };
    return await promisify(execFile)(process.execPath, [main, "--check"], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error),
    );
  }

  test("says that settings are usable and ends, without Slack or Redis", async () => {
    const FERRY_CONFIG = await settingsFile({ migrations: { orders } });
    expect(await check({ ...socket, FERRY_CONFIG })).toEqual({
      code: 0,
      stdout: "Settings are usable: orders.\n",
      stderr: "",
    });
  });

  test("says what is wrong and what to do, and fails", async () => {
    const FERRY_CONFIG = await settingsFile(migration({ chanel: "C1" }));
    const { code, stdout, stderr } = await check({ ...socket, FERRY_CONFIG });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^E_SETTINGS .*chanel: unknown key.*\nCorrect the key/);
    expect(stderr).not.toContain("    at ");
  });
});
