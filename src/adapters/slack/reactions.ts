import { z } from "zod";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { MessageRef, Reaction } from "#domain/ports.ts";
import { type Calls, refusalOf } from "./calls.ts";
import { messageAt, ReactionCount } from "./history.ts";
import { type ChatNeed, isGone, orGone } from "./sending.ts";

const Nothing = z.object({});
const Reacted = z.object({ message: z.object({ reactions: z.array(ReactionCount).default([]) }) });

function isShort({ users, count }: ReactionCount): boolean {
  return users.length < count;
}

/**
 * Who reacts to a message now, the bot's own seeds left out. Slack may name fewer people than it counts; then history
 * is asked, and if that is short too the call fails with `E_SLACK`: a missing name could be a denial.
 */
export async function readReactions(need: ChatNeed, ref: MessageRef): Promise<readonly Reaction[]> {
  const { user: bot } = await need.identity();
  const all = await allReactions(need, ref);
  const short = all.find(isShort);
  if (short)
    throw new FerryError(
      "E_SLACK",
      `Slack names ${short.users.length} of ${short.count} people for ${short.name}`,
    );
  return all
    .map(({ name, users }) => ({ name, users: users.filter((user) => user !== bot) }))
    .filter(({ users }) => users.length > 0);
}

async function allReactions({ calls, log }: ChatNeed, ref: MessageRef): Promise<readonly ReactionCount[]> {
  const args = { channel: ref.channel, timestamp: ref.ts, full: true };
  try {
    const { reactions } = (await calls.repeatable("reactions.get", args, Reacted)).message;
    if (!reactions.some(isShort)) return reactions;
    return (await messageAt(calls, ref))?.reactions ?? reactions;
  } catch (error) {
    if (isGone(error)) return orGone(error, ref);
    log.warn({ ...ref, error }, "reactions are read from history");
    return await fromHistory(calls, ref, asFerryError(error).message);
  }
}

/** The other way to the same; when that is closed too, both reasons are told. */
async function fromHistory(calls: Calls, ref: MessageRef, why: string): Promise<readonly ReactionCount[]> {
  const found = await messageAt(calls, ref).catch((cause: unknown) => {
    throw new FerryError("E_SLACK", `${why}; ${asFerryError(cause).message}`, { cause });
  });
  if (found) return found.reactions ?? [];
  throw new FerryError("E_SLACK", `${why}; history does not have the message`);
}

/** Adds the bot's own reactions; those that are there already are no error. */
export async function seedReactions(
  { calls }: ChatNeed,
  ref: MessageRef,
  emoji: readonly string[],
): Promise<void> {
  for (const name of emoji) {
    const args = { channel: ref.channel, timestamp: ref.ts, name };
    await calls
      .repeatable("reactions.add", args, Nothing)
      .catch((error: unknown) => (refusalOf(error) === "already_reacted" ? {} : orGone(error, ref)));
  }
}
