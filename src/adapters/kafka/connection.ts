/**
 * The only file that reaches into KafkaJS's private parts. Its public admin client asks twice per topic and
 * leader and refreshes the metadata of every topic it has ever seen on each call (measured: 12,000 requests and
 * 101 s for 50,000 partitions, where three requests do), fails a whole answer on the first partition error, and
 * has no DescribeLogDirs or multi-group OffsetFetch. What is used here is its socket, TLS, SASL,
 * re-authentication, request queue and timeouts; requests and answers are our own.
 */
import Broker from "kafkajs/src/broker/index.js";
import { createLogger, type LogEntry } from "kafkajs/src/loggers/index.js";
import ConnectionPool from "kafkajs/src/network/connectionPool.js";
import type RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import { FerryError } from "#domain/errors.ts";
import type { Clock, Log } from "#domain/ports.ts";
import type { ClusterAccess } from "#domain/topology.ts";
import { isUnreachable, type Role, thrownError, unreachableCode } from "./errors.ts";
import { createFrames, type Frames } from "./frames.ts";
import { transport } from "./security.ts";
import { createReader, createWriter, type Reader, type Writer } from "./wire.ts";

/** One API of the Kafka protocol with the versions that this adapter writes and reads. */
export type Request<T> = {
  readonly key: number;
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** From this version on headers carry tagged fields (KIP-482). */
  readonly flexibleFrom?: number;
  /** Milliseconds, for slow calls; never below the default. */
  readonly timeout?: number;
  /** About how long the request is, where it is long. */
  readonly bytes?: number;
  encode(writer: Writer, version: number): void;
  /** What it reads refers to none of the answer's bytes afterwards: their buffer serves again. */
  readonly detached?: true;
  /** Long answers are read in slices (`breathe`). */
  decode(reader: Reader, version: number): T | Promise<T>;
};

export type ApiVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>;

/** A broker that we are connected and authenticated to. */
export type Node = {
  /** "host:port". */
  readonly address: string;
  readonly versions: ApiVersions;
  /** @throws FerryError `E_*_UNREACHABLE`, `E_KAFKA_AUTH`, or `E_KAFKA` when the broker lacks the API. */
  send<T>(request: Request<T>): Promise<T>;
};

export type Connections = {
  /** `lane` keeps large reads from holding up small questions: each has its own socket. */
  readonly node: (address: string, lane?: "questions" | "reads") => Promise<Node>;
  /** A connected one of these or of the bootstrap list; else the first that connects. */
  readonly any: (preferred: readonly string[]) => Promise<Node>;
  readonly close: () => Promise<void>;
};

/** A TLS handshake with IAM may need several seconds; KafkaJS's default is 1 s. */
const connectionTimeout = 10_000;
const requestTimeout = 10_000;

/** Bytes. */
const headerBytes = 16;
const shortRequest = 512;
/** Of an answer: its length, and which request it is for. */
const answerHead = 8;

type Settings = {
  readonly role: Role;
  readonly access: ClusterAccess;
  readonly log: Log;
  readonly clock: Clock;
  readonly clientId: string;
};
type Handle = { readonly broker: Broker; readonly node: () => Node; connect(): Promise<void> };

export function createConnections({ role, access, log, clock, clientId }: Settings): Connections {
  const logger = createLogger({ level: 5, logCreator: () => (entry) => forward(log, entry) });
  const frames = createFrames();
  const { ssl, sasl } = transport(access, clock);
  const handles = new Map<string, Handle>();
  let closed = false;

  function open(address: string): Handle {
    const [host, port] = splitAddress(address);
    const pool = new ConnectionPool({
      host,
      port,
      logger,
      socketFactory: frames.open,
      ssl,
      sasl,
      clientId,
      connectionTimeout,
      requestTimeout,
      reauthenticationThreshold: 10_000,
    });
    calmQueues(pool);
    useOneSocket(pool);
    takeFrames(pool);
    const broker = new Broker({ connectionPool: pool, logger, authenticationTimeout: 10_000 });
    return createHandle({ role, address, pool, broker, frames });
  }

  async function node(address: string, lane: "questions" | "reads" = "questions"): Promise<Node> {
    if (closed) throw new FerryError("E_INTERNAL", `The connection to the ${role} cluster is closed.`);
    const key = `${lane} ${address}`;
    const handle = handles.get(key) ?? open(address);
    handles.set(key, handle);
    await handle.connect();
    return handle.node();
  }

  async function any(preferred: readonly string[]): Promise<Node> {
    const addresses = [...new Set([...preferred, ...access.bootstrap])];
    const ready = addresses.find((address) => handles.get(`questions ${address}`)?.broker.isConnected());
    if (ready !== undefined) return node(ready);
    try {
      return await Promise.any(addresses.map((address) => node(address)));
    } catch (thrown) {
      throw noneReachable(role, thrown);
    }
  }

  async function close(): Promise<void> {
    closed = true;
    await Promise.all([...handles.values()].map(({ broker }) => broker.disconnect()));
    handles.clear();
  }

  return { node, any, close };
}

type HandleParts = {
  readonly role: Role;
  readonly address: string;
  readonly pool: ConnectionPool;
  readonly broker: Broker;
  readonly frames: Frames;
};

