import type { Delivery } from "./delivery.ts";
import { post } from "./messages.ts";
import { answerRules, applyAnswer } from "./respond.ts";
import { channelForPerson, newHook, newTrigger, personOf, Refusal, type World } from "./world.ts";

export type Typed = { channel: string; user: string; command: string; text: string };

/** A slash command; returns after the acknowledgement, with the reply in it. Throws `invalid_command`. */
export async function slashCommand(
  world: World,
  delivery: Delivery,
  typed: Typed,
): Promise<Record<string, unknown>> {
  const { user, command: name } = typed;
  const channel = channelForPerson(world, typed.channel, user);
  // Slack Connect: people of another workspace cannot use this workspace's commands.
  if (!world.app.commands.has(name) || personOf(world, user).is_stranger)
    throw new Refusal("invalid_command");
  const names = { public: channel.name, private: "privategroup", im: "directmessage" };
  const body = {
    token: "legacy",
    team_id: world.team.id,
    team_domain: world.team.domain,
    channel_id: channel.id,
    channel_name: names[channel.kind],
    user_id: user,
    user_name: personOf(world, user).name,
    command: name,
    text: typed.text,
    api_app_id: world.app.id,
    is_enterprise_install: "false",
    response_url: newHook(world, channel.id, user, null),
    trigger_id: newTrigger(world, user),
  };
  const ack = await delivery.ask("slash_commands", body);
  if (!ack.ok) {
    const error = /timeout/.test(ack.reason) ? "operation_timeout" : "dispatch_failed";
    const told = `\`${name}\` failed with the error "${error}"`;
    post(world, channel.id, { user: "USLACKBOT", text: told, ephemeral_to: user });
    return { ok: false, error, acknowledged: false };
  }
  const answer = answerRules.parse(ack.body);
  const message = applyAnswer(world, { channel: channel.id, user, original: null }, answer);
  return { ok: true, acknowledged: true, reply: message ? answer : null, ts: message?.ts ?? null };
}
