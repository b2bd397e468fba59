import { z } from "zod";
import type { View } from "./block-rules.ts";
import type { Delivery } from "./delivery.ts";
import { envelopeOf } from "./interaction.ts";
import { stateOf } from "./view-state.ts";
import { changeView, modalsOf, showModal, viewJson } from "./views.ts";
import { Refusal, type World } from "./world.ts";

type Outcome = Record<string, unknown>;

/** Submitting and closing the modal that is in front of a person. */
export function createModals(world: World, delivery: Delivery) {
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

  return { submit, close };
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
