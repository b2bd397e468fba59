import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createReader, createWriter } from "#adapters/kafka/wire.ts";
import { apis } from "./answers.ts";
import { createFaults, type FakeGroup, type Fault, type Model, type Place } from "./model.ts";

/**
 * Brokers that speak Kafka's protocol on real sockets, as far as a lag sweep asks: metadata, coordinators, offsets, groups.
 * They share one model of topics and groups; leaders and coordinators answer for their own only.
 */
export type FakeBrokers = AsyncDisposable & {
  readonly bootstrap: readonly string[];
  /** Names of the requests so far, in order. */
  readonly requests: string[];
  /** Received and sent. */
  readonly bytes: { in: number; out: number };
  /** `end` is also the last stable offset. Leaders take turns. */
  addTopic(
    name: string,
    partitions: number,
    offsets?: { readonly start: number; readonly end: number },
  ): void;
  /** Coordinators take turns. */
  addGroup(id: string, group: Partial<FakeGroup> & Pick<FakeGroup, "offsets">): void;
  /** Makes something go wrong until the returned function is called. */
  fault(fault: Fault): () => void;
  /** -1: nobody leads it. */
  lead(topic: string, partition: number, broker: number): void;
  coordinate(group: string, broker: number): void;
  /**
   * The broker does not listen any more. Noticed, it has left the metadata and what it led has no leader; else the others
   * go on to name it.
   */
  stop(broker: number, how?: { readonly noticed: boolean }): Promise<void>;
};

export async function openFakeBrokers({
  brokers = 3,
  offsetFetch = 8,
}: {
  readonly brokers?: number;
  readonly offsetFetch?: number;
} = {}): Promise<FakeBrokers> {
  const faults = createFaults();
  const model: Model = {
    ports: new Map(),
    down: new Set(),
    topics: new Map(),
    groups: new Map(),
    offsetFetch,
    errorAt: faults.errorAt,
  };
  const requests: string[] = [];
  const bytes = { in: 0, out: 0 };
  const memory = new Map<string, Buffer>();
  const servers = new Map<number, ListeningServer>();

  /** `undefined`: the connection is to be closed. */
  async function respond(broker: number, frame: Buffer): Promise<Buffer | undefined> {
    bytes.in += frame.length;
    const name = apis.get(frame.readInt16BE(0))?.name;
    if (name === undefined) return undefined;
    requests.push(name);
    const place: Place = { api: name, broker };
    if (faults.closes(place)) return undefined;
    const delayMs = faults.delayOf(place);
    if (delayMs > 0) await new Promise((resolve) => void setTimeout(resolve, delayMs).unref());
    const answer = faults.any() ? answerTo(model, broker, frame) : remembered(broker, frame);
    bytes.out += answer.length;
    return answer;
  }

  /** Sweeps ask the same again: what has not changed is not written again, so that the client's work is measured. */
  function remembered(broker: number, frame: Buffer): Buffer {
    const key = `${broker} ${frame.toString("latin1", 0, 4)}${frame.toString("latin1", 8)}`;
    const held = memory.get(key) ?? answerTo(model, broker, frame);
    memory.set(key, held);
    const answer = Buffer.from(held);
    frame.copy(answer, 4, 4, 8);
    return answer;
  }

  for (let id = 1; id <= brokers; id += 1) {
    const server = await listen((frame) => respond(id, frame));
    servers.set(id, server);
    model.ports.set(id, server.port);
  }

  return {
    bootstrap: [...model.ports.values()].map((port) => `127.0.0.1:${port}`),
    requests,
    bytes,
    addTopic(name, partitions, { start, end } = { start: 0, end: 100 }) {
      memory.clear();
      const row = (at: number) => ({ leader: (at % brokers) + 1, start, end, stable: end });
      model.topics.set(
        name,
        Array.from({ length: partitions }, (_, at) => row(at)),
      );
    },
    addGroup(id, group) {
      memory.clear();
      const coordinator = (model.groups.size % brokers) + 1;
      model.groups.set(id, { coordinator, state: "Empty", members: [], ...group });
    },
    fault: (fault) => faults.add(fault),
    lead(topic, partition, broker) {
      memory.clear();
      const row = model.topics.get(topic)?.[partition];
      if (!row) throw new Error(`the fake brokers have no ${topic}-${partition}`);
      row.leader = broker;
    },
    coordinate(group, broker) {
      memory.clear();
      const found = model.groups.get(group);
      if (!found) throw new Error(`the fake brokers have no group ${group}`);
      found.coordinator = broker;
    },
    async stop(broker, { noticed } = { noticed: true }) {
      memory.clear();
      if (noticed) model.down.add(broker);
      await servers.get(broker)?.close();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...servers.values()].map(({ close }) => close()));
    },
  };
}

/** Size, correlation id, header tags, body. */
function answerTo(model: Model, broker: number, frame: Buffer): Buffer {
  const reader = createReader(frame);
  const api = apis.get(reader.i16());
  const version = reader.i16();
  const correlation = reader.i32();
  reader.nullableText();
  if (!api) throw new Error("an API that nobody offered");
  const flexible = version >= (api.flexibleFrom ?? Number.POSITIVE_INFINITY);
  if (flexible) reader.tags();
  const writer = createWriter();
  writer.i32(0);
  writer.i32(correlation);
  if (flexible) writer.tags();
  api.answer({ model, broker, version, reader }, writer);
  const answer = writer.done();
  answer.writeInt32BE(answer.length - 4, 0);
  return answer;
}

type ListeningServer = { readonly port: number; readonly close: () => Promise<void> };

/** A connection's requests are answered in their order, as a broker does. */
async function listen(respond: (frame: Buffer) => Promise<Buffer | undefined>): Promise<ListeningServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let last = Promise.resolve();
    onFrames(socket, (frame) => {
      last = answerAfter(last, socket, () => respond(frame));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a fake broker has no port");
  return {
    port: address.port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function answerAfter(
  earlier: Promise<void>,
  socket: Socket,
  respond: () => Promise<Buffer | undefined>,
): Promise<void> {
  await earlier;
  const answer = await respond();
  if (answer === undefined) socket.destroy();
  else if (!socket.destroyed) socket.write(answer);
}

function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let held = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    held += chunk.length;
    for (;;) {
      const first = chunks[0];
      if (held < 4 || first === undefined) return;
      const all = first.length >= 4 && chunks.length === 1 ? first : Buffer.concat(chunks);
      chunks = [all];
      const size = all.readInt32BE(0);
      if (held < 4 + size) return;
      take(all.subarray(4, 4 + size));
      chunks = [all.subarray(4 + size)];
      held -= 4 + size;
    }
  });
}
