import { subscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";

/** What this process exchanged with brokers: each answer is a frame with its size in front. */
export type Traffic = { readonly answers: number; readonly received: number; readonly sent: number };

/** Counts from now on, on connections made from now on. */
export function countTraffic(): () => Traffic {
  const sockets: Socket[] = [];
  let answers = 0;

  function watch(socket: Socket): void {
    sockets.push(socket);
    let head = Buffer.alloc(0);
    let body = 0;
    socket.on("data", (chunk: Buffer) => {
      let at = 0;
      while (at < chunk.length) {
        if (body > 0) {
          const step = Math.min(body, chunk.length - at);
          at += step;
          body -= step;
          if (body === 0) answers += 1;
          continue;
        }
        const rest = chunk.subarray(at, at + 4 - head.length);
        head = Buffer.concat([head, rest]);
        at += rest.length;
        if (head.length < 4) return;
        body = head.readInt32BE(0);
        head = Buffer.alloc(0);
      }
    });
  }

  subscribe("net.client.socket", (message) => {
    if (typeof message !== "object" || message === null || !("socket" in message)) return;
    if (message.socket instanceof Socket) watch(message.socket);
  });

  return () => ({
    answers,
    received: sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    sent: sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
  });
}
