import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Clock } from "#domain/ports.ts";
import type { Refusals } from "./refusals.ts";

/** Five minutes either way (docs.slack.dev/authentication/verifying-requests-from-slack). */
const goodForMs = 300_000;
const remembered = 5000;

/**
 * In front of Bolt's listener, which checks the signature: Bolt 5.1 lets requests from the future pass, and the same
 * request twice. Commands and clicks count once; an event that comes again is known by its id.
 */
export function createGate(clock: Clock, refusals: Refusals, next: RequestListener): RequestListener {
  const carriedOut = new Set<string>();

  function refuse(
    reason: "unsigned" | "stale" | "replayed",
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    refusals.note(reason, { from: request.socket.remoteAddress });
    request.resume();
    response.writeHead(401).end();
  }

  function remember(signature: string): void {
    carriedOut.add(signature);
    const [oldest] = carriedOut;
    if (carriedOut.size > remembered && oldest !== undefined) carriedOut.delete(oldest);
  }

  return (request, response) => {
    const signature = header(request, "x-slack-signature");
    const sentAt = Number(header(request, "x-slack-request-timestamp") || Number.NaN) * 1000;
    if (request.method !== "POST") return void response.writeHead(404).end();
    if (signature === "" || Number.isNaN(sentAt)) return refuse("unsigned", request, response);
    if (Math.abs(clock.now() - sentAt) > goodForMs) return refuse("stale", request, response);
    if (carriedOut.has(signature)) return refuse("replayed", request, response);
    const isForm = header(request, "content-type").startsWith("application/x-www-form-urlencoded");
    response.once("finish", () => {
      const { statusCode } = response;
      if (statusCode === 401) refusals.note("forged", { from: request.socket.remoteAddress });
      else if (statusCode === 400 || statusCode === 413) refusals.note("malformed", { statusCode });
      else if (isForm && statusCode === 200) remember(signature);
    });
    next(request, response);
  };
}

function header({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}
