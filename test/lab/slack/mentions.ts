import type { World } from "./world.ts";

/** Turns typed `@ana`, `@kafka-owners` and `#general` into Slack's `<@U…>`, `<!subteam^S…>` and `<#C…>`. */
export function encodeMentions(world: World, text: string): string {
  return text.replace(/(^|[\s(])([@#])([\w.-]+)/g, (all, before: string, sign: string, name: string) => {
    const reference = sign === "@" ? peopleReference(world, name) : channelReference(world, name);
    return reference ? `${before}${reference}` : all;
  });
}

function peopleReference(world: World, name: string): string | null {
  const person = [...world.people.values()].find((one) => one.name === name);
  if (person) return `<@${person.id}>`;
  const group = [...world.groups.values()].find((one) => one.handle === name);
  return group ? `<!subteam^${group.id}>` : null;
}

function channelReference(world: World, name: string): string | null {
  const channel = [...world.channels.values()].find((one) => one.name === name && one.kind !== "im");
  return channel ? `<#${channel.id}>` : null;
}
