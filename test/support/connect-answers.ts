import { type ConnectOptions, createConnectEngine } from "#adapters/connect/engine.ts";
import type { Flow } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { createQuietLog } from "./quiet-log.ts";
import { realClock } from "./real-clock.ts";

/** Connect's REST API, as a test has it answer. */

export const secret = 'pa"ss\\word';
export const source: ClusterAccess = {
  bootstrap: ["s1:9094", "s2:9094"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "SCRAM-SHA-512", username: "ferry", password: secret },
  ca: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
};
export const target: ClusterAccess = {
  bootstrap: ["b-1:9098"],
  protocol: "SASL_SSL",
  sasl: { mechanism: "AWS_MSK_IAM", region: "us-east-1" },
};

export const forward: Flow = {
  name: "f",
  kind: "forward",
  topics: ["a.b", "c-internal"],
  groups: [],
  tasks: 3,
};

export type Answer = { readonly status: number; readonly body?: unknown };

/** The engine before a Connect that answers so. */
export function engineThat(
  answer: (method: string, path: string, body: string) => Answer | Error,
  options: Partial<ConnectOptions> = {},
) {
  const log = createQuietLog();
  const calls: string[] = [];
  const engine = createConnectEngine({
    url: "http://user:urlpass@connect:8083/",
    auth: { username: "bot", password: "restpass" },
    source,
    target,
    exactlyOnce: true,
    ...options,
    patienceMs: 300,
    log,
    clock: realClock,
    fetch: async (url, init) => {
      const path = (typeof url === "string" ? url : "").replace(/^.*:8083/, "");
      calls.push(`${init?.method} ${path}`);
      const said = answer(init?.method ?? "GET", path, typeof init?.body === "string" ? init.body : "");
      if (said instanceof Error) throw said;
      return new Response(said.body === undefined ? null : JSON.stringify(said.body), {
        status: said.status,
      });
    },
  });
  return { engine, log, calls };
}

/** Connect's answer for what it does not have. */
export const gone = { status: 404, body: { error_code: 404, message: "Connector x not found" } };
