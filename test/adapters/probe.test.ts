import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProber } from "#adapters/probe.ts";

describe("probing with sockets", () => {
  const prober = createProber({ patienceMs: 2000 });
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer((socket) =>
      socket.on("error", () => {}).on("data", () => socket.end("no TLS here")),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    port = address.port;
  });

  afterEach(async () => {
    const closed = once(server, "close");
    server.close();
    await closed;
  });

  it("resolves a name, and says why not", async () => {
    expect(await prober.resolve("127.0.0.1")).toEqual({ ok: true, detail: "127.0.0.1" });
    expect(await prober.resolve("no-such-broker.invalid")).toMatchObject({ ok: false });
  });

  it("connects, and says that nobody listens", async () => {
    expect(await prober.connect("127.0.0.1", port)).toEqual({ ok: true, detail: "to 127.0.0.1" });
    expect(await prober.connect("127.0.0.1", 1)).toMatchObject({
      ok: false,
      why: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("says why there is no TLS on a plain port", async () => {
    expect(await prober.handshake("127.0.0.1", port, undefined)).toMatchObject({
      ok: false,
      why: expect.stringMatching(/./),
    });
  });

  it("gives up on a handshake that nobody answers", async () => {
    server.removeAllListeners("connection");
    server.on("connection", (socket) => socket.on("error", () => {}).resume());
    expect(await createProber({ patienceMs: 100 }).handshake("127.0.0.1", port, undefined)).toEqual({
      ok: false,
      why: "no answer in 100 ms",
    });
  });
});
