import { z } from "zod";
import { pointers } from "./block-rules.ts";
import { createClicks, seenBy } from "./clicks.ts";
import type { Delivery } from "./delivery.ts";
import type { Sockets } from "./delivery-socket.ts";
import { type Faults, faultRules } from "./faults.ts";
import { fileJson } from "./file-store.ts";
import type { Journal } from "./journal.ts";
import { encodeMentions } from "./mentions.ts";
import { edit, post, remove } from "./messages.ts";
import { createModals } from "./modals.ts";
import { personJson, setGroup } from "./people.ts";
import { addReaction, removeReaction } from "./reactions.ts";
import { slashCommand } from "./slash-command.ts";
import { modalsOf, viewJson } from "./views.ts";
import {
  channelForPerson,
  channelOf,
  type Message,
  messageOf,
  messagesOf,
  nextStamp,
  personOf,
  Refusal,
  type World,
} from "./world.ts";

export type ControlSetup = {
  world: World;
  delivery: Delivery;
  sockets: Sockets;
  faults: Faults;
  journal: Journal;
  reset: () => void;
};

type Outcome = Record<string, unknown>;
export type Act = (raw: unknown) => Outcome | Promise<Outcome>;

const place = { channel: z.string(), user: z.string() };
const target = { ...place, ts: z.string() };

function act<S extends z.ZodType>(rules: S, run: (args: z.output<S>) => Outcome | Promise<Outcome>): Act {
  return (raw) => {
    const parsed = rules.safeParse(raw);
    if (!parsed.success) throw new Refusal("invalid_arguments", pointers(parsed.error, ""));
    return run(parsed.data);
  };
}

/** What can be done as a person, or to the workspace, by POST to `/_control/NAME`. */
export function createActs(setup: ControlSetup): Map<string, Act> {
  const all = { ...messageActs(setup), ...appActs(setup), ...worldActs(setup) };
  return new Map(Object.entries(all));
}

function messageActs({ world }: ControlSetup): Record<string, Act> {
  return {
    message: act(
      z.object({ ...place, text: z.string().min(1), thread_ts: z.string().optional() }),
      (args) => {
        const { id } = channelForPerson(world, args.channel, args.user);
        const text = encodeMentions(world, args.text);
        const message = post(world, id, { user: args.user, text, thread_ts: args.thread_ts ?? null });
        return { ts: message.ts };
      },
    ),

    "edit-message": act(z.object({ ...target, text: z.string().min(1) }), (args) => {
      const message = ownMessage(world, args, "cant_update_message");
      edit(world, message, { user: args.user, text: encodeMentions(world, args.text) });
      return { ts: message.ts };
    }),

    "delete-message": act(z.object(target), (args) => {
      remove(world, ownMessage(world, args, "cant_delete_message"));
      return {};
    }),

    reaction: act(z.object({ ...target, name: z.string(), present: z.boolean().default(true) }), (args) => {
      const { id } = channelForPerson(world, args.channel, args.user);
      const change = args.present ? addReaction : removeReaction;
      change(world, messageOf(world, id, args.ts), args.user, args.name);
      return {};
    }),
  };
}

function ownMessage(
  world: World,
  args: { channel: string; user: string; ts: string },
  error: string,
): Message {
  const message = messageOf(world, channelForPerson(world, args.channel, args.user).id, args.ts);
  // A workspace administrator may take away anybody's message, the bot's too.
  const may =
    message.user === args.user || (error === "cant_delete_message" && personOf(world, args.user).is_admin);
  if (!may) throw new Refusal(error);
  return message;
}

function appActs({ world, delivery }: ControlSetup): Record<string, Act> {
  const clicks = createClicks(world, delivery);
  const modals = createModals(world, delivery);
  const click = z.object({
    user: z.string(),
    channel: z.string().optional(),
    messageTs: z.string().optional(),
    viewId: z.string().optional(),
    action: z.looseObject({ action_id: z.string() }),
  });
  const view = z.object({
    user: z.string(),
    close: z.boolean().default(false),
    values: z.record(z.string(), z.unknown()).default({}),
  });
  return {
    command: act(z.object({ ...place, command: z.string(), text: z.string().default("") }), (args) =>
      slashCommand(world, delivery, args),
    ),
    interact: act(click, (args) => clicks.click(args)),
    view: act(view, (args) => (args.close ? modals.close(args.user) : modals.submit(args.user, args.values))),
    "open-home": act(z.object({ user: z.string() }), (args) => clicks.openHome(args.user)),
  };
}

