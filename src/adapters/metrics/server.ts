import { createServer, type Server } from "node:http";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";
import type { Metrics } from "./metrics.ts";

/**
 * `GET /metrics` on a port of its own: Slack's port is open to the internet in HTTP mode, and topic names are nobody's
 * business there. Fails with `E_SETTINGS` when the port is taken.
 */
export async function serveMetrics(need: {
  readonly metrics: Pick<Metrics, "scrape">;
  /** 0 takes a free one. */
  readonly port: number;
  /** Every address when absent. */
  readonly host?: string | undefined;
  readonly log: Log;
}): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { metrics, port, host, log } = need;
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    request.resume();
    if (path !== "/metrics") return void response.writeHead(404).end("Metrics are at /metrics.\n");
    if (request.method !== "GET" && request.method !== "HEAD")
      return void response.writeHead(405, { allow: "GET, HEAD" }).end();
    metrics.scrape().then(
      ({ type, text }) => response.writeHead(200, { "content-type": type }).end(text),
      (thrown: unknown) => {
        const { code, message, remedy } = asFerryError(thrown);
        log.error({ code, error: message, remedy }, "metrics could not be written");
        response.writeHead(500).end();
      },
    );
  });
  await listening(server, port, host);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

function listening(server: Server, port: number, host: string | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) => {
    reject(
      new FerryError(
        "E_SETTINGS",
        `FERRY_METRICS_PORT: saw ${port}; ${cause.message}; a free port is needed.`,
        {
          cause,
        },
      ),
    );
  });
  server.listen({ port, ...(host !== undefined && { host }) }, resolve);
  return promise;
}
