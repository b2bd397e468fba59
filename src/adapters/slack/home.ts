import { z } from "zod";
import type { Message } from "#domain/message.ts";
import { withinLimits } from "./block-limits.ts";
import type { ChatNeed } from "./sending.ts";

const Nothing = z.object({});

/** Publishes Home tabs. Of many changes for one person at once the last is published. */
export function createHomes(need: ChatNeed): (user: string, message: Message) => Promise<void> {
  const { calls, pacer, render, log } = need;
  return (user, message) =>
    pacer.latest(`home:${user}`, `home:${user}`, async () => {
      const { blocks, problems } = withinLimits(render(message), "home");
      if (problems.length > 0)
        log.warn({ user, problems }, "blocks over slack's limits were left out of a home tab");
      await calls.repeatable("views.publish", { user_id: user, view: { type: "home", blocks } }, Nothing);
    });
}