const personChange = z.object({
  id: z.string(),
  name: z.string().optional(),
  real_name: z.string().optional(),
  team_id: z.string().optional(),
  email: z.string().nullable().optional(),
  deleted: z.boolean().optional(),
  is_bot: z.boolean().optional(),
  is_app_user: z.boolean().optional(),
  is_admin: z.boolean().optional(),
  is_restricted: z.boolean().optional(),
  is_ultra_restricted: z.boolean().optional(),
  is_stranger: z.boolean().optional(),
  is_invited_user: z.boolean().optional(),
});

function worldActs({ world, sockets, faults, journal, reset }: ControlSetup): Record<string, Act> {
  return {
    user: act(personChange, ({ id, ...change }) => {
      const person = Object.assign(personOf(world, id), definedOnly(change));
      world.changed({});
      world.publish({ type: "user_change", user: personJson(person), event_ts: String(world.now() / 1000) });
      return { user: personJson(person) };
    }),

    usergroup: act(z.object({ id: z.string(), users: z.array(z.string()) }), (args) => ({
      usergroup: setGroup(world, args.id, args.users),
    })),

    member: act(z.object({ ...place, present: z.boolean() }), (args) => {
      const channel = channelOf(world, args.channel);
      const user = personOf(world, args.user).id;
      const type = args.present ? "member_joined_channel" : "member_left_channel";
      const stamp = { event_ts: nextStamp(world, channel.id), channel_type: "C", team: world.team.id };
      if (args.present) channel.members.add(user);
      world.publish({ type, user, channel: channel.id, ...stamp });
      if (!args.present) channel.members.delete(user);
      world.changed({});
      return { members: [...channel.members] };
    }),

    /** The bot's HTTP address is known only after it started; null is Socket Mode. */
    app: act(z.object({ requestUrl: z.url().nullable() }), (args) => {
      world.app.requestUrl = args.requestUrl;
      return {};
    }),

    fault: act(faultRules, (fault) => {
      journal.note("fault", "set", { fault });
      const reason = fault.disconnect === true ? "refresh_requested" : fault.disconnect;
      if (reason) sockets.disconnect(reason);
      else faults.add(fault);
      return { waiting: faults.list() };
    }),

    reset: act(z.unknown(), () => {
      reset();
      return {};
    }),
  };
}

function definedOnly<T extends object>(value: T): Partial<T> {
  const kept: Partial<T> = { ...value };
  for (const key in kept) if (kept[key] === undefined) delete kept[key];
  return kept;
}

/** All messages of a channel, oldest first, threads and ephemerals among them; `user` leaves out what they cannot see. */
export function readMessages(world: World, channel: string, user: string | null): Outcome {
  const messages = messagesOf(world, channelOf(world, channel).id)
    .filter((message) => user === null || seenBy(message, user))
    .map((message) => ({
      ...message,
      reactions: message.reactions.map(({ name, users }) => ({ name, users, count: users.length })),
      files: message.files.flatMap((id) => {
        const file = world.files.get(id);
        return file ? [fileJson(world, file)] : [];
      }),
    }));
  return { ok: true, channel, messages };
}

/** People, channels, groups, the open modals and Home tabs, and whether the app is there. */
export function readState(world: World, sockets: Sockets): Outcome {
  const { app, team } = world;
  const people = [...world.people.values()];
  return {
    ok: true,
    team,
    app: {
      id: app.id,
      name: app.name,
      bot_user: app.botUser,
      transport: app.requestUrl ? "http" : "socket",
      sockets: sockets.count(),
      commands: [...app.commands],
    },
    users: people.map(personJson),
    channels: [...world.channels.values()].map((channel) => ({ ...channel, members: [...channel.members] })),
    usergroups: [...world.groups.values()],
    modals: Object.fromEntries(
      people.map(({ id }) => [id, modalsOf(world, id).map((view) => viewJson(world, view))]),
    ),
    homes: Object.fromEntries([...world.homes].map(([id, view]) => [id, viewJson(world, view)])),
  };
}
