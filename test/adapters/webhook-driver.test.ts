import { createServer as createSilentServer } from "node:http";
import { createServer, type Server } from "node:https";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createWebhookDriver } from "#adapters/clients/webhook.ts";
import { asFerryError } from "#domain/errors.ts";
import { Client } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { selfSigned } from "#support/certificate.ts";
import { type FakeWebhook, startFakeWebhook } from "#support/fake-webhook.ts";
import { createQuietLog } from "#support/quiet-log.ts";
import { realClock } from "#support/real-clock.ts";

const secret = "hunter2-signs-this";
const msk: ClusterAccess = {
  bootstrap: ["b-1.msk:9096", "b-2.msk:9096"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "app", password: "hunter2" },
};

let webhook: FakeWebhook;

beforeEach(async () => {
  webhook = await startFakeWebhook(secret);
});

afterEach(() => webhook.close());

function driverOf(
  changes: { url?: string; timeout?: number; poll?: number; key?: string; now?: () => number } = {},
) {
  const { key = secret, now = () => Date.now(), ...others } = changes;
  const settings = {
    driver: "webhook",
    url: webhook.url,
    secretEnv: "SWITCH_SECRET",
    timeout: 20_000,
    poll: 5,
    ...others,
  } as const;
  const client = { name: "billing-app", role: "consumer", group: "billing", switch: settings } as const;
  const log = createQuietLog();
  return { driver: createWebhookDriver(client, settings, key, { clock: { ...realClock, now }, log }), log };
}

async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (thrown: unknown) => asFerryError(thrown),
  );
  expect(error.code).toBe("E_CLIENT_DRIVER");
  expect(error.message).not.toContain(secret);
  return error.message;
}

describe("what the webhook is told", () => {
  test("a stop: action, client, role, request", async () => {
    await driverOf().driver.stop("r-1");
    expect(webhook.told.map(({ order }) => order)).toEqual([
      { action: "stop", client: "billing-app", role: "consumer", request: "r-1" },
    ]);
  });

  test("a start: the cluster too, without its password", async () => {
    await driverOf().driver.start("target", msk, "r-2");
    expect(webhook.told.map(({ order }) => order)).toEqual([
      {
        action: "start",
        client: "billing-app",
        role: "consumer",
        request: "r-2",
        cluster: "target",
        bootstrap: "b-1.msk:9096,b-2.msk:9096",
        security: { protocol: "SASL_SSL", mechanism: "SCRAM-SHA-512", username: "app" },
      },
    ]);
    expect(webhook.told[0]?.body).not.toContain('"hunter2"');
  });

  test("when it was signed, in seconds, so that an old call can be refused", async () => {
    await driverOf({ now: () => 1_700_000_123_456 }).driver.status();
    expect(webhook.told[0]?.headers).toMatchObject({
      "ferry-timestamp": "1700000123",
      "content-type": "application/json",
    });
  });

  test("nothing without the right secret", async () => {
    const message = await failure(driverOf({ key: "another" }).driver.stop("r-3"));
    expect(message).toContain("answered 401: wrong signature");
    expect(webhook.moves()).toBe(0);
  });
});

describe("202", () => {
  test("is asked for again with the same request until it is done", async () => {
    webhook.takes(3);
    await driverOf().driver.start("target", msk, "r-4");
    const asked = webhook.told.map(({ order }) => `${order.action} ${order.request}`);
    expect(asked).toEqual(["start r-4", "status r-4", "status r-4", "status r-4"]);
    expect(webhook.told.map(({ headers }) => headers["idempotency-key"])).toEqual([
      "r-4",
      "r-4",
      "r-4",
      "r-4",
    ]);
  });

  test("does not last longer than the timeout", async () => {
    webhook.takes(Number.POSITIVE_INFINITY);
    let now = 0;
    // Ten seconds go by at each look at the clock.
    const driver = driverOf({ timeout: 60_000, now: () => (now += 10_000) }).driver;
    const message = await failure(driver.stop("r-5"));
    expect(message).toMatch(
      /^billing-app: stop: 127\.0\.0\.1:\d+ is not done after 60 s; it said 202: .*under way/,
    );
  });

  test("is not over while the answer names another place", async () => {
    webhook.answer({ status: 202 });
    const driver = driverOf().driver;
    const started = driver.start("target", msk, "r-6");
    await expect.poll(() => webhook.told.length).toBeGreaterThan(0);
    webhook.answer({ status: 200, body: '{"place":"stopped"}' });
    const before = webhook.told.length;
    await expect.poll(() => webhook.told.length).toBeGreaterThan(before + 2);
    webhook.answer({ status: 200, body: '{"place":"target"}' });
    await expect(started).resolves.toBeUndefined();
  });

  test("is done once for a repeated request", async () => {
    webhook.takes(1);
    const { driver } = driverOf();
    await driver.stop("r-7");
    await driver.stop("r-7");
    expect(webhook.moves()).toBe(1);
  });
});

