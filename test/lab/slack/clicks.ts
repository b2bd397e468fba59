import { z } from "zod";
import { type Block, elementsIn } from "./block-rules.ts";
import type { Delivery } from "./delivery.ts";
import { envelopeOf } from "./interaction.ts";
import { messageJson } from "./messages.ts";
import { findView, viewJson } from "./views.ts";
import {
  channelForPerson,
  directChannel,
  type Message,
  messagesOf,
  newHook,
  personOf,
  Refusal,
  stampOf,
  type World,
} from "./world.ts";

type Outcome = Record<string, unknown>;
export type Click = {
  user: string;
  channel?: string | undefined;
  messageTs?: string | undefined;
  viewId?: string | undefined;
  action: { action_id: string } & Record<string, unknown>;
};

/** Clicks on elements, and the opening of the Home tab. */
export function createClicks(world: World, delivery: Delivery) {
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

  /** Opens the app's Home tab: the app hears of it and publishes. */
  function openHome(user: string): Outcome {
    const channel = directChannel(world, personOf(world, user).id);
    const home = world.homes.get(user);
    const view = home && viewJson(world, home);
    const event = { type: "app_home_opened", user, channel: channel.id, tab: "home" };
    world.publish({ ...event, ...(view && { view }), event_ts: String(world.now() / 1000) });
    return { ok: true, view: view ?? null };
  }

  return { click, openHome };
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
