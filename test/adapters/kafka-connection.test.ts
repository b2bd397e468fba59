import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "#adapters/clock.ts";
import { createConnections, type Request } from "#adapters/kafka/connection.ts";
import { createReader, createWriter, type Writer } from "#adapters/kafka/wire.ts";
import { asFerryError } from "#domain/errors.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { selfSigned } from "#support/certificate.ts";
import { createQuietLog } from "#support/quiet-log.ts";

/** A broker that answers in any order, in pieces of any size, and may go away in the middle of an answer. */

const apiVersions = 18;
const metadata = 3;
const largest = 200_000;

function framed(correlation: number, write: (writer: Writer) => void, rest = Buffer.alloc(0)): Buffer {
  const writer = createWriter();
  writer.i32(correlation);
  write(writer);
  const body = writer.done();
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length + rest.length);
  return Buffer.concat([head, body, rest]);
}

function versionsAnswer(correlation: number): Buffer {
  return framed(correlation, (writer) => {
    writer.i16(0);
    writer.array([apiVersions, metadata], (key) => {
      writer.i16(key);
      writer.i16(0);
      writer.i16(key === metadata ? 1 : 0);
    });
  });
}

type Broker = { readonly serve: (socket: Socket) => void; cutNext(): void };

function createBroker(): Broker {
  let cut = false;

  function serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    let waiting: Buffer[] = [];
    let gone = false;
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        take(received.subarray(4, end));
        received = received.subarray(end);
      }
      setImmediate(answer);
    });

    function take(request: Buffer): void {
      const reader = createReader(request);
      const key = reader.i16();
      reader.i16();
      const correlation = reader.i32();
      reader.nullableText();
      if (key === apiVersions) return void socket.write(versionsAnswer(correlation));
      const [number, size] = [reader.i32(), reader.i32()];
      waiting.push(framed(correlation, (writer) => writer.i32(number), Buffer.alloc(size, number % 251)));
    }

    function answer(): void {
      if (gone || waiting.length === 0) return;
      const bytes = Buffer.concat(waiting.toSorted(() => Math.random() - 0.5));
      waiting = [];
      gone = cut;
      cut = false;
      const until = gone ? bytes.length - 7 : bytes.length;
      for (let at = 0, next = 0; at < until; at = next) {
        next = Math.min(until, at + 1 + Math.floor(Math.random() * 90_000));
        socket.write(bytes.subarray(at, next));
      }
      if (gone) socket.end();
    }
  }

  return {
    serve,
    cutNext() {
      cut = true;
    },
  };
}

/** `true`: every byte of the answer is this request's own, also after others have been read. */
function question(number: number, size: number): Request<boolean> {
  return {
    key: metadata,
    name: "Metadata",
    min: 1,
    max: 1,
    bytes: size % 50_000,
    encode(writer) {
      writer.i32(number);
      writer.i32(size);
    },
    detached: true,
    async decode(reader) {
      const own = reader.i32() === number;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      return own && reader.take(size).equals(Buffer.alloc(size, number % 251));
    },
  };
}

async function connect(server: Server, access: (address: string) => ClusterAccess) {
  server.listen(0);
  await once(server, "listening");
  const listening = server.address();
  const address = `localhost:${typeof listening === "object" && listening !== null ? listening.port : 0}`;
  const parts = { role: "source", log: createQuietLog(), clock: systemClock, clientId: "test" } as const;
  const connections = createConnections({ ...parts, access: access(address) });
  onTestFinished(async () => {
    await connections.close();
    server.close();
  });
  return { address, connections };
}

const { key, cert } = selfSigned();

it.each([
  {
    over: "plain sockets",
    listen: (serve: Broker["serve"]) => createServer(serve),
    access: (address: string): ClusterAccess => ({ bootstrap: [address], protocol: "PLAINTEXT" }),
  },
  {
    over: "TLS",
    listen: (serve: Broker["serve"]): Server => createTlsServer({ key, cert }, serve),
    access: (address: string): ClusterAccess => ({ bootstrap: [address], protocol: "SSL", ca: cert }),
  },
])(
  "takes no answer for another's over $over, whatever the order, the pieces and what was cut",
  async (how) => {
    const broker = createBroker();
    const { address, connections } = await connect(how.listen(broker.serve), how.access);
    const seen = { right: 0, wrong: 0 };
    const codes: string[] = [];

    async function ask(number: number): Promise<void> {
      try {
        const node = await connections.node(address, number % 2 === 0 ? "questions" : "reads");
        const isRight = await node.send(question(number, Math.floor(Math.random() ** 3 * largest)));
        seen[isRight ? "right" : "wrong"] += 1;
      } catch (thrown) {
        codes.push(asFerryError(thrown).code);
      }
    }

    for (let round = 0; round < 15; round += 1) {
      if (round % 5 === 2) broker.cutNext();
      await Promise.all(Array.from({ length: 12 }, (_, index) => ask(round * 12 + index)));
    }
    expect(seen.wrong).toBe(0);
    expect([...new Set(codes)]).toEqual(["E_SOURCE_UNREACHABLE"]);
    expect(seen.right).toBeGreaterThan(100);
  },
);
