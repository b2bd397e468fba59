import type { Channel, Person, UserGroup, World } from "./world.ts";

export type PersonSetup = { id: string; name: string } & Partial<Omit<Person, "id" | "name">>;
export type ChannelSetup = {
  id: string;
  name: string;
  members: string[];
  topic?: string;
  kind?: "public" | "private";
  is_ext_shared?: boolean;
};

export const team = { id: "T0FERRY", name: "Ferry demo", domain: "ferry-demo" } as const;
const otherTeam = "T0ELSEWHERE";

/** What the bot's manifest asks for. */
export const defaultScopes = [
  "channels:history",
  "channels:read",
  "chat:write",
  "commands",
  "connections:write",
  "files:read",
  "files:write",
  "groups:history",
  "groups:read",
  "im:history",
  "im:read",
  "im:write",
  "reactions:read",
  "reactions:write",
  "team:read",
  "emoji:read",
  "usergroups:read",
  "users:read",
  "users:read.email",
] as const;

export const defaultEvents = [
  "reaction_added",
  "reaction_removed",
  "app_home_opened",
  "subteam_members_changed",
  "member_joined_channel",
  "member_left_channel",
  "message.channels",
  "message.groups",
  "message.im",
] as const;

export const defaultPeople: readonly PersonSetup[] = [
  { id: "U0ANA", name: "ana", real_name: "Ana Duarte" },
  { id: "U0BEN", name: "ben", real_name: "Ben Okafor" },
  { id: "U0CLEO", name: "cleo", real_name: "Cleo Martin" },
  { id: "U0DAN", name: "dan", real_name: "Dan Kowalski" },
  { id: "U0EVE", name: "eve", real_name: "Eve Lindqvist" },
  { id: "U0GUS", name: "gus", real_name: "Gus Moreau", is_restricted: true },
  { id: "W0STRANGER", name: "sasha", real_name: "Sasha Petrov", is_stranger: true, team_id: otherTeam },
  { id: "U0FERRY", name: "ferry", real_name: "MSK Ferry", is_bot: true, email: null },
];

export const defaultChannels: readonly ChannelSetup[] = [
  {
    id: "C0MIGRATION",
    name: "kafka-migration",
    topic: "Self-hosted Kafka to Amazon MSK",
    members: ["U0ANA", "U0BEN", "U0CLEO", "U0DAN", "U0EVE", "U0GUS", "W0STRANGER", "U0FERRY"],
  },
  {
    id: "C0SHARED",
    name: "with-partners",
    topic: "Shared with another workspace",
    is_ext_shared: true,
    members: ["U0ANA", "U0BEN", "W0STRANGER", "U0FERRY"],
  },
  {
    id: "C0GENERAL",
    name: "general",
    topic: "Everybody",
    members: ["U0ANA", "U0BEN", "U0CLEO", "U0DAN", "U0EVE"],
  },
];

const defaultGroups: readonly UserGroup[] = [
  {
    id: "S0OWNERS",
    handle: "kafka-owners",
    name: "Kafka owners",
    users: ["U0BEN", "U0CLEO", "U0DAN"],
    disabled: false,
  },
];

/** Empties the world and fills it with the people and channels given. Timers of the old one are stopped. */
export function refill(
  world: World,
  people: readonly PersonSetup[],
  channels: readonly ChannelSetup[],
): void {
  for (const timer of world.timers) clearTimeout(timer);
  for (const part of [
    world.people,
    world.channels,
    world.groups,
    world.messages,
    world.files,
    world.homes,
    world.modals,
    world.triggers,
    world.hooks,
    world.timers,
  ])
    part.clear();
  for (const setup of people) world.people.set(setup.id, personFrom(setup));
  if (!world.people.has(world.app.botUser))
    world.people.set(
      world.app.botUser,
      personFrom({ id: world.app.botUser, name: world.app.name, is_bot: true }),
    );
  for (const setup of channels) world.channels.set(setup.id, channelFrom(setup, world.now()));
  for (const group of defaultGroups) {
    const users = group.users.filter((id) => world.people.has(id));
    world.groups.set(group.id, { ...group, users });
  }
}

function personFrom(setup: PersonSetup): Person {
  return {
    real_name: setup.name,
    team_id: team.id,
    email: `${setup.name}@example.com`,
    deleted: false,
    is_bot: false,
    is_app_user: false,
    is_admin: false,
    is_restricted: false,
    is_ultra_restricted: false,
    is_stranger: false,
    is_invited_user: false,
    ...setup,
  };
}

function channelFrom(setup: ChannelSetup, now: number): Channel {
  return {
    id: setup.id,
    name: setup.name,
    kind: setup.kind ?? "public",
    topic: setup.topic ?? "",
    created: Math.floor(now / 1000),
    is_archived: false,
    is_ext_shared: setup.is_ext_shared ?? false,
    members: new Set(setup.members),
  };
}
