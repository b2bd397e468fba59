import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, it as test } from "vitest";
import { systemClock } from "#adapters/clock.ts";
import { createConnections } from "#adapters/kafka/connection.ts";
import { absent, flatTable } from "#adapters/kafka/flat-table.ts";
import { createFrames, type Frames } from "#adapters/kafka/frames.ts";
import { selfSigned } from "#support/certificate.ts";
import { createQuietLog } from "#support/quiet-log.ts";

const bodies = [Buffer.from("a"), Buffer.alloc(0), Buffer.alloc(200_000, "bc"), Buffer.alloc(70_000, "d")];

/** As the Kafka protocol has it: the length of the body, then the body. */
function frameOf(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length);
  return Buffer.concat([head, body]);
}

async function portOf(server: Server): Promise<number> {
  server.listen(0);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function open(frames: Frames, port: number, ssl: { ca: string[] } | null = null): Socket {
  const socket = frames.open({ host: "localhost", port, ssl, onConnect() {} });
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** So many answers' bodies. */
async function bodiesFrom(socket: Socket, count: number, each?: (frame: Buffer) => void): Promise<Buffer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
  const found: Buffer[] = [];
  socket.on("error", reject);
  socket.on("data", (frame: Buffer) => {
    found.push(Buffer.from(frame.subarray(4)));
    each?.(frame);
    if (found.length === count) resolve(found);
  });
  return promise;
}

/** One byte, then two, then three: lengths and bodies are cut everywhere. */
function trickle(socket: Socket): void {
  const bytes = Buffer.concat(bodies.map(frameOf));
  socket.setNoDelay(true);
  for (let at = 0, step = 1; at < bytes.length; at += step, step *= 2) {
    socket.write(bytes.subarray(at, at + step));
  }
}

test("passes each answer on whole, however the network cuts it", async () => {
  const socket = open(createFrames(), await portOf(createServer(trickle)));
  expect(await bodiesFrom(socket, bodies.length)).toEqual(bodies);
});

test("passes them on over TLS", async () => {
  const { key, cert } = selfSigned();
  const server = createTlsServer({ key, cert }, trickle);
  const socket = open(createFrames(), await portOf(server), { ca: [cert] });
  expect(await bodiesFrom(socket, bodies.length)).toEqual(bodies);
});

test("uses a buffer again that was given back, and no other", async () => {
  const large = [Buffer.alloc(90_000, "x"), Buffer.alloc(80_000, "y"), Buffer.alloc(85_000, "z")];
  const server = createServer((socket) => void socket.write(Buffer.concat(large.map(frameOf))));
  const frames = createFrames();
  const memory: unknown[] = [];
  const kept = await bodiesFrom(open(frames, await portOf(server)), 3, (frame) => {
    memory.push(frame.buffer);
    if (memory.length === 1) frames.giveBack(frame.subarray(8));
  });
  expect(kept).toEqual(large);
  expect(memory[1]).toBe(memory[0]);
  expect(memory[2]).not.toBe(memory[0]);
});

test("leaves memory alone that it did not hand out, or that has come back already", () => {
  const frames = createFrames();
  // Node cuts it out of memory that it shares among all that is small.
  const small = Buffer.allocUnsafe(500);
  frames.giveBack(small);
  expect(frames.take(small.buffer.byteLength).buffer).not.toBe(small.buffer);
  const large = frames.take(50_000);
  frames.giveBack(large);
  frames.giveBack(large);
  const [first, second] = [frames.take(50_000), frames.take(50_000)];
  expect([first.buffer === large.buffer, second.buffer === large.buffer]).toEqual([true, false]);
});

test("takes what is no length for what it is", async () => {
  const server = createServer((socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const socket = open(createFrames(), await portOf(server));
  await expect(bodiesFrom(socket, 1)).rejects.toThrow("not the Kafka protocol");
});

test("reads flat cells as a table of arrays", () => {
  const cells = {
    names: ["orders", "parcels"],
    numbers: new Map([
      ["orders", 0],
      ["parcels", 1],
    ]),
    topics: [1, 0, 1],
    begins: [0, 1, 3, 6],
    offsets: Float64Array.of(7, 5, absent, 1, 2, 7_000_000_000),
  };
  const first = flatTable(cells, 0, 2);
  expect(new Map(first)).toEqual(
    new Map([
      ["parcels", [7]],
      ["orders", [5, undefined]],
    ]),
  );
  expect([...first.keys(), first.size, first.has("orders")]).toEqual(["parcels", "orders", 2, true]);
  const second = flatTable(cells, 2, 3);
  expect([second.get("parcels"), second.get("orders"), second.get("else")]).toEqual([
    [1, 2, 7_000_000_000],
    undefined,
    undefined,
  ]);
  expect(flatTable(cells, 3, 3).size).toBe(0);
});

test("survives a server that answers, and is no broker", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => void socket.write(frameOf(Buffer.alloc(2))));
  });
  const port = await portOf(server);
  const connections = createConnections({
    role: "source",
    access: { bootstrap: [`127.0.0.1:${port}`], protocol: "PLAINTEXT" },
    log: createQuietLog(),
    clock: systemClock,
    clientId: "test",
  });
  onTestFinished(() => connections.close());
  await expect(connections.any([])).rejects.toMatchObject({ code: "E_SOURCE_UNREACHABLE" });
});
