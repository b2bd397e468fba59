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
  const waiting = new Map<string, (ack: Ack) => void>();
  let open: WebSocket[] = [];
  let turn = 0;
  const heartbeat = setInterval(() => {
    for (const socket of open) socket.ping();
  }, 10_000).unref();

  function settle(id: string, ack: Ack): void {
    waiting.get(id)?.(ack);
    waiting.delete(id);
  }

  function hear(data: string): void {
    const parsed = ackRules.safeParse(parseJson(data));
    if (!parsed.success) return journal.note("socket", "not an acknowledgement", { data });
    settle(parsed.data.envelope_id, { ok: true, body: parsed.data.payload ?? {} });
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
    const debug = { host: "demo", build_number: 1, approximate_connection_time: 18_060 };
    const info = { num_connections: open.length, debug_info: debug, connection_info: { app_id: appId } };
    socket.send(JSON.stringify({ type: "hello", ...info }));
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
      const message = {
        envelope_id: id,
        type: envelope.kind,
        payload: envelope.body,
        accepts_response_payload: envelope.kind !== "events_api",
        ...(envelope.kind === "events_api" && {
          retry_attempt: envelope.retry?.attempt ?? 0,
          retry_reason: envelope.retry?.reason ?? "",
        }),
      };
      return new Promise((resolve) => {
        const late = setTimeout(() => settle(id, { ok: false, reason: "timeout", final: false }), ackMs);
        waiting.set(id, (ack) => {
          clearTimeout(late);
          resolve(ack);
        });
        socket.send(JSON.stringify(message), (error) => {
          if (error) settle(id, { ok: false, reason: "connection_failed", final: false });
        });
      });
    },

    /** Ends all connections, with Slack's notice unless `kill`. */
    disconnect(reason: string): void {
      for (const socket of open) {
        if (reason === "kill") socket.terminate();
        else socket.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "demo" } }));
        if (reason !== "kill" && reason !== "warning") socket.close(1000);
      }
    },

    stop(): void {
      clearInterval(heartbeat);
      for (const socket of open) socket.terminate();
      for (const id of waiting.keys()) settle(id, { ok: false, reason: "stopped", final: true });
      server.close();
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
