import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** The wire between the bot and Slack's Web API, which can be cut. */
export type SlackLink = {
  /** Loopback, without a slash at the end. */
  readonly url: string;
  /** Every connection is broken and none is taken. */
  readonly cut: () => Promise<void>;
  readonly mend: () => Promise<void>;
};

/** Passes bytes on to `target`, an http address of this machine, until it is cut. */
export async function openSlackLink(target: string): Promise<SlackLink> {
  const { port: targetPort } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(targetPort), "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  const port = await listen(0);

  async function listen(wanted: number): Promise<number> {
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the link to Slack has no port");
    return address.port;
  }

  return {
    url: `http://127.0.0.1:${port}`,
    async cut() {
      if (!server.listening) return;
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
    mend: async () => {
      if (!server.listening) await listen(port);
    },
  };
}
