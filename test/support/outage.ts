import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A door in front of a server on loopback that can be shut: what a client sees when the server is gone. */
export type Door = {
  readonly url: string;
  /** Cuts every connection and refuses new ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
};

/** Stands before the Redis at `url`. */
export async function createDoor(url: string): Promise<Door> {
  const behind = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(behind.port), behind.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    }
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    near.pipe(far).pipe(near);
  });

  async function listen(port: number): Promise<number> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async function shut(): Promise<void> {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  }

  const port = await listen(0);
  return {
    url: `redis://127.0.0.1:${port}`,
    shut,
    open: async () => {
      await listen(port);
    },
    close: shut,
  };
}
