import { z } from "zod";
import { checkView, type View } from "./block-rules.ts";
import { json, type Method, method } from "./method.ts";
import { freshId, personOf, Refusal, type World } from "./world.ts";

/** The view as payloads and answers carry it. */
export function viewJson(world: World, view: View): Record<string, unknown> {
  const { user: _user, root, ...content } = view;
  return {
    ...content,
    team_id: world.team.id,
    app_id: world.app.id,
    bot_id: world.app.botId,
    root_view_id: root,
    previous_view_id: null,
    state: { values: {} },
  };
}

/** Takes a `trigger_id`: three seconds, once. */
function useTrigger(world: World, id: string): string {
  const trigger = world.triggers.get(id);
  if (!trigger) throw new Refusal("invalid_trigger_id");
  world.triggers.delete(id);
  if (trigger.expires < world.now()) throw new Refusal("expired_trigger_id");
  return trigger.user;
}

export function modalsOf(world: World, user: string): View[] {
  return world.modals.get(user) ?? [];
}

/** Shows a modal on top of those open; Slack allows three. */
export function showModal(world: World, user: string, raw: unknown): View {
  const open = modalsOf(world, user);
  if (open.length >= 3) throw new Refusal("push_limit_reached");
  const id = freshId("V");
  const content = checkView(raw, "modal");
  const view = { ...content, id, hash: freshId("h"), user, root: open[0]?.id ?? id };
  world.modals.set(user, [...open, view]);
  world.changed({ user });
  return view;
}

/** Replaces the content of an open modal or of a Home tab. Throws `hash_conflict` when it changed since `hash`. */
export function changeView(world: World, view: View, raw: unknown, hash?: string): View {
  if (hash !== undefined && hash !== view.hash) throw new Refusal("hash_conflict");
  if (view.type === "home") throw new Refusal("not_found");
  const content = checkView(raw, "modal");
  const next = { ...content, id: view.id, hash: freshId("h"), user: view.user, root: view.root };
  const open = modalsOf(world, view.user);
  world.modals.set(
    view.user,
    open.map((one) => (one.id === view.id ? next : one)),
  );
  world.changed({ user: view.user });
  return next;
}

export function findView(world: World, matches: (view: View) => boolean): View | undefined {
  return [...world.modals.values(), [...world.homes.values()]].flat().find(matches);
}

const content = json(z.unknown());

export const viewMethods: Record<string, Method> = {
  "views.open": method(null, z.object({ trigger_id: z.string(), view: content }), (world, args) => {
    const user = useTrigger(world, args.trigger_id);
    world.modals.delete(user);
    return { view: viewJson(world, showModal(world, user, args.view)) };
  }),

  "views.push": method(null, z.object({ trigger_id: z.string(), view: content }), (world, args) => {
    const user = useTrigger(world, args.trigger_id);
    return { view: viewJson(world, showModal(world, user, args.view)) };
  }),

  "views.update": method(
    null,
    z.object({
      view_id: z.string().optional(),
      external_id: z.string().min(1).optional(),
      hash: z.string().optional(),
      view: content,
    }),
    (world, args) => {
      const view = findView(world, (one) => one.id === args.view_id || one.external_id === args.external_id);
      if (!view) throw new Refusal("not_found");
      return { view: viewJson(world, changeView(world, view, args.view, args.hash)) };
    },
  ),

  "views.publish": method(
    null,
    z.object({ user_id: z.string(), hash: z.string().optional(), view: content }),
    (world, args) => {
      const user = personOf(world, args.user_id).id;
      const known = world.homes.get(user);
      if (args.hash !== undefined && known && known.hash !== args.hash) throw new Refusal("hash_conflict");
      const id = known?.id ?? freshId("V");
      const view = { ...checkView(args.view, "home"), id, hash: freshId("h"), user, root: id };
      world.homes.set(user, view);
      world.changed({ user });
      return { view: viewJson(world, view) };
    },
  ),
};