function createHandle({ role, address, pool, broker, frames }: HandleParts): Handle {
  let connecting: Promise<void> | undefined;
  let versions: ApiVersions = new Map();

  async function connect(): Promise<void> {
    // While somebody else connects, the socket is already open and the versions are not known yet.
    if (connecting === undefined && versions.size > 0 && broker.isConnected()) return;
    connecting ??= broker.connect().finally(() => {
      connecting = undefined;
    });
    try {
      await connecting;
      versions = apiVersions(broker);
    } catch (thrown) {
      await broker.disconnect();
      throw thrownError(role, address, thrown);
    }
  }

  async function send<T>(request: Request<T>): Promise<T> {
    const version = agree(role, address, versions, request);
    try {
      return await exchange(await pool.getConnection(), { request, version, frames });
    } catch (thrown) {
      const error = thrownError(role, address, thrown);
      // A socket that timed out may stay "connected" for ever; the next call opens a new one.
      if (isUnreachable(error)) void broker.disconnect();
      throw error;
    }
  }

  return { broker, connect, node: () => ({ address, versions, send }) };
}

/** KafkaJS wakes up every millisecond for ever once a connection has been used; only a waiting request needs that. */
function calmQueues(pool: ConnectionPool): void {
  for (const { requestQueue } of pool.pool) {
    const check = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
    requestQueue.scheduleCheckPendingRequests = () => {
      if (requestQueue.pending.length > 0) check();
    };
  }
}

/**
 * KafkaJS keeps a second connection for fetches and opens a socket for each request that comes before the first one
 * is connected; all but the last are never closed. Lanes are apart already, so one connection with one socket is enough.
 */
function useOneSocket(pool: ConnectionPool): void {
  const [connection] = pool.pool;
  if (!connection) return;
  let connecting: Promise<unknown> | undefined;
  pool.getConnection = async () => {
    if (connecting === undefined && connection.isConnected()) return connection;
    connecting ??= connection.connect().finally(() => {
      connecting = undefined;
    });
    await connecting;
    return connection;
  };
}

/** Answers come whole (`Frames`): only those of a SASL exchange are KafkaJS's to take apart. */
function takeFrames(pool: ConnectionPool): void {
  for (const connection of pool.pool) {
    const takeApart = connection.processData.bind(connection);
    connection.processData = (frame) => {
      if (connection.authHandlers) return takeApart(frame);
      if (frame.length < answerHead) {
        const text = `an answer of ${frame.length - 4} bytes: this is not the Kafka protocol`;
        return void connection.socket.destroy(new Error(text));
      }
      connection.requestQueue.fulfillRequest({
        correlationId: frame.readInt32BE(4),
        size: frame.length - 4,
        payload: frame.subarray(answerHead),
      });
    };
  }
}

type Exchange<T> = { readonly request: Request<T>; readonly version: number; readonly frames: Frames };

/** In KafkaJS's order of things, by a request that is not copied: its own `send` copies it into two longer buffers. */
async function exchange<T>(
  connection: ConnectionPool.Connection,
  { request, version, frames }: Exchange<T>,
): Promise<T> {
  if (!connection.isAuthenticated()) await connection.authenticate();
  const { clientId, requestQueue } = connection;
  const correlationId = connection.nextCorrelationId();
  const flexible = request.flexibleFrom !== undefined && version >= request.flexibleFrom;
  const writer = createWriter(frames.take((request.bytes ?? shortRequest) + clientId.length + headerBytes));
  writer.i32(0); // its length, once that is known
  writer.i16(request.key);
  writer.i16(version);
  writer.i32(correlationId);
  writer.text(clientId);
  if (flexible) writer.tags();
  request.encode(writer, version);
  const frame = writer.done();
  frame.writeInt32BE(frame.length - 4, 0);
  const { payload } = await new Promise<RequestQueue.Answer>((resolve, reject) => {
    connection.failIfNotConnected();
    requestQueue.push({
      entry: {
        apiKey: request.key,
        apiName: request.name,
        apiVersion: version,
        correlationId,
        resolve,
        reject,
      },
      expectResponse: true,
      requestTimeout: request.timeout ?? null,
      sendRequest: () => void connection.socket.write(frame),
    });
  });
  frames.giveBack(frame); // the broker has read it: there is its answer
  const reader = createReader(payload);
  if (flexible) reader.tags();
  const value = await request.decode(reader, version);
  requestQueue.maybeThrottle(reader.throttled());
  if (request.detached) frames.giveBack(payload);
  return value;
}

/** The newest version of an API that both sides speak. */
function agree(role: Role, address: string, versions: ApiVersions, request: Request<unknown>): number {
  const offered = versions.get(request.key);
  const version = Math.min(request.max, offered?.max ?? -1);
  if (version >= Math.max(request.min, offered?.min ?? 0)) return version;
  const has = offered ? `versions ${offered.min} to ${offered.max}` : "none";
  throw new FerryError(
    "E_KAFKA",
    `Broker ${address} of the ${role} cluster: UNSUPPORTED_VERSION, ${request.name} ${request.min} to ${request.max} is needed, it has ${has}.`,
  );
}

function apiVersions(broker: Broker): ApiVersions {
  const entries = Object.entries(broker.versions ?? {});
  return new Map(
    entries.map(([key, { minVersion, maxVersion }]) => [Number(key), { min: minVersion, max: maxVersion }]),
  );
}

function noneReachable(role: Role, thrown: unknown): FerryError {
  if (!(thrown instanceof AggregateError)) return thrownError(role, "(any)", thrown);
  const errors = thrown.errors.map((error: unknown) => thrownError(role, "(any)", error));
  const telling = errors.find((error) => !isUnreachable(error));
  if (telling) return telling;
  const text = errors.map((error) => error.message).join("; ");
  return new FerryError(unreachableCode(role), text || "No broker is named.", { cause: thrown });
}

function splitAddress(address: string): [string, number] {
  const colon = address.lastIndexOf(":");
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}

function forward(log: Log, { namespace, label, log: entry }: LogEntry): void {
  if (label === "DEBUG") return;
  log.debug({ namespace, label, broker: entry.broker, detail: entry.message }, "kafkajs");
}
