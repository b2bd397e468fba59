import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { loadConfig, processEnvironment } from "#config";
import { asFerryError } from "#domain/errors.ts";

const botToken = "xoxb-0000-notreal";
const socket = {
  SLACK_BOT_TOKEN: botToken,
  SLACK_APP_TOKEN: "xapp-0000-notreal",
  REDIS_URL: "redis://127.0.0.1:1",
};
const orders = {
  channel: "C0MIGRATION",
  source: { bootstrap: ["kafka-1:9092"] },
  target: {
    cluster: "migrated",
    region: "eu-west-1",
    auth: "iam",
    subnets: ["subnet-a", "subnet-b"],
    securityGroups: ["sg-a"],
  },
  replication: { connect: { url: "http://connect:8083" } },
};
const sasl = {
  protocol: "SASL_SSL",
  mechanism: "SCRAM-SHA-512",
  username: "ferry",
  passwordEnv: "SOURCE_PASSWORD",
};

let folder = "";
let written = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ferry-config-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function file(content: unknown): Promise<string> {
  written += 1;
  const path = join(folder, `ferry-${written}.yaml`);
  await writeFile(path, typeof content === "string" ? content : stringify(content));
  return path;
}

async function load(content: unknown, environment: Readonly<Record<string, string | undefined>> = socket) {
  return await loadConfig({ ...environment, FERRY_CONFIG: await file(content) });
}

/** What a start with these settings says. */
async function refusal(content: unknown, environment?: Readonly<Record<string, string | undefined>>) {
  const error = await load(content, environment).then(
    () => expect.fail("these settings were taken"),
    (thrown: unknown) => asFerryError(thrown),
  );
  expect(error.code).toBe("E_SETTINGS");
  return error.message;
}

