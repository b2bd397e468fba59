import { catalogue } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";

type Source = { on(event: "error", listener: (error: Error) => void): unknown };

/** What is logged of a Redis that does not answer. Shared by both sides, so that one outage is one. */
export type Outages = {
  watch(connection: Source & { on(event: "ready" | "end", listener: () => void): unknown }): void;
  /** For troubles other than a lost connection, which every part repeats. */
  listen(part: Source, name: string): void;
};

/** One line when a connection is lost and one when all are back, however many parts and tries see it. */
export function logOutages(log: Log): Outages {
  const lost = new Set<object>();
  let last = "";
  return {
    watch(connection) {
      connection.on("error", (error) => {
        if (lost.size === 0) log.warn(troubleOf(error), "redis is not reachable; it is tried again");
        lost.add(connection);
      });
      connection.on("ready", () => {
        last = "";
        if (lost.delete(connection) && lost.size === 0) log.info({}, "redis is back");
      });
      connection.on("end", () => lost.delete(connection));
    },
    listen(part, name) {
      part.on("error", (error) => {
        if (isConnectionLoss(error) || error.message === last) return;
        last = error.message;
        log.warn({ part: name, ...troubleOf(error) }, "redis trouble");
      });
    },
  };
}

/** As ioredis and Node name it: a refused, cut or closed connection. */
function isConnectionLoss(error: Error): boolean {
  const code = "code" in error ? String(error.code) : "";
  return (
    /^(?:ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOST|ENET)/.test(code) ||
    error.message.startsWith("Connection is closed")
  );
}

/** For a log line. A host with several addresses fails with several errors and no message of its own. */
export function troubleOf(thrown: unknown): {
  readonly code: string;
  readonly error: string;
  readonly remedy: string;
} {
  const several = thrown instanceof AggregateError ? thrown.errors.map(String).join(", ") : "";
  const error = (thrown instanceof Error ? thrown.message : String(thrown)) || several || "no reason given";
  return { code: "E_STORE", error, remedy: catalogue.E_STORE.remedy };
}
