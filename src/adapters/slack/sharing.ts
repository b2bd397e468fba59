import { z } from "zod";
import type { ChatNeed } from "./sending.ts";

const Info = z.object({
  channel: z.object({ is_ext_shared: z.boolean() }),
});

/** A channel is shared once in a long while, and asked about with each command. */
const knownForMs = 60_000;

/** Whether people of other workspaces are in a channel. A failure is asked again: nothing is guessed. */
export function createSharing({ calls, clock }: ChatNeed): (channel: string) => Promise<boolean> {
  const known = new Map<string, { readonly at: number; readonly shared: boolean }>();
  return async (channel) => {
    const earlier = known.get(channel);
    if (earlier !== undefined && clock.now() - earlier.at < knownForMs) return earlier.shared;
    const { channel: info } = await calls.repeatable("conversations.info", { channel }, Info, "once");
    const { is_ext_shared: shared } = info;
    known.set(channel, { at: clock.now(), shared });
    return shared;
  };
}
