import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import type { Ack, Envelope } from "./delivery.ts";
import type { Journal } from "./journal.ts";
import { freshId, Refusal } from "./world.ts";

const ackRules = z.object({ envelope_id: z.string(), payload: z.unknown().optional() });

export type Sockets = ReturnType<typeof createSockets>;

/** Socket Mode: single-use URLs, up to ten sockets, each envelope to one of them, acknowledged within `ackMs`. */
export function createSockets(journal: Journal, appId: string, ackMs: number) {
  const server = new WebSocketServer({ noServer: true });
  const tickets = new Set<string>();
  const acks = createAcks(ackMs);
  let open: WebSocket[] = [];
  let turn = 0;
  const heartbeat = setInterval(() => {
    for (const socket of open) socket.ping();
  }, 10_000).unref();

  function hear(data: string): void {
    const parsed = ackRules.safeParse(parseJson(data));
    if (!parsed.success) return journal.note("socket", "not an acknowledgement", { data });
    acks.settle(parsed.data.envelope_id, { ok: true, body: parsed.data.payload ?? {} });
  }

  function welcome(socket: WebSocket): void {
    open.push(socket);
    socket.on("message", (data) => hear(Buffer.isBuffer(data) ? data.toString() : ""));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      open = open.filter((one) => one !== socket);
      journal.note("socket", "closed", { open: open.length });
    });
    journal.note("socket", "hello", { open: open.length });
    socket.send(JSON.stringify(helloFor(appId, open.length)));
  }

  return {
    count: (): number => open.length,

    /** A `wss` path good for one connection. */
    ticket(): string {
      if (open.length >= 10) throw new Refusal("too_many_websockets");
      const id = freshId("tk");
      tickets.add(id);
      return `/_socket?ticket=${id}`;
    },

    upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
      const ticket = new URL(request.url ?? "/", "http://local").searchParams.get("ticket") ?? "";
      if (!tickets.delete(ticket)) return void stream.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
      server.handleUpgrade(request, stream, head, welcome);
    },

    send(envelope: Envelope): Promise<Ack> {
      const socket = open[turn++ % Math.max(open.length, 1)];
      if (!socket) return Promise.resolve({ ok: false, reason: "no_app", final: true });
      const id = freshId("en");
      const acknowledged = acks.wait(id);
      socket.send(JSON.stringify(messageFor(envelope, id)), (error) => {
        if (error) acks.settle(id, { ok: false, reason: "connection_failed", final: false });
      });
      return acknowledged;
    },

    /** Ends all connections, with Slack's notice unless `kill`. */
    disconnect(reason: string): void {
      for (const socket of open) dismiss(socket, reason);
    },

    stop(): void {
      clearInterval(heartbeat);
      for (const socket of open) socket.close(1000);
      // A client that is already leaving may never finish the handshake.
      setTimeout(() => open.forEach((socket) => socket.terminate()), 200).unref();
      acks.stop();
      server.close();
    },
  };
}

function helloFor(appId: string, count: number): Record<string, unknown> {
  const debug = { host: "demo", build_number: 1, approximate_connection_time: 18_060 };
  return { type: "hello", num_connections: count, debug_info: debug, connection_info: { app_id: appId } };
}

function dismiss(socket: WebSocket, reason: string): void {
  if (reason === "kill") return socket.terminate();
  socket.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "demo" } }));
  if (reason !== "warning") socket.close(1000);
}

/** Who waits for which acknowledgement, each for `ackMs` at most. */
function createAcks(ackMs: number) {
  const waiting = new Map<string, (ack: Ack) => void>();
  function settle(id: string, ack: Ack): void {
    waiting.get(id)?.(ack);
    waiting.delete(id);
  }
  return {
    settle,
    wait: (id: string): Promise<Ack> =>
      new Promise((resolve) => {
        const late = setTimeout(() => settle(id, { ok: false, reason: "timeout", final: false }), ackMs);
        waiting.set(id, (ack) => {
          clearTimeout(late);
          resolve(ack);
        });
      }),
    stop(): void {
      for (const id of waiting.keys()) settle(id, { ok: false, reason: "stopped", final: true });
    },
  };
}

function messageFor(envelope: Envelope, id: string): Record<string, unknown> {
  const { kind, body, retry } = envelope;
  const base = {
    envelope_id: id,
    type: kind,
    payload: body,
    accepts_response_payload: kind !== "events_api",
  };
  if (kind !== "events_api") return base;
  return { ...base, retry_attempt: retry?.attempt ?? 0, retry_reason: retry?.reason ?? "" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
