/**
 * The private parts of KafkaJS 2.2.4 that connection.ts and errors.ts use. The package is frozen (last release
 * February 2023), so these shapes do not move.
 */

declare module "kafkajs/src/protocol/encoder.js" {
  class Encoder {
    constructor(initialSize?: number);
    buf: Buffer;
    /** How much of it is written. */
    offset: number;
  }
  export = Encoder;
}

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

declare module "kafkajs/src/network/connectionPool.js" {
  import type { Logger } from "kafkajs/src/loggers/index.js";
  import type Encoder from "kafkajs/src/protocol/encoder.js";

  namespace ConnectionPool {
    type Queue = { pending: readonly unknown[]; scheduleCheckPendingRequests(): void };

    type Exchange<T extends { readonly clientSideThrottleTime: number }> = {
      request: {
        apiKey: number;
        apiVersion: number;
        apiName: string;
        encode(): Promise<Encoder>;
      };
      response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
      requestTimeout?: number;
      logResponseError?: boolean;
    };

    type Connection = {
      readonly requestQueue: Queue;
      isConnected(): boolean;
      connect(): Promise<unknown>;
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
    send<T extends { readonly clientSideThrottleTime: number }>(
      exchange: ConnectionPool.Exchange<T>,
    ): Promise<T>;
  }
  export = ConnectionPool;
}

declare module "kafkajs/src/network/socketFactory.js" {
  function createSocketFactory(): unknown;
  export = createSocketFactory;
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
