import { describe, expect, test } from "vitest";
import { createManualDriver } from "#adapters/clients/manual.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Message } from "#domain/message.ts";
import type { Person } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { createFakeChat } from "#support/fake-chat.ts";
import { createHandClock } from "#support/hand-clock.ts";

const channel = "C0MIGRATION";
const source: ClusterAccess = { bootstrap: ["kafka-1:9092"], protocol: "PLAINTEXT" };
const halfHour = 30 * 60_000;

function setup({ owner }: { readonly owner?: string } = {}) {
  const fake = createFakeChat();
  const clock = createHandClock();
  const settings = { driver: "manual", timeout: halfHour, ...(owner !== undefined && { owner }) } as const;
  const client: Client = { name: "checkout", role: "producer", topics: ["payments"], switch: settings };
  const driver = createManualDriver(client, settings, fake.chat, channel, clock);

  /** The one message that asks, once it is there. */
  async function asked() {
    await clock.advance(0);
    expect(fake.posts).toHaveLength(1);
    return fake.posts[0] ?? expect.fail("nobody was asked");
  }

  return { fake, clock, driver, asked };
}

/** How a call ended; empty while it waits. */
function watch(call: Promise<void>): { how?: string } {
  const ended: { how?: string } = {};
  async function follow() {
    try {
      await call;
      ended.how = "done";
    } catch (thrown) {
      const { code, message } = asFerryError(thrown);
      ended.how = `${code} ${message}`;
    }
  }
  void follow();
  return ended;
}

function wordsOf({ parts }: Message): string {
  return parts.map((part) => (part.kind === "text" ? part.text : "")).join("\n");
}

describe("asking by hand", () => {
  test("mentions the owner, says what to do, and offers both answers", async () => {
    const { fake, driver, asked } = setup({ owner: "U0OLA" });
    watch(driver.stop("r-1"));
    const { ref, message } = await asked();
    expect(message).toMatchObject({ subject: "checkout · by hand", tone: "waiting", note: "request r-1" });
    expect(wordsOf(message)).toContain("@{U0OLA}: please stop checkout (writes payments)");
    expect(fake.seeded(ref)).toEqual(["white_check_mark", "x"]);
  });

  test("names the cluster to start on", async () => {
    const { driver, asked } = setup();
    watch(driver.start("source", source, "r-1"));
    expect(wordsOf((await asked()).message)).toContain(
      "start checkout on the source, bootstrap kafka-1:9092",
    );
  });

  test("does not know where the application runs", async () => {
    const { driver, fake } = setup();
    expect(await driver.status()).not.toHaveProperty("value");
    expect(fake.posts).toEqual([]);
  });
});

describe("the answer", () => {
  test("is the owner's ✅; the message then says that it is done", async () => {
    const { fake, clock, driver, asked } = setup({ owner: "U0OLA" });
    const ended = watch(driver.stop("r-1"));
    const post = await asked();
    await clock.advance(60_000);
    expect(ended.how).toBeUndefined();
    fake.react(post.ref, "U0OLA", "white_check_mark");
    await clock.advance(3000);
    expect(ended.how).toBe("done");
    expect(post.message.tone).toBe("done");
    expect(clock.sleepers()).toBe(0);
  });

  test("of somebody else does not count where an owner is named, neither ✅ nor ❌", async () => {
    const { fake, clock, driver, asked } = setup({ owner: "U0OLA" });
    const ended = watch(driver.stop("r-1"));
    const { ref } = await asked();
    fake.react(ref, "U0BEN", "white_check_mark");
    fake.react(ref, "U0BEN", "x");
    await clock.advance(60_000);
    expect(ended.how).toBeUndefined();
  });

  test("is any member's where no owner is named", async () => {
    const { fake, clock, driver, asked } = setup();
    const ended = watch(driver.stop("r-1"));
    fake.react((await asked()).ref, "U0BEN", "white_check_mark");
    await clock.advance(3000);
    expect(ended.how).toBe("done");
  });

  test.each<Person["kind"]>(["bot", "guest", "deactivated", "stranger"])(
    "of a %s never counts",
    async (kind) => {
      const { fake, clock, driver, asked } = setup();
      fake.people.set("U0EVE", { id: "U0EVE", name: "eve", kind });
      const ended = watch(driver.stop("r-1"));
      fake.react((await asked()).ref, "U0EVE", "white_check_mark");
      await clock.advance(60_000);
      expect(ended.how).toBeUndefined();
    },
  );

  test("❌ fails, also when there is a ✅", async () => {
    const { fake, clock, driver, asked } = setup({ owner: "U0OLA" });
    const ended = watch(driver.stop("r-1"));
    const { ref } = await asked();
    fake.react(ref, "U0OLA", "white_check_mark");
    fake.react(ref, "U0OLA", "x");
    await clock.advance(3000);
    expect(ended.how).toMatch(/^E_CLIENT_DRIVER checkout: the owner answered ❌ to "stop checkout/);
  });

  test("that does not come fails at the deadline, not before", async () => {
    const { clock, driver, asked } = setup();
    const ended = watch(driver.stop("r-1"));
    await asked();
    await clock.advance(halfHour - 3000);
    expect(ended.how).toBeUndefined();
    await clock.advance(3000);
    expect(ended.how).toMatch(/^E_CLIENT_DRIVER checkout: nobody answered "stop checkout.*in time\.$/);
    expect(clock.sleepers()).toBe(0);
  });

  test("other emoji say nothing", async () => {
    const { fake, clock, driver, asked } = setup();
    const ended = watch(driver.stop("r-1"));
    fake.react((await asked()).ref, "U0BEN", "thumbsup");
    await clock.advance(60_000);
    expect(ended.how).toBeUndefined();
  });

  test("cannot come on a deleted message: that fails with its code", async () => {
    const { fake, clock, driver, asked } = setup();
    const ended = watch(driver.stop("r-1"));
    fake.remove((await asked()).ref);
    await clock.advance(3000);
    expect(ended.how).toMatch(/^E_MESSAGE_GONE /);
  });
});
