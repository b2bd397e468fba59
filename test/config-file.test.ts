import { describe, expect, test } from "vitest";
import { loadConfig } from "#config";
import {
  absentFile,
  load,
  migration,
  orders,
  refusal,
  sasl,
  socket,
  useSettingsFolder,
} from "#support/settings-files.ts";

useSettingsFolder();

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
      "an engine without its section",
      migration({ replication: { engine: "connect" } }),
      "migrations.orders.replication.connect: not set; engine: connect needs connect.url",
    ],
    [
      "an engine with the section of another",
      migration({ replication: { ...orders.replication, engine: "mirrormaker" } }),
      "migrations.orders.replication.mirrormaker: not set; engine: mirrormaker needs its section",
    ],
    [
      "supervised processes of no Kafka",
      migration({ replication: { engine: "mirrormaker", mirrormaker: {} } }),
      "migrations.orders.replication.mirrormaker.home: not set; run: supervised needs the folder of a Kafka",
    ],
    [
      "a heap of nothing",
      migration({ replication: { engine: "mirrormaker", mirrormaker: { home: "/k", heap: "lots" } } }),
      'migrations.orders.replication.mirrormaker.heap: saw "lots"; expected a size',
    ],
    [
      "a misspelled key of a mirror",
      migration({ replication: { engine: "mirrormaker", mirrormaker: { hme: "/k" } } }),
      "migrations.orders.replication.mirrormaker.hme: unknown key; did you mean home?",
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
    const path = absentFile();
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

  test("is refused when the certificate of Connect's REST API is not there, or would not be used", async () => {
    const caFile = absentFile();
    const connect = { url: "https://connect:8443", caFile };
    expect(await refusal(migration({ replication: { connect } }))).toBe(
      `migrations.orders.replication.connect.caFile: saw "${caFile}"; that file cannot be read.`,
    );
    const plain = { ...connect, url: "http://connect:8083" };
    expect(await refusal(migration({ replication: { connect: plain } }))).toContain(
      "replication.connect.caFile: saw",
    );
    const half = { url: "http://connect:8083", username: "ferry" };
    expect(await refusal(migration({ replication: { connect: half } }))).toContain(
      "username and passwordEnv are needed both, or neither",
    );
    const source = { bootstrap: ["k:1"], connect: [{ url: "http://other:8083" }, connect] };
    expect(await refusal(migration({ source }))).toBe(
      `migrations.orders.source.connect.1.caFile: saw "${caFile}"; that file cannot be read.`,
    );
    const login = { url: "http://other:8083", username: "ferry", passwordEnv: "NOT_SET" };
    expect(await refusal(migration({ source: { ...source, connect: [login] } }))).toContain("NOT_SET");
  });

  test.each(["security", "applications"])(
    "is refused when a certificate of %s is not there",
    async (part) => {
      const caFile = absentFile();
      const security = { protocol: "SSL", caFile };
      const keys = part === "security" ? { security } : { applications: { bootstrap: ["k:2"], security } };
      const key = part === "security" ? "security" : "applications.security";
      expect(await refusal(migration({ source: { bootstrap: ["k:1"], ...keys } }))).toBe(
        `migrations.orders.source.${key}.caFile: saw "${caFile}"; that file cannot be read.`,
      );
    },
  );

  test.each([
    [
      "of Connect",
      migration({ replication: { connect: { url: "http://ferry:hunter2@connect:8083" } } }),
      "http://…@connect:8083",
    ],
    [
      "of Connect without //",
      migration({ replication: { connect: { url: "ferry:hunter2@connect" } } }),
      "…@connect",
    ],
    [
      "in another place",
      migration({ target: { ...orders.target, cluster: "http://a:hunter2@b" } }),
      "http://…@b",
    ],
    [
      "in a line that is not YAML",
      "migrations:\n  url: [ http://ferry:hunter2@connect:8083\n",
      "//…@connect",
    ],
  ])("never prints the login of a URL: %s", async (_, content, words) => {
    const message = await refusal(content);
    expect(message).toContain(words);
    expect(message).not.toContain("hunter2");
  });

  test("is refused when two migrations share a channel", async () => {
    expect(await refusal({ migrations: { orders, parcels: orders } })).toBe(
      'migrations.parcels.channel: saw "C0MIGRATION", which orders uses; a channel belongs to one migration.',
    );
  });

  test("is refused when waves of two migrations would have the same mirror", async () => {
    const other = { ...orders, channel: "C0PARCELS" };
    const both = (...waves: readonly [string, string]) => {
      const [one, two] = waves.map((name) => [{ name, topics: ["invoices"] }]);
      return { migrations: { orders: { ...orders, waves: one }, "orders-eu": { ...other, waves: two } } };
    };
    expect(await refusal(both("eu-all", "all"))).toBe(
      "migrations.orders-eu.waves: wave all would have the mirror ferry-orders-eu-all-forward, which is that of wave eu-all of orders; name one of them otherwise.",
    );
    expect((await load(both("all", "all"))).migrations).toHaveLength(2);
  });
});
