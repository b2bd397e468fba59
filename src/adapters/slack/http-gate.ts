import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Clock } from "#domain/ports.ts";
import type { Refusals } from "./refusals.ts";

/** Five minutes either way (docs.slack.dev/authentication/verifying-requests-from-slack). */
const goodForMs = 300_000;
const remembered = 5000;
/** As Bolt's. */
const bodyLimit = 4 * 1024 * 1024;

export type GateNeed = {
  readonly signingSecret: string;
  readonly clock: Clock;
  readonly refusals: Refusals;
  /** Answers a slash command; false: this is none. */
  readonly command: (body: string, response: ServerResponse) => boolean;
  /** Gets everything else; with the body that was read, as Bolt wants it. */
  readonly next: (request: IncomingMessage & { readonly rawBody: Buffer }, response: ServerResponse) => void;
};

type Arrived = { readonly request: IncomingMessage; readonly response: ServerResponse };

/**
 * In front of Bolt, in its place for signatures: Bolt 5.1 lets requests from the future pass, and the same request
 * twice. Commands and clicks count once; an event that comes again is known by its id. A slash command is answered
 * from here: a person waits for it.
 */
export function createGate(need: GateNeed): RequestListener {
  const { clock, refusals } = need;
  const carriedOut = new Set<string>();

  function refuse(reason: "unsigned" | "stale" | "replayed" | "forged", { request, response }: Arrived) {
    refusals.note(reason, { from: request.socket.remoteAddress });
    request.resume();
    response.writeHead(401).end();
  }

  function remember(signature: string): void {
    carriedOut.add(signature);
    const [oldest] = carriedOut;
    if (carriedOut.size > remembered && oldest !== undefined) carriedOut.delete(oldest);
  }

  function letIn(signature: string, body: Buffer, { request, response }: Arrived): void {
    const isForm = header(request, "content-type").startsWith("application/x-www-form-urlencoded");
    response.once("finish", () => {
      const { statusCode } = response;
      if (statusCode === 400) refusals.note("malformed", { statusCode });
      else if (isForm && statusCode === 200) remember(signature);
    });
    if (isForm && isHere(request) && need.command(body.toString(), response)) return;
    need.next(Object.assign(request, { rawBody: body }), response);
  }

  return (request, response) => {
    const arrived = { request, response };
    const signature = header(request, "x-slack-signature");
    const stamp = header(request, "x-slack-request-timestamp");
    const sentAt = Number(stamp || Number.NaN) * 1000;
    if (request.method !== "POST") return void response.writeHead(404).end();
    if (signature === "" || Number.isNaN(sentAt)) return refuse("unsigned", arrived);
    if (Math.abs(clock.now() - sentAt) > goodForMs) return refuse("stale", arrived);
    readBody(arrived, refusals, (body) => {
      // Before the replay: whoever guesses signatures learns nothing of those that were used.
      if (!isSigned(need.signingSecret, stamp, body, signature)) return refuse("forged", arrived);
      if (carriedOut.has(signature)) return refuse("replayed", arrived);
      letIn(signature, body, arrived);
    });
  };
}

/** Where Slack sends to. */
export const endpoint = "/slack/events";

function isHere({ url = "" }: IncomingMessage): boolean {
  return url === endpoint || url.startsWith(`${endpoint}?`);
}

/** A request that breaks off gets no answer: nobody is there to read it. */
function readBody({ request, response }: Arrived, refusals: Refusals, then: (body: Buffer) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  request.on("data", (part: Buffer) => {
    size += part.length;
    if (size <= bodyLimit) return void parts.push(part);
    if (response.headersSent) return;
    refusals.note("malformed", { statusCode: 413 });
    response.writeHead(413, { connection: "close" }).end();
  });
  request.on("end", () => {
    if (size <= bodyLimit) then(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  });
  request.on("error", () => response.destroy());
}

/** `v0=` and the HMAC-SHA256 of version, time stamp as sent, and body (the page named above). */
function isSigned(secret: string, stamp: string, body: Buffer, signature: string): boolean {
  const own = `v0=${createHmac("sha256", secret).update(`v0:${stamp}:`).update(body).digest("hex")}`;
  const [a, b] = [Buffer.from(own), Buffer.from(signature)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function header({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}
