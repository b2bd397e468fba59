import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProber } from "#adapters/probe.ts";
import { selfSigned } from "#support/certificate.ts";
import { createFakeProber } from "#support/fake-network.ts";
import { proberContract } from "../contract/prober.ts";

proberContract("in memory", async () => {
  const failing = [
    "dns nowhere",
    "tcp nowhere:9092",
    "tcp closed:9092",
    "tls closed:9092",
    "tls plain:9092",
    "tls stranger:9093",
  ];
  return {
    prober: createFakeProber(new Map(failing.map((layer) => [layer, "as the test wants"]))),
    plain: { host: "plain", port: 9092 },
    tls: { host: "tls", port: 9093, authority: "pem" },
    stranger: { host: "stranger", port: 9093 },
    closed: { host: "closed", port: 9092 },
    nowhere: "nowhere",
    close: async () => {},
  };
});

proberContract("with sockets", async () => {
  const [own, other] = [selfSigned(), selfSigned()];
  const plain = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.end("no TLS")));
  const servers = [plain, createTlsServer(own), createTlsServer(other), createServer()];
  const ports = await Promise.all(servers.map((server) => listen(server)));
  const [plainPort = 0, tlsPort = 0, strangerPort = 0, closedPort = 0] = ports;
  const closed = servers.splice(3);
  await Promise.all(closed.map(end));
  return {
    prober: createProber({ patienceMs: 2000 }),
    plain: at(plainPort),
    tls: { ...at(tlsPort), authority: own.cert },
    stranger: at(strangerPort),
    closed: at(closedPort),
    nowhere: "no-such-broker.invalid",
    close: async () => void (await Promise.all(servers.map(end))),
  };
});

function at(port: number): { readonly host: string; readonly port: number } {
  return { host: "localhost", port };
}

async function listen(server: Server, host = "localhost"): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function end(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  await closed;
}

describe("probing with sockets", () => {
  const prober = createProber({ patienceMs: 2000 });
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer((socket) =>
      socket.on("error", () => {}).on("data", () => socket.end("no TLS here")),
    );
    port = await listen(server, "127.0.0.1");
  });

  afterEach(() => end(server));

  it("says which address it found, which it reached, and that nobody listens", async () => {
    expect(await prober.resolve("127.0.0.1")).toEqual({ ok: true, detail: "127.0.0.1" });
    expect(await prober.connect("127.0.0.1", port)).toEqual({ ok: true, detail: "to 127.0.0.1" });
    expect(await prober.connect("127.0.0.1", 1)).toMatchObject({
      ok: false,
      why: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("names protocol and certificate, and trusts only the system's authorities where none is given", async () => {
    const own = selfSigned();
    const tls = createTlsServer(own);
    const tlsPort = await listen(tls);
    expect(await prober.handshake("localhost", tlsPort, own.cert)).toEqual({
      ok: true,
      detail: expect.stringMatching(/^TLSv1\.3, localhost, issued by localhost, valid \d{4}-\d\d-\d\d to /),
      until: expect.any(Number),
    });
    expect(await prober.handshake("localhost", tlsPort, undefined)).toMatchObject({
      ok: false,
      why: expect.stringContaining("DEPTH_ZERO_SELF_SIGNED_CERT"),
    });
    await end(tls);
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
