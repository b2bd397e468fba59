import type { ServerResponse } from "node:http";

export type Change = { channel?: string; user?: string | null };

/** Live notices to open pages, as server-sent events. A notice meant for one person goes to that person's pages. */
export function createFeed() {
  const listeners = new Map<ServerResponse, string>();
  const heartbeat = setInterval(() => {
    for (const response of listeners.keys()) response.write(": still here\n\n");
  }, 15_000).unref();

  return {
    join(response: ServerResponse, user: string): void {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write("retry: 500\ndata: {}\n\n");
      listeners.set(response, user);
      response.on("close", () => listeners.delete(response));
    },

    tell({ channel, user }: Change): void {
      for (const [response, reader] of listeners)
        if (!user || user === reader)
          response.write(`data: ${JSON.stringify({ channel: channel ?? null })}\n\n`);
    },

    stop(): void {
      clearInterval(heartbeat);
      for (const response of listeners.keys()) response.end();
    },
  };
}
