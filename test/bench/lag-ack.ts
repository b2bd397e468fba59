import { fileURLToPath } from "node:url";
import { z } from "zod";
import { openLab, startBot, type } from "./ack.ts";
import { type Spread, spreadOf } from "./figures.ts";
import type { BenchTools } from "./main.ts";

/** What a sweep costs Slack: signed slash commands to a bot in whose process sweeps follow each other without a pause. */

export type AckWhileSweeping = Spread & {
  readonly commands: number;
  /** While the commands came. */
  readonly sweeps: number;
  /** The same commands, by turns, to a bot that does not sweep. */
  readonly idle: Spread;
};

const warmUpSweeps = 5;
const Swept = z.object({ sweptIn: z.number() });

export async function ackWhileSweeping(
  place: { readonly bootstrap: readonly string[]; readonly topics: number; readonly groups: number },
  commands: number,
  { say, signal }: Pick<BenchTools, "say" | "signal">,
): Promise<AckWhileSweeping> {
  await using stack = new AsyncDisposableStack();
  const lab = await openLab(stack, say);
  const preload = fileURLToPath(new URL("./sweeping.ts", import.meta.url));
  const { app, lines } = await startBot(stack, lab, {
    flags: ["--import", preload],
    environment: { BENCH_SWEEP: `${place.bootstrap.join(",")} ${place.topics} ${place.groups}` },
  });
  const { app: idleApp } = await startBot(stack, await openLab(stack, say));
  const sweeps = () => lines().filter((line) => Swept.safeParse(line).success).length;
  while (sweeps() < warmUpSweeps) await type(app, "lag");
  const before = sweeps();
  const took: number[] = [];
  const idle: number[] = [];
  while (took.length < commands) {
    signal.throwIfAborted();
    took.push(await type(app, "lag"));
    idle.push(await type(idleApp, "lag"));
  }
  const found = { commands, sweeps: sweeps() - before, ...spreadOf(took), idle: spreadOf(idle) };
  say(
    `  a command is acknowledged in ${found.p99} ms (p99) while ${found.sweeps} sweeps run in the bot, in ${found.idle.p99} ms by one that does not sweep`,
  );
  return found;
}
