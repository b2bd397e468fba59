import { z } from "zod";
import { type Block, elementsIn, type View } from "./block-rules.ts";
import type { Delivery } from "./delivery.ts";
import { messageJson, post } from "./messages.ts";
import { answerRules, applyAnswer } from "./respond.ts";
import { stateOf } from "./view-state.ts";
import { changeView, findView, modalsOf, showModal, viewJson } from "./views.ts";
import {
  channelForPerson,
  directChannel,
  type Message,
  messagesOf,
  newHook,
  newTrigger,
  personOf,
  Refusal,
  stampOf,
  type World,
} from "./world.ts";

export type Acting = ReturnType<typeof createActing>;
type Outcome = Record<string, unknown>;
export type Click = {
  user: string;
  channel?: string | undefined;
  messageTs?: string | undefined;
  viewId?: string | undefined;
  action: { action_id: string } & Record<string, unknown>;
};

/** What people do that needs the app's acknowledgement: commands, clicks, modals. */
export function createActing(world: World, delivery: Delivery) {
  /** A slash command; returns after the acknowledgement, with the reply in it. */
  async function command(channelId: string, user: string, name: string, text: string): Promise<Outcome> {
    const channel = channelForPerson(world, channelId, user);
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
      text,
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

  /** A click on an element of a message, an ephemeral, a modal or the Home tab. */
  async function click(act: Click): Promise<Outcome> {
    const user = personOf(world, act.user);
    const place = act.viewId ? viewPlace(world, act.viewId, act.user) : messagePlace(world, act);
    const found = elementsIn(place.blocks).find(
      ({ block, element }) =>
        element["action_id"] === act.action.action_id &&
        (act.action["block_id"] === undefined || act.action["block_id"] === block.block_id),
    );
    if (!found) throw new Refusal("action_not_found");
    const { element, block } = found;
    const shown = {
      type: element["type"],
      text: element["text"],
      value: element["value"],
      block_id: block.block_id,
    };
    const action = { ...shown, ...act.action, action_ts: stampOf(Math.floor(world.now() * 1000)) };
    const ack = await delivery.ask("interactive", {
      type: "block_actions",
      ...envelopeOf(world, user.id),
      ...place.payload,
      actions: [action],
    });
    return ack.ok ? { ok: true } : { ok: false, error: ack.reason };
  }

  /** Sends the front modal of a person; the app may answer with errors, another view, or nothing (it closes). */
  async function submit(user: string, values: Record<string, unknown>): Promise<Outcome> {
    const view = frontModal(world, user);
    const state = stateOf(view, values);
    if (state.errors) return { ok: false, error: "missing_input", errors: state.errors };
    const ack = await delivery.ask("interactive", {
      type: "view_submission",
      ...envelopeOf(world, user),
      view: { ...viewJson(world, view), state: { values: state.values } },
      response_urls: [],
    });
    if (!ack.ok) return { ok: false, error: ack.reason };
    return { ok: true, ...applySubmission(world, view, ack.body) };
  }

  /** Closes the front modal; the app hears of it only if it asked to. */
  async function close(user: string): Promise<Outcome> {
    const view = frontModal(world, user);
    dropModal(world, view);
    if (!view.notify_on_close) return { ok: true };
    const payload = {
      type: "view_closed",
      ...envelopeOf(world, user),
      view: viewJson(world, view),
      is_cleared: false,
    };
    const ack = await delivery.ask("interactive", payload);
    return { ok: ack.ok };
  }

  /** Opens the app's Home tab: the app hears of it and publishes. */
  function openHome(user: string): Outcome {
    const channel = directChannel(world, personOf(world, user).id);
    const home = world.homes.get(user);
    const view = home && viewJson(world, home);
    const event = { type: "app_home_opened", user, channel: channel.id, tab: "home" };
    world.publish({ ...event, ...(view && { view }), event_ts: String(world.now() / 1000) });
    return { ok: true, view: view ?? null };
  }

  return { command, click, submit, close, openHome };
}

function envelopeOf(world: World, user: string): Record<string, unknown> {
  const person = personOf(world, user);
  if (person.deleted) throw new Refusal("account_inactive");
  return {
    team: { id: world.team.id, domain: world.team.domain },
    user: { id: user, username: person.name, name: person.name, team_id: person.team_id },
    api_app_id: world.app.id,
    token: "legacy",
    trigger_id: newTrigger(world, user),
    enterprise: null,
    is_enterprise_install: false,
  };
}

type Place = { blocks: Block[]; payload: Record<string, unknown> };

function messagePlace(world: World, act: Click): Place {
  const channel = channelForPerson(world, act.channel ?? "", act.user);
  const message = messagesOf(world, channel.id).find((m) => m.ts === act.messageTs && seenBy(m, act.user));
  if (!message) throw new Refusal("message_not_found");
  const hidden = message.ephemeral_to !== null;
  const attached = message.attachments.flatMap((one) => blocksRules.safeParse(one["blocks"]).data ?? []);
  return {
    blocks: [...message.blocks, ...attached],
    payload: {
      container: { type: "message", message_ts: message.ts, channel_id: channel.id, is_ephemeral: hidden },
      channel: { id: channel.id, name: channel.name },
      ...(!hidden && { message: messageJson(world, message, true) }),
      state: { values: {} },
      response_url: newHook(world, channel.id, act.user, message.ts),
    },
  };
}

const blocksRules = z.array(z.looseObject({ type: z.string(), block_id: z.string() }));

/** Whether this person sees the message: everybody's, or an ephemeral to them. */
export function seenBy(message: Message, user: string): boolean {
  return message.ephemeral_to === null || message.ephemeral_to === user;
}

function viewPlace(world: World, id: string, user: string): Place {
  const view = findView(world, (one) => one.id === id && one.user === user);
  if (!view) throw new Refusal("view_not_found");
  return {
    blocks: view.blocks,
    payload: { container: { type: "view", view_id: id }, view: viewJson(world, view) },
  };
}

function frontModal(world: World, user: string): View {
  const view = modalsOf(world, user).at(-1);
  if (!view) throw new Refusal("no_open_view");
  return view;
}

function dropModal(world: World, view: View): void {
  const rest = modalsOf(world, view.user).filter((one) => one.id !== view.id);
  world.modals.set(view.user, view.clear_on_close ? [] : rest);
  world.changed({ user: view.user });
}

const submissionRules = z.object({
  response_action: z.enum(["errors", "update", "push", "clear"]).optional(),
  errors: z.record(z.string(), z.string()).optional(),
  view: z.unknown().optional(),
});

function applySubmission(world: World, view: View, body: unknown): Outcome {
  const answer = submissionRules.parse(body);
  if (answer.response_action === "errors") return { closed: false, errors: answer.errors ?? {} };
  if (answer.response_action === "update") changeView(world, view, answer.view);
  else if (answer.response_action === "push") showModal(world, view.user, answer.view);
  else if (answer.response_action === "clear") {
    world.modals.delete(view.user);
    world.changed({ user: view.user });
  } else dropModal(world, view);
  return { closed: answer.response_action === undefined || answer.response_action === "clear" };
}
