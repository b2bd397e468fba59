import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hurryPath, keeperPath } from "./app.ts";
import { type Connection, plaintext } from "./connection.ts";
import type { Cluster } from "./journal.ts";
import { killClient, startClient, statusOf, stopClient } from "./process.ts";
import type { AppSecurity } from "./security.ts";
import { consumers, producers } from "./world.ts";

type FleetOptions = {
  /** Holds pid files, states and logs; must be the same for the whole migration. */
  readonly folder: string;
  /** host:port of the source, or several. */
  readonly bootstrap: string | readonly string[];
  readonly security?: AppSecurity;
  /** Factor on the producers' rates; 1 is about 115 records a second in all. */
  readonly speed?: number;
};

const clients = [
  ...consumers.map(({ name }) => ({ name, role: "consumer" as const })),
  ...producers.map(({ name }) => ({ name, role: "producer" as const })),
];

/** The connection in the form the applications take. */
export function connectionTo(bootstrap: string | readonly string[], security = plaintext): Connection {
  return { bootstrap: typeof bootstrap === "string" ? bootstrap.split(",") : bootstrap, security };
}

/**
 * Starts every application on the source and waits until each is connected. The world must exist: `createWorld`. They
 * end with this process, whoever starts them later.
 */
export async function startFleet(options: FleetOptions): Promise<void> {
  mkdirSync(options.folder, { recursive: true });
  writeFileSync(keeperPath(options.folder), String(process.pid));
  const connection = connectionTo(options.bootstrap, options.security);
  await Promise.all(
    clients.map(async ({ name, role }) => {
      await startClient({
        folder: options.folder,
        client: name,
        role,
        cluster: "source",
        connection,
        request: "fleet",
        speed: options.speed ?? 1,
      });
    }),
  );
}

async function stopAll(folder: string, names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => await stopClient(folder, name)));
}

/** Stops the producers cleanly, wherever they run: everything they wrote is then acknowledged and logged. */
export async function stopProducers(folder: string): Promise<void> {
  await stopAll(
    folder,
    producers.map(({ name }) => name),
  );
}

/** Stops every application cleanly, producers first, wherever it runs and whoever started it. */
export async function stopFleet(folder: string): Promise<void> {
  await stopProducers(folder);
  await stopAll(
    folder,
    consumers.map(({ name }) => name),
  );
  rmSync(hurryPath(folder), { force: true });
}

/** SIGKILL for all that is left, synchronously: for exit handlers and after a crash. */
export function killFleet(folder: string): void {
  for (const { name } of clients) killClient(folder, name);
}

/** Lets the slow consumer read as fast as it can from now on. */
export function hurryUp(folder: string): void {
  writeFileSync(hurryPath(folder), "");
}

/** Where each application runs now. */
export function whereaboutsOfFleet(folder: string): ReadonlyMap<string, Cluster | "stopped"> {
  return new Map(clients.map(({ name }) => [name, statusOf(folder, name)]));
}

/** The `clients:` entries of ferry.yaml. */
export function clientsOfFleet(folder: string) {
  const exec = {
    driver: "exec" as const,
    command: [process.execPath, fileURLToPath(new URL("./switch.ts", import.meta.url))],
    timeout: "2m",
    environment: { FERRY_LAB_APPS: folder },
  };
  return [
    ...consumers.map(({ name }) => ({ name, role: "consumer" as const, group: name, switch: exec })),
    ...producers.map(({ name, rates }) => ({
      name,
      role: "producer" as const,
      topics: Object.keys(rates),
      switch: exec,
    })),
  ];
}
