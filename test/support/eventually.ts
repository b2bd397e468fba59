import { setTimeout as sleep } from "node:timers/promises";

/** Asks until it gets a defined answer; fails with the last error, or names what did not come, after `deadlineMs`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  deadlineMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(25);
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last });
}
