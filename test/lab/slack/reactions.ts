import { z } from "zod";
import { messageJson, permalink, shortReactions } from "./messages.ts";
import { flag, type Method, method } from "./method.ts";
import {
  channelForApp,
  type Message,
  messageOf,
  nextStamp,
  type Reaction,
  Refusal,
  type World,
} from "./world.ts";

function fullReactions(reactions: readonly Reaction[]): Record<string, unknown>[] {
  return reactions.map(({ name, users }) => ({ name, users: [...users], count: users.length }));
}

const emojiName = /^[a-z0-9_+'-]+(::skin-tone-[2-6])?$/;

/** Adds a person's reaction. Throws `already_reacted`, `invalid_name`. */
export function addReaction(world: World, message: Message, user: string, name: string): void {
  if (!emojiName.test(name)) throw new Refusal("invalid_name");
  const known = message.reactions.find((reaction) => reaction.name === name);
  if (known?.users.includes(user)) throw new Refusal("already_reacted");
  if (known) known.users.push(user);
  else message.reactions.push({ name, users: [user] });
  tell(world, "reaction_added", message, user, name);
}

/** Takes a person's reaction back. Throws `no_reaction`. */
export function removeReaction(world: World, message: Message, user: string, name: string): void {
  const known = message.reactions.find((reaction) => reaction.name === name);
  if (!known?.users.includes(user)) throw new Refusal("no_reaction");
  known.users = known.users.filter((id) => id !== user);
  if (known.users.length === 0)
    message.reactions = message.reactions.filter((reaction) => reaction !== known);
  tell(world, "reaction_removed", message, user, name);
}

function tell(world: World, type: string, message: Message, user: string, name: string): void {
  world.changed({ channel: message.channel });
  world.publish({
    type,
    user,
    reaction: name,
    item: { type: "message", channel: message.channel, ts: message.ts },
    item_user: message.user,
    event_ts: nextStamp(world, message.channel),
  });
}

const target = { channel: z.string(), timestamp: z.string() };

export const reactionMethods: Record<string, Method> = {
  "reactions.add": method("reactions:write", z.object({ ...target, name: z.string() }), (world, args) => {
    channelForApp(world, args.channel);
    const message = messageOf(world, args.channel, args.timestamp);
    addReaction(world, message, world.app.botUser, args.name);
    return {};
  }),

  "reactions.remove": method("reactions:write", z.object({ ...target, name: z.string() }), (world, args) => {
    channelForApp(world, args.channel);
    const message = messageOf(world, args.channel, args.timestamp);
    removeReaction(world, message, world.app.botUser, args.name);
    return {};
  }),

  "reactions.get": method(
    "reactions:read",
    z.object({ ...target, full: flag.default(false) }),
    (world, args) => {
      channelForApp(world, args.channel);
      const message = messageOf(world, args.channel, args.timestamp);
      const { reactions: _short, ...rest } = messageJson(world, message, false);
      const reactions = args.full ? fullReactions(message.reactions) : shortReactions(message.reactions);
      return {
        type: "message",
        channel: args.channel,
        message: {
          ...rest,
          ...(reactions.length > 0 && { reactions }),
          permalink: permalink(world, message),
        },
      };
    },
  ),
};
