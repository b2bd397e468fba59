import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";

/** Between the bot and a workspace's Web API: passes every call on and notes how long the workspace took for it. */
export type TimedRelay = {
  /** For `slackApiUrl`; ends in "/". */
  readonly apiUrl: string;
  /** ms between the two moments (`performance.now()`) in which at least one call was with the workspace. */
  busyBetween(from: number, to: number): number;
  [Symbol.asyncDispose](): Promise<void>;
};

type Span = { readonly begin: number; readonly end: number };

/** `target`: the address of the workspace, without a slash at the end. What the relay itself takes is not counted. */
export async function openTimedRelay(target: string): Promise<TimedRelay> {
  const spans: Span[] = [];

  async function passOn(url: string, headers: Record<string, string>, body: Buffer) {
    const begin = performance.now();
    const answer = await fetch(`${target}${url}`, { method: "POST", headers, body: new Uint8Array(body) });
    const text = await answer.text();
    spans.push({ begin, end: performance.now() });
    return { status: answer.status, text };
  }

  const server = createServer((request, response) => {
    const { "content-type": type = "", authorization = "" } = request.headers;
    const headers = { "content-type": type, authorization };
    buffer(request)
      .then((body) => passOn(request.url ?? "/", headers, body))
      .then(({ status, text }) => {
        response.writeHead(status, { "content-type": "application/json" });
        return response.end(text);
      })
      .catch(() => response.destroy());
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the relay has no port");

  return {
    apiUrl: `http://127.0.0.1:${address.port}/api/`,
    busyBetween: (from, to) => covered(spans, from, to),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((done) => void server.close(() => done()));
    },
  };
}

/** Calls that overlap count once. */
function covered(spans: readonly Span[], from: number, to: number): number {
  const inside = spans
    .map(({ begin, end }) => ({ begin: Math.max(begin, from), end: Math.min(end, to) }))
    .filter(({ begin, end }) => end > begin)
    .sort((a, b) => a.begin - b.begin);
  let sum = 0;
  let reached = from;
  for (const { begin, end } of inside) {
    sum += Math.max(0, end - Math.max(begin, reached));
    reached = Math.max(reached, end);
  }
  return sum;
}