describe("other answers", () => {
  test.each([
    [500, "the lift is out of order", "answered 500: the lift is out of order."],
    [204, "", "answered 204."],
    [403, "", "answered 403."],
  ])("%i fails with what it says", async (status, body, words) => {
    webhook.answer({ status, body });
    expect(await failure(driverOf().driver.stop("r-8"))).toContain(words);
  });

  test("a redirect is not followed", async () => {
    const elsewhere = await startFakeWebhook(secret);
    webhook.answer({ status: 307, location: elsewhere.url });
    const message = await failure(driverOf().driver.stop("r-9"));
    expect(message).toContain("answered 307 (redirects are not followed)");
    expect(elsewhere.told).toEqual([]);
    await elsewhere.close();
  });

  test("a failure while it is under way ends the wait", async () => {
    webhook.takes(Number.POSITIVE_INFINITY);
    const stopped = failure(driverOf().driver.stop("r-10"));
    await expect.poll(() => webhook.told.length).toBeGreaterThan(2);
    webhook.answer({ status: 500, body: "gave up" });
    expect(await stopped).toContain("answered 500: gave up");
  });

  test("the secret is never repeated, whatever the answer says", async () => {
    webhook.answer({ status: 400, body: `expected ${secret}` });
    const { driver, log } = driverOf();
    expect(await failure(driver.stop("r-11"))).toContain("answered 400: expected …");
    expect(JSON.stringify(log.lines)).not.toContain(secret);
  });

  test("nobody there: the reason and the host", async () => {
    const message = await failure(driverOf({ url: "http://127.0.0.1:2/x?key=hidden" }).driver.stop("r-12"));
    expect(message).toMatch(/^billing-app: stop: 127\.0\.0\.1:2 could not be called: .*ECONNREFUSED/);
    expect(message).not.toContain("hidden");
  });
});

describe("TLS", () => {
  let server: Server;
  beforeEach(async () => {
    server = createServer(selfSigned(), (_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.close();
  });

  test("of an authority that nobody knows is refused", async () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const message = await failure(driverOf({ url: `https://localhost:${port}/` }).driver.stop("r-13"));
    expect(message).toMatch(/could not be called: \w*SELF_SIGNED\w* /);
  });
});

test("one that does not answer in time is given up", async () => {
  const silent = createSilentServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const message = await failure(
    driverOf({ url: `http://127.0.0.1:${port}/`, timeout: 50 }).driver.stop("r-14"),
  );
  expect(message).toContain("did not answer within 0.05 s");
  silent.closeAllConnections();
  silent.close();
});

describe("status", () => {
  test("without a place is unknown, with what it said", async () => {
    webhook.answer({ status: 200, body: '{"place":"limbo"}' });
    const answer = await driverOf().driver.status();
    expect(answer).toEqual({
      known: false,
      why: expect.stringContaining('without a place: {"place":"limbo"}'),
    });
  });

  test("202 is unknown: something is under way", async () => {
    webhook.answer({ status: 202 });
    expect(await driverOf().driver.status()).toMatchObject({ known: false });
  });

  test("refused fails", async () => {
    webhook.answer({ status: 401 });
    expect(await failure(driverOf().driver.status())).toContain("billing-app: status:");
  });
});

function webhookClient(url: string): object {
  return { name: "a", role: "consumer", group: "g", switch: { driver: "webhook", url, secretEnv: "S" } };
}

describe("settings", () => {
  test("has defaults for its times", () => {
    const { switch: settings } = Client.parse(webhookClient("https://switch.internal/ferry"));
    expect(settings).toMatchObject({ timeout: 120_000, poll: 1000 });
  });

  test.each(["ftp://x/", "https://user:password@switch.internal/", "switch.internal"])(
    "refuses %s",
    (url) => {
      expect(Client.safeParse(webhookClient(url)).success).toBe(false);
    },
  );
});
