import { z } from "zod";
import { blocksFrom } from "./chat.ts";
import { edit, post, remove } from "./messages.ts";
import { type Message, messagesOf, Refusal, type World } from "./world.ts";

/** A reply to a command, or a post to a `response_url`. */
export const answerRules = z.looseObject({
  text: z.string().optional(),
  blocks: z.unknown().optional(),
  response_type: z.enum(["ephemeral", "in_channel"]).default("ephemeral"),
  replace_original: z.boolean().default(false),
  delete_original: z.boolean().default(false),
  thread_ts: z.string().optional(),
});

type Answer = z.output<typeof answerRules>;
type Origin = { channel: string; user: string; original: string | null };

/** Shows the app's answer to the person, or to the channel; null when there was nothing to show. */
export function applyAnswer(world: World, origin: Origin, answer: Answer): Message | null {
  const original = messagesOf(world, origin.channel).find((m) => m.ts === origin.original);
  if (answer.delete_original) {
    if (original) remove(world, original);
    return null;
  }
  const blocks = blocksFrom(world, answer.blocks);
  if (!answer.text && !blocks?.length) return null;
  const content = { text: answer.text ?? "", ...(blocks && { blocks }) };
  if (answer.replace_original && original) {
    edit(world, original, { blocks: [], ...content });
    return original;
  }
  return post(world, origin.channel, {
    user: world.app.botUser,
    ...content,
    thread_ts: answer.thread_ts ?? null,
    ...(answer.response_type === "ephemeral" && { ephemeral_to: origin.user }),
  });
}

/** A post to a `response_url`: five times, within thirty minutes. Throws `used_url`, `expired_url`. */
export function answerByHook(world: World, id: string, body: unknown): void {
  const hook = world.hooks.get(id);
  if (!hook || hook.expires < world.now()) throw new Refusal("expired_url");
  if (hook.uses >= 5) throw new Refusal("used_url");
  const answer = answerRules.safeParse(body);
  if (!answer.success) throw new Refusal("invalid_payload");
  applyAnswer(world, hook, answer.data);
  hook.uses += 1;
}
