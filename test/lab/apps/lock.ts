import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

/**
 * Runs `work` while no other process, and no other call, works on the same client. The lock is a SQLite file lock, so
 * the operating system gives it back when its holder dies. Throws when it is not free within `patienceMs`.
 */
export async function locked<T>(
  folder: string,
  client: string,
  work: () => Promise<T>,
  patienceMs = 60_000,
): Promise<T> {
  const database = new DatabaseSync(join(folder, `${client}.lock`), { timeout: 0 });
  const deadline = Date.now() + patienceMs;
  try {
    while (!taken(database)) {
      if (Date.now() > deadline) throw new Error(`another call has held ${client} for ${patienceMs} ms`);
      await pause(50);
    }
    return await work();
  } finally {
    database.close();
  }
}

function taken(database: DatabaseSync): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("locked")) return false;
    throw error;
  }
}
