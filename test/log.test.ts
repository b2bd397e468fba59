import { expect, test } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createLog } from "#log";

function capture(level: "debug" | "info" | "warn" | "error" = "info") {
  const lines: string[] = [];
  return { lines, log: createLog(level, (line) => void lines.push(line)) };
}

test("a line is JSON with its message, its fields and those of the parent", () => {
  const { lines, log } = capture();
  log.child({ migration: "orders" }).info({ wave: "billing" }, "mirror started");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    migration: "orders",
    wave: "billing",
    msg: "mirror started",
  });
});

test("levels below the one that is set write nothing", () => {
  const { lines, log } = capture("warn");
  log.debug({}, "no");
  log.info({}, "no");
  log.warn({}, "yes");
  log.error({}, "yes");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["yes", "yes"]);
});

test.each<[string, object]>([
  ["a token", { token: "s3cret" }],
  ["a token of Slack's settings", { slack: { token: "s3cret" } }],
  ["a secret", { secret: "s3cret" }],
  ["a password", { password: "s3cret" }],
  ["a login", { sasl: { username: "ferry", password: "s3cret" } }],
  ["a cluster's login", { access: { bootstrap: ["b:1"], sasl: { username: "u", password: "s3cret" } } }],
  ["a cluster with its login", { cluster: { access: { sasl: { username: "u", password: "s3cret" } } } }],
  ["a header", { authorization: "Basic s3cret" }],
  ["a request's header", { headers: { authorization: "Basic s3cret" } }],
])("%s never reaches the log", (_, fields) => {
  const { lines, log } = capture();
  log.info(fields, "opened");
  log.child(fields).info({}, "opened below");
  expect(lines).toHaveLength(2);
  expect(lines.join("")).toContain("[redacted]");
  expect(lines.join("")).not.toContain("s3cret");
});

test("an error's code is logged", () => {
  const { lines, log } = capture();
  const error = new FerryError("E_STORE", "Redis does not answer.");
  log.warn({ code: error.code, error: error.message }, "not stored");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ code: "E_STORE", error: "Redis does not answer." });
});

test.each(["error", "err"])(
  "an error under `%s` keeps its message, code, remedy, stack and causes",
  (key) => {
    const { lines, log } = capture();
    const cause = new Error("connect ECONNREFUSED", { cause: new Error("refused") });
    log.warn({ [key]: new FerryError("E_STORE", "Redis does not answer.", { cause }) }, "not stored");
    expect(JSON.parse(lines[0] ?? "")[key]).toEqual({
      code: "E_STORE",
      message: "Redis does not answer.",
      remedy: "Check Redis (REDIS_URL). The job goes on by itself when Redis answers.",
      stack: expect.stringContaining("log.test.ts"),
      causes: ["Error: connect ECONNREFUSED", "Error: refused"],
    });
  },
);

test("somebody else's error gets a code, and nothing but its words is logged", () => {
  const { lines, log } = capture();
  const error = Object.assign(new TypeError("x is not a function"), { headers: { cookie: "s3cret" } });
  log.child({ migration: "orders" }).error({ error }, "broken");
  expect(JSON.parse(lines[0] ?? "").error).toMatchObject({
    code: "E_INTERNAL",
    message: "x is not a function",
    stack: expect.stringContaining("TypeError"),
  });
  expect(lines.join("")).not.toContain("s3cret");
});

test("text under `error` stays text", () => {
  const { lines, log } = capture();
  log.warn({ error: "away" }, "not stored");
  expect(JSON.parse(lines[0] ?? "").error).toBe("away");
});