function migration(changes: object): object {
  return { migrations: { orders: { ...orders, ...changes } } };
}

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
      { SLACK_BOT_TOKEN: botToken, REDIS_URL: "rediss://cache:6379/1", ...mode },
    );
    expect(environment.SLACK_APP_TOKEN).toBe("SLACK_APP_TOKEN" in mode ? mode.SLACK_APP_TOKEN : undefined);
  });

  test("bring passwords and certificates together when a cluster is opened", async () => {
    const caFile = await file("-----BEGIN CERTIFICATE-----\n");
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
      "caFile: absent.pem cannot be read.",
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

describe("a wrong ferry.yaml", () => {
  const { channel: _, ...withoutChannel } = orders;

  test.each<[string, unknown, string]>([
    ["a missing key", { migrations: { orders: withoutChannel } }, "migrations.orders.channel: not set"],
    [
      "a wrong type",
      migration({ approvals: { quorum: "two" } }),
      'migrations.orders.approvals.quorum: saw "two"',
    ],
    [
      "fewer than two approvals",
      migration({ approvals: { quorum: 1 } }),
      "migrations.orders.approvals.quorum: saw 1",
    ],
    ["a channel's name", migration({ channel: "#kafka" }), "expected a Slack channel id such as C0123456789"],
    [
      "a wrong duration",
      migration({ cleanup: { watch: "2 days" } }),
      'migrations.orders.cleanup.watch: saw "2 days"; expected a duration',
    ],
    [
      "a broker without a port",
      migration({ source: { bootstrap: ["kafka-1"] } }),
      'migrations.orders.source.bootstrap.0: saw "kafka-1"; expected host:port',
    ],
    [
      "a schedule with a wrong field",
      migration({ digest: { cron: "0 25 * * *" } }),
      'migrations.orders.digest.cron: saw "0 25 * * *"; expected five cron fields such as "0 * * * *", or six with the second first; "25" is no hour',
    ],
    [
      "a time zone that is none",
      migration({ digest: { cron: "0 * * * *", timezone: "Europe/Pariss" } }),
      'migrations.orders.digest.timezone: saw "Europe/Pariss"; expected an IANA time zone; did you mean Europe/Paris?',
    ],
    [
      "Connect over something else",
      migration({ replication: { connect: { url: "ftp://connect:8083" } } }),
      'migrations.orders.replication.connect.url: saw "ftp://connect:8083"; expected http://… or https://…',
    ],
    [
      "a topic pattern that is none",
      migration({ replication: { ...orders.replication, topics: [".*", "orders("] } }),
      'migrations.orders.replication.topics.1: saw "orders("; expected a regular expression such as "orders.*": Unterminated group',
    ],
    [
      "a group pattern that is none",
      migration({ replication: { ...orders.replication, groups: ["*"] } }),
      'migrations.orders.replication.groups.0: saw "*"; expected a regular expression such as "orders.*": Nothing to repeat',
    ],
    [
      "peering with nothing to peer",
      migration({ source: { bootstrap: ["k:1"], network: { kind: "peering" } } }),
      "migrations.orders.source.network.vpc: not set; kind: peering needs the VPC of the source",
    ],
    [
      "SCRAM without a login",
      migration({ target: { ...orders.target, auth: "scram" } }),
      "migrations.orders.target.scram: not set; auth: scram needs scram.username, scram.passwordEnv and scram.secretArns",
    ],
    ["a name with capitals", { migrations: { Orders: orders } }, "migrations.Orders: "],
    ["nothing at all", "", "saw null; "],
    ["a list", "- migrations\n", "expected"],
  ])("is refused with the key, what was seen and what is allowed: %s", async (_, content, words) => {
    expect(await refusal(content)).toContain(words);
  });

  test.each<[string, unknown, string]>([
    ["at the top", { migration: {}, migrations: {} }, "migration: unknown key; did you mean migrations?"],
    [
      "in a migration",
      migration({ chanel: "C1" }),
      "migrations.orders.chanel: unknown key; did you mean channel?",
    ],
    [
      "deeper",
      migration({ cutover: { maxlag: 1 } }),
      "migrations.orders.cutover.maxlag: unknown key; did you mean maxLag?",
    ],
    [
      "in one of several shapes",
      migration({ source: { bootstrap: ["k:1"], security: { protocol: "SSL", cafile: "x" } } }),
      "migrations.orders.source.security.cafile: unknown key; did you mean caFile?",
    ],
  ])("names the nearest key for an unknown one: %s", async (_, content, words) => {
    expect(await refusal(content)).toContain(words);
  });

  test("is refused when it is not YAML, with the line", async () => {
    expect(await refusal("migrations:\n  orders: [\n")).toMatch(/is not YAML: .* at line \d/);
  });

  test("is refused when it is not there", async () => {
    const path = join(folder, "absent.yaml");
    await expect(loadConfig({ ...socket, FERRY_CONFIG: path })).rejects.toThrow(`${path} cannot be read.`);
  });

  test("is refused when it names a password that the environment does not have", async () => {
    const content = migration({ source: { bootstrap: ["k:1"], security: sasl } });
    expect(await refusal(content)).toContain(
      "The environment variable SOURCE_PASSWORD, named in ferry.yaml, is not set.",
    );
    expect(await refusal(content, { ...socket, SOURCE_PASSWORD: "" })).toContain("SOURCE_PASSWORD");
  });

  test("never prints a password that somebody wrote into it", async () => {
    const security = { ...sasl, password: "hunter2" };
    const message = await refusal(migration({ source: { bootstrap: ["k:1"], security } }));
    expect(message).toContain("password: unknown key");
    expect(message).not.toContain("hunter2");
  });

  test("is refused when two migrations share a channel", async () => {
    expect(await refusal({ migrations: { orders, parcels: orders } })).toBe(
      'migrations.parcels.channel: saw "C0MIGRATION", which orders uses; a channel belongs to one migration.',
    );
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
    const FERRY_CONFIG = await file({ migrations: { orders } });
    expect(await check({ ...socket, FERRY_CONFIG })).toEqual({
      code: 0,
      stdout: "Settings are usable: orders.\n",
      stderr: "",
    });
  });

  test("says what is wrong and what to do, and fails", async () => {
    const FERRY_CONFIG = await file(migration({ chanel: "C1" }));
    const { code, stdout, stderr } = await check({ ...socket, FERRY_CONFIG });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^E_SETTINGS .*chanel: unknown key.*\nCorrect the key/);
    expect(stderr).not.toContain("    at ");
  });
});
