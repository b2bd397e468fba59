import { FerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { ReplicationEngine } from "#domain/ports.ts";

/** Two mirrors on one topic copy each other's records for ever: nothing in MirrorMaker 2 stops them. */
export async function refuseLoop(name: string, wave: Wave, engine: ReplicationEngine): Promise<void> {
  for (const flow of await engine.list("ferry-")) {
    const asleep = flow.state === "stopped" || flow.state === "absent";
    if (asleep || flow.kind === "checkpoint" || flow.name === name) continue;
    const shared = flow.topics.find((topic) => wave.topics.includes(topic));
    if (shared === undefined) continue;
    throw new FerryError(
      "E_LOOP",
      `${flow.name} is ${flow.state} and carries ${shared} too; ${name} must not run beside it.`,
    );
  }
}

/**
 * Starts a mirror only while no other carries its topics, and looks again once it runs: two that start at the same
 * moment both see the other, and whoever sees it stops. `E_LOOP`.
 */
export async function startGuarded(
  name: string,
  wave: Wave,
  engine: ReplicationEngine,
  start: () => Promise<void> = () => goOn(name, engine),
): Promise<void> {
  await refuseLoop(name, wave, engine);
  await start();
  await refuseLoop(name, wave, engine).catch(async (loop: unknown) => {
    await engine.stop(name);
    throw loop;
  });
}

/**
 * Lets a connector go on, whatever Connect shows of it: while its workers rebalance, a stopped one is "starting", and
 * taking that for its word would leave it stopped. Returns once it runs.
 */
export async function goOn(name: string, engine: ReplicationEngine): Promise<void> {
  const { state } = await engine.status(name);
  if (state === "failed") await engine.restartFailed(name);
  else if (state !== "running") await engine.start(name);
}
