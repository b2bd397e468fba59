import { expect, it } from "vitest";
import type { ApiVersions } from "#adapters/kafka/connection.ts";
import { answerError, thrownError } from "#adapters/kafka/errors.ts";
import { createLane } from "#adapters/kafka/lane.ts";
import { releaseOf } from "#adapters/kafka/release.ts";
import { collect, inParallel } from "#adapters/kafka/retry.ts";
import { sharedToken, transport } from "#adapters/kafka/security.ts";
import { createReader, createWriter } from "#adapters/kafka/wire.ts";
import type { Clock } from "#domain/ports.ts";

/** Sleeping moves it on at once. */
function fastClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  const pass = (ms: number) => {
    now += ms;
  };
  return { now: () => now, sleep: async (ms) => pass(ms), pass };
}

it("reads what it writes, up to the limits of each type", () => {
  const writer = createWriter();
  const numbers = [0, 1, -1, -2, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1)];
  writer.array(numbers, writer.i64);
  writer.text("é");
  writer.text(null);
  writer.compactText("x".repeat(300));
  writer.compactText(null);
  writer.compactArray([1, 2], writer.i32);
  writer.tags();
  writer.bool(true);
  const reader = createReader(writer.done());
  expect(reader.array(reader.i64)).toEqual(numbers);
  expect(reader.text()).toBe("é");
  expect(reader.nullableText()).toBeNull();
  expect(reader.compactText()).toBe("x".repeat(300));
  expect(reader.compactNullableText()).toBeNull();
  expect(reader.compactArray(reader.i32)).toEqual([1, 2]);
  reader.tags();
  expect(reader.bool()).toBe(true);
  expect(reader.remaining()).toBe(0);
  expect(() => reader.i8()).toThrow(RangeError);
});

it("asks again only for what failed, and names what stays missing", async () => {
  const clock = fastClock();
  const asked: string[][] = [];
  const collecting = collect(
    ["a", "b", "c"],
    async (pending, fail) => {
      asked.push([...pending]);
      if (asked.length === 1) fail("a", "NOT_LEADER (6)");
      fail("c", "broker 2 is down");
    },
    { clock, what: "Offsets", name: (key) => `orders-${key}` },
  );
  await expect(collecting).rejects.toMatchObject({
    code: "E_INCOMPLETE",
    message: "Offsets: 1 of 3 without an answer. orders-c: broker 2 is down",
  });
  expect(asked.slice(0, 3)).toEqual([["a", "b", "c"], ["a", "c"], ["c"]]);
  expect(clock.now()).toBeLessThanOrEqual(8000);
});

it("keeps the order of results and the limit of parallel work", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 1, 3, 2, 4], 2, async (n) => {
    running += 1;
    most = Math.max(most, running);
    for (let turn = 0; turn < n; turn += 1) await Promise.resolve();
    running -= 1;
    return n * 10;
  });
  expect(results).toEqual([50, 10, 30, 20, 40]);
  expect(most).toBe(2);
});

it("sends questions of one moment together, within limits, and never two of one key", async () => {
  const sent: string[] = [];
  const lane = createLane({
    async send(questions: readonly string[]) {
      sent.push(questions.join(" "));
      await Promise.resolve();
      return questions.map((question) => question.toUpperCase());
    },
    key: (question) => question[0],
    weight: (question) => question.length,
    most: 3,
    heaviest: 8,
    atOnce: 1,
  });
  const asked = ["a1", "a2", "b1", "c1", "d1", "eeeeee", "fffffffff", "a3"];
  expect(await Promise.all(asked.map(lane.ask))).toEqual(asked.map((question) => question.toUpperCase()));
  expect(sent).toEqual(["a1 b1 c1", "d1 eeeeee", "fffffffff", "a2", "a3"]);
});

it("keeps to its number of requests, and gives their failure to all who shared one", async () => {
  let running = 0;
  let most = 0;
  const lane = createLane({
    async send(questions: readonly number[]) {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      if (questions.includes(3)) throw new Error("it broke");
      return questions;
    },
    key: (question) => question,
    weight: () => 1,
    most: 2,
    heaviest: 10,
    atOnce: 2,
  });
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map(lane.ask));
  expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual([
    true,
    true,
    false,
    false,
    true,
    true,
    true,
  ]);
  expect(most).toBe(2);
  expect(await lane.ask(8)).toBe(8);
});

it("shares one IAM token until a minute before its end, and never keeps a failure", async () => {
  const clock = fastClock();
  let signed = 0;
  const token = sharedToken(async () => {
    signed += 1;
    if (signed === 1) throw new Error("no credentials yet");
    return { token: `t${signed}`, expiryTime: clock.now() + 900_000 };
  }, clock);
  await expect(token()).rejects.toThrow("no credentials yet");
  expect(await Promise.all([token(), token(), token()])).toEqual(["t2", "t2", "t2"]);
  clock.pass(839_000);
  expect(await token()).toBe("t2");
  clock.pass(2000);
  expect(await token()).toBe("t3");
});

it("turns an access into KafkaJS's settings", () => {
  const clock = fastClock();
  const bootstrap = ["b:9096"];
  expect(transport({ bootstrap, protocol: "PLAINTEXT" }, clock)).toEqual({ ssl: null, sasl: null });
  expect(transport({ bootstrap, protocol: "SSL", ca: "PEM" }, clock)).toEqual({
    ssl: { ca: ["PEM"] },
    sasl: null,
  });
  const sasl = { mechanism: "SCRAM-SHA-512", username: "u", password: "p" } as const;
  expect(transport({ bootstrap, protocol: "SASL_SSL", sasl }, clock)).toEqual({
    ssl: {},
    sasl: { mechanism: "scram-sha-512", username: "u", password: "p" },
  });
  expect(() => transport({ bootstrap, protocol: "SASL_SSL" }, clock)).toThrow("without a SASL mechanism");
});

it.each([
  ["KafkaJSConnectionError", { code: "ECONNREFUSED" }, "E_SOURCE_UNREACHABLE"],
  ["KafkaJSRequestTimeoutError", {}, "E_SOURCE_UNREACHABLE"],
  ["KafkaJSSASLAuthenticationError", {}, "E_KAFKA_AUTH"],
  ["KafkaJSProtocolError", { type: "CLUSTER_AUTHORIZATION_FAILED", code: 31 }, "E_KAFKA_AUTH"],
  ["KafkaJSProtocolError", { type: "UNKNOWN", code: -1 }, "E_KAFKA"],
])("gives %s the code of what happened", (name, fields, code) => {
  const thrown = Object.assign(new Error("it failed"), { name }, fields);
  const error = thrownError("source", "kafka-1:9092", thrown);
  expect(error).toMatchObject({ code, cause: thrown });
  expect(error.message).toContain("kafka-1:9092");
});

it("names Kafka's error in an answer", () => {
  const refused = answerError("target", 29, "ListOffsets of orders-0");
  expect(refused).toMatchObject({ code: "E_KAFKA_AUTH" });
  expect(refused.message).toContain("TOPIC_AUTHORIZATION_FAILED (29)");
  expect(answerError("target", 113, "x").message).toContain("STALE_MEMBER_EPOCH (113)");
  expect(answerError("target", 999, "x").message).toContain("UNKNOWN_ERROR_CODE (999)");
});

it("infers the release from API versions, or does not", () => {
  expect(releaseOf(versions([[1, 3]]))).toMatchObject({ known: false });
});

function versions(entries: ReadonlyArray<readonly [number, number]>): ApiVersions {
  return new Map(entries.map(([key, max]) => [key, { min: 0, max }]));
}
