/**
 * The private parts of KafkaJS 2.2.4 that connection.ts, errors.ts and the lab's applications use. The package is frozen
 * (last release February 2023), so these shapes do not move.
 */

declare module "kafkajs/src/loggers/index.js" {
  export type LogEntry = {
    readonly namespace: string;
    readonly label: string;
    readonly log: { readonly message: string; readonly broker?: string };
  };
  export type Logger = { namespace(name: string): Logger };
  export function createLogger(options: {
    level: number;
    logCreator: (level: number) => (entry: LogEntry) => void;
  }): Logger;
}

declare module "kafkajs/src/network/requestQueue/index.js" {
  namespace RequestQueue {
    type Answer = { payload: Buffer };
  }

  class RequestQueue {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests: (this: RequestQueue) => void;
    push(request: {
      entry: {
        apiKey: number;
        apiName: string;
        apiVersion: number;
        correlationId: number;
        resolve(answer: RequestQueue.Answer): void;
        reject(thrown: unknown): void;
      };
      expectResponse: boolean;
      requestTimeout: number | null;
      sendRequest(): void;
    }): void;
    fulfillRequest(answer: RequestQueue.Answer & { correlationId: number; size: number }): void;
    maybeThrottle(ms: number): void;
  }
  export = RequestQueue;
}

declare module "kafkajs/src/network/connectionPool.js" {
  import type { Socket } from "node:net";
  import type { Logger } from "kafkajs/src/loggers/index.js";
  import type RequestQueue from "kafkajs/src/network/requestQueue/index.js";

  namespace ConnectionPool {
    type Connection = {
      readonly clientId: string;
      readonly requestQueue: RequestQueue;
      readonly socket: Socket;
      /** Those who wait for an answer in a SASL exchange. */
      readonly authHandlers: object | null;
      processData(data: Buffer): void;
      isConnected(): boolean;
      connect(): Promise<unknown>;
      /** False also when it has to be done again; without SASL `authenticate` does nothing. */
      isAuthenticated(): boolean;
      authenticate(): Promise<void>;
      /** Throws when it is not connected. */
      failIfNotConnected(): void;
      nextCorrelationId(): number;
    };

    type Options = {
      host: string;
      port: number;
      logger: Logger;
      socketFactory: unknown;
      ssl: object | null;
      sasl: object | null;
      clientId: string;
      connectionTimeout: number;
      requestTimeout: number;
      reauthenticationThreshold: number;
    };
  }

  class ConnectionPool {
    constructor(options: ConnectionPool.Options);
    readonly pool: ReadonlyArray<ConnectionPool.Connection>;
    getConnection(index?: number): Promise<ConnectionPool.Connection>;
  }
  export = ConnectionPool;
}

declare module "kafkajs/src/broker/index.js" {
  import type { Logger } from "kafkajs/src/loggers/index.js";
  import type ConnectionPool from "kafkajs/src/network/connectionPool.js";

  class Broker {
    constructor(options: {
      connectionPool: ConnectionPool;
      logger: Logger;
      authenticationTimeout: number;
    });
    /** By API key; null until connected. */
    readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>> | null;
    isConnected(): boolean;
    connect(): Promise<void>;
    disconnect(): Promise<void>;
  }
  export = Broker;
}

declare module "kafkajs/src/protocol/error.js" {
  export const errorCodes: ReadonlyArray<{ readonly type: string; readonly code: number }>;
}

declare module "kafkajs-snappy" {
  function createSnappy(): { decompress(buffer: Buffer): Promise<Buffer> };
  export = createSnappy;
}
