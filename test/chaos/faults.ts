import { setTimeout as pause } from "node:timers/promises";
import type { Fault } from "./cases.ts";
import type { ChaosLab } from "./lab.ts";

const slackAwayMs = 5000;

/** Does the harm and heals it again; returns when what was taken away is back. */
export async function inject(fault: Fault, lab: ChaosLab): Promise<void> {
  const { clusters } = lab;
  switch (fault) {
    case "worker":
      return await killWorker(lab);
    case "connect":
    case "source":
    case "target":
    case "redis": {
      const part = clusters[fault];
      await part.kill();
      return await part.restart();
    }
    case "slack":
      return await loseSlack(lab);
  }
}

/**
 * SIGKILL, then started again as a supervisor would. A dead worker's jobs stay locked for up to 15 s; the locks are
 * removed, as if that time had passed.
 */
async function killWorker({ bot, redis }: ChaosLab): Promise<void> {
  await bot()?.kill();
  const locks = await redis.keys("{ferry}:work:*:lock");
  if (locks.length > 0) await redis.del(locks);
  await bot()?.restart();
}

/** No call is answered and no event comes for five seconds; then the bot may connect again. */
async function loseSlack({ slackLink, workspace }: ChaosLab): Promise<void> {
  await slackLink.cut();
  const kill = () =>
    fetch(`${workspace.url}/_control/fault`, {
      method: "POST",
      body: JSON.stringify({ disconnect: "kill" }),
    });
  await kill();
  await pause(slackAwayMs);
  await slackLink.mend();
}
