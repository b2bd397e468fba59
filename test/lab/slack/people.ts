import { z } from "zod";
import { count, flag, type Method, method, pageOf } from "./method.ts";
import { type Person, personOf, Refusal, type UserGroup, type World } from "./world.ts";

/** The person as `users.info` describes them. */
export function personJson(person: Person): Record<string, unknown> {
  const { email, ...flags } = person;
  return {
    ...flags,
    tz: "Europe/Paris",
    tz_offset: 3600,
    profile: {
      real_name: person.real_name,
      display_name: person.name,
      ...(email !== null && { email }),
      team: person.team_id,
    },
  };
}

function groupJson(world: World, group: UserGroup, withUsers: boolean): Record<string, unknown> {
  return {
    id: group.id,
    team_id: world.team.id,
    is_usergroup: true,
    name: group.name,
    handle: group.handle,
    date_delete: group.disabled ? 1 : 0,
    user_count: group.users.length,
    ...(withUsers && { users: group.users }),
  };
}

/** Sets the members of a user group and tells the app. */
export function setGroup(world: World, id: string, users: string[]): UserGroup {
  const group = world.groups.get(id);
  if (!group) throw new Refusal("no_such_subteam");
  const before = group.users;
  group.users = [...new Set(users.map((user) => personOf(world, user).id))];
  const added = group.users.filter((user) => !before.includes(user));
  const removed = before.filter((user) => !group.users.includes(user));
  const seconds = Math.floor(world.now() / 1000);
  world.changed({});
  world.publish({
    type: "subteam_members_changed",
    subteam_id: id,
    team_id: world.team.id,
    date_previous_update: seconds,
    date_update: seconds,
    added_users: added,
    added_users_count: added.length,
    removed_users: removed,
    removed_users_count: removed.length,
    event_ts: String(world.now() / 1000),
  });
  return group;
}

export const peopleMethods: Record<string, Method> = {
  "auth.test": method(null, z.unknown(), (world) => ({
    url: `${world.url}/`,
    team: world.team.name,
    team_id: world.team.id,
    user: world.people.get(world.app.botUser)?.name,
    user_id: world.app.botUser,
    bot_id: world.app.botId,
    is_enterprise_install: false,
  })),

  "bots.info": method("users:read", z.object({ bot: z.string().optional() }), (world, args) => {
    if (args.bot && args.bot !== world.app.botId) throw new Refusal("bot_not_found");
    const { app } = world;
    return { bot: { id: app.botId, name: app.name, app_id: app.id, user_id: app.botUser, deleted: false } };
  }),

  "team.info": method("team:read", z.unknown(), (world) => ({
    team: { ...world.team, email_domain: "example.com" },
  })),

  "emoji.list": method("emoji:read", z.unknown(), () => ({ emoji: {}, cache_ts: "0" })),

  "users.info": method("users:read", z.object({ user: z.string() }), (world, args) => ({
    user: personJson(personOf(world, args.user)),
  })),

  "users.list": method(
    "users:read",
    z.object({ limit: count.default(0), cursor: z.string().optional() }),
    (world, args) => {
      const all = [...world.people.values()];
      const { page, next } = pageOf(all, args.cursor, args.limit || all.length);
      return { members: page.map(personJson), response_metadata: { next_cursor: next } };
    },
  ),

  "users.lookupByEmail": method("users:read.email", z.object({ email: z.string() }), (world, args) => {
    const person = [...world.people.values()].find((one) => one.email === args.email && !one.deleted);
    if (!person) throw new Refusal("users_not_found");
    return { user: personJson(person) };
  }),

  "usergroups.list": method(
    "usergroups:read",
    z.object({ include_users: flag.default(false), include_disabled: flag.default(false) }),
    (world, args) => ({
      usergroups: [...world.groups.values()]
        .filter((group) => args.include_disabled || !group.disabled)
        .map((group) => groupJson(world, group, args.include_users)),
    }),
  ),

  "usergroups.users.list": method(
    "usergroups:read",
    z.object({ usergroup: z.string(), include_disabled: flag.default(false) }),
    (world, args) => {
      const group = world.groups.get(args.usergroup);
      if (!group || (group.disabled && !args.include_disabled)) throw new Refusal("no_such_subteam");
      return { users: group.users };
    },
  ),
};
