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
