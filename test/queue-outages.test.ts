import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createQuietLog } from "#support/quiet-log.ts";
import { logOutages } from "../src/redis-outages.ts";

function setup() {
  const log = createQuietLog();
  const outages = logOutages(log);
  const adding = new EventEmitter();
  const working = new EventEmitter();
  const worker = new EventEmitter();
  outages.watch(adding);
  outages.watch(working);
  outages.listen(worker, "worker");
  return { log, adding, working, worker };
}

const refused = () =>
  Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6379"), { code: "ECONNREFUSED" });
const lost = {
  level: "warn",
  message: "redis is not reachable; it is tried again",
  fields: {
    code: "E_STORE",
    error: "connect ECONNREFUSED 127.0.0.1:6379",
    remedy: "Check Redis (REDIS_URL). The job goes on by itself when Redis answers.",
  },
};
const back = { level: "info", message: "redis is back", fields: {} };

test("an outage is one line, its end another, whatever the number of connections and tries", () => {
  const { log, adding, working, worker } = setup();
  for (const part of [adding, working, worker, adding, working, worker]) part.emit("error", refused());
  worker.emit("error", new Error("Connection is closed."));
  expect(log.lines).toEqual([lost]);
  adding.emit("ready");
  expect(log.lines).toEqual([lost]);
  working.emit("ready");
  expect(log.lines).toEqual([lost, back]);
});

test("a first connect is no end of an outage, and a second outage is told again", () => {
  const { log, adding, working } = setup();
  adding.emit("ready");
  working.emit("ready");
  expect(log.lines).toEqual([]);
  for (const _ of [1, 2]) {
    working.emit("error", refused());
    working.emit("ready");
  }
  expect(log.lines).toEqual([lost, back, lost, back]);
});

test("a connection that was given up keeps no outage open", () => {
  const { log, adding, working } = setup();
  adding.emit("error", refused());
  working.emit("error", refused());
  working.emit("end");
  adding.emit("ready");
  expect(log.lines).toEqual([lost, back]);
});

test("a host with several addresses is named with each of them", () => {
  const { log, adding } = setup();
  adding.emit("error", new AggregateError([new Error("refused ::1"), new Error("refused 127.0.0.1")]));
  expect(log.lines[0]?.fields).toMatchObject({ error: "Error: refused ::1, Error: refused 127.0.0.1" });
});

test("other troubles are told once each, with what to do", () => {
  const { log, worker } = setup();
  for (const _ of [1, 2, 3]) worker.emit("error", new Error("OOM command not allowed"));
  expect(log.lines).toEqual([
    {
      level: "warn",
      message: "redis trouble",
      fields: { ...lost.fields, part: "worker", error: "OOM command not allowed" },
    },
  ]);
});
