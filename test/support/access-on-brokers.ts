import type { KafkaCluster, World } from "#domain/ports.ts";
import { type Migration, MigrationSettings } from "#domain/settings.ts";
import { access as accessJob } from "#jobs/access/access.ts";
import { access } from "#jobs/access/copy.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { createFakeMsk } from "./fake-msk.ts";
import { openRun } from "./sample-migration.ts";
import { createSmallWork } from "./small-work.ts";

/** `/ferry access` on two given clusters; on the target the bot is `mirror`, no super user. */
export async function accessOn(source: KafkaCluster, target: KafkaCluster, mirror: string) {
  const small = createSmallWork({ migration: migrationWith(mirror) });
  const msk = createFakeMsk(small.clock);
  msk.put({ name: "migrated", auth: ["scram"] });
  const world: World = Object.create(small.world, {
    source: { value: source },
    target: { value: async () => target },
    msk: { value: msk.msk },
  });
  const work = { ...small, world };

  async function carryOut(choice: "copy" | "withdraw"): Promise<string> {
    const proposal = await access.propose({ choice, by: "UANA" }, work);
    const run = await openRun(work.store, choice);
    const steps = await access.steps(proposal, work, run);
    const result = await runSteps({ steps, run, work, subject: choice });
    await run.leave(0);
    return result.kind === "undone" ? result.error.message : result.kind;
  }

  async function diff(): Promise<string> {
    await accessJob({ name: "access", migration: "orders", by: "UANA", action: "diff" }, work);
    return JSON.stringify(work.card.shown.at(-1)?.parts);
  }

  return { carryOut, diff };
}

function migrationWith(mirror: string): Migration {
  const authorizer = { everyoneIfNoAcl: true, superUsers: ["User:ferry"] };
  return {
    name: "orders",
    settings: MigrationSettings.parse({
      channel: "C1",
      source: { bootstrap: ["source:9092"], principal: "User:ferry", authorizer },
      target: {
        cluster: "migrated",
        region: "us-east-1",
        auth: "scram",
        scram: { username: mirror, passwordEnv: "P", secretArns: [] },
        authorizer,
        subnets: ["a", "b"],
        securityGroups: ["g"],
      },
      replication: { connect: { url: "http://connect:8083" } },
    }),
  };
}
