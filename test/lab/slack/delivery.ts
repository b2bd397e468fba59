import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { sendByHttp } from "./delivery-http.ts";
import type { Sockets } from "./delivery-socket.ts";
import type { Faults } from "./faults.ts";
import type { Journal } from "./journal.ts";
import { freshId, type SlackEvent, type World } from "./world.ts";

export type Envelope = {
  kind: "events_api" | "slash_commands" | "interactive";
  body: Record<string, unknown>;
  retry: { attempt: number; reason: string } | null;
};

/** What the app answered. `final`: sending again would not help. */
export type Ack =
  | { ok: true; body: unknown }
  | { ok: false; reason: string; final: boolean; status?: number };

export type DeliverySetup = {
  world: World;
  sockets: Sockets;
  faults: Faults;
  journal: Journal;
  /** Time the app has to acknowledge. Slack: 3,000. */
  ackMs: number;
  /** Waits before the first, second and third retry of an event. Slack: at once, 1 min, 5 min. */
  retryDelaysMs: readonly number[];
};

export type Delivery = ReturnType<typeof createDelivery>;

/** Carries events, commands and interactions to the app over the transport it is set up for. */
export function createDelivery(setup: DeliverySetup) {
  const { world, sockets, faults, journal, ackMs } = setup;
  const stopped = new AbortController();
  let held: (() => void) | null = null;

  async function transport(envelope: Envelope): Promise<Ack> {
    const { requestUrl: url, signingSecret } = world.app;
    if (!url) return sockets.send(envelope);
    return sendByHttp(envelope, { url, signingSecret, ackMs, signal: stopped.signal });
  }

  async function sendEvent(body: Record<string, unknown>, what: string): Promise<void> {
    let retry: Envelope["retry"] = null;
    for (const [index, delay] of [0, ...setup.retryDelaysMs].entries()) {
      if (delay > 0) await sleep(delay, undefined, { signal: stopped.signal, ref: false });
      journal.note("event", what, { transport: world.app.requestUrl ? "http" : "socket", retry, body });
      const ack: Ack = await transport({ kind: "events_api", body, retry });
      journal.note("ack", what, { event_id: body["event_id"], ...ack });
      if (ack.ok || ack.final) return;
      retry = { attempt: index + 1, reason: ack.reason };
    }
  }

  function release(): void {
    held?.();
    held = null;
  }

  // A stop in the middle of a retry wait is the only way this rejects.
  const launch = (body: Record<string, unknown>, what: string) =>
    void sendEvent(body, what).catch(() => undefined);

  async function deliver(body: Record<string, unknown>, type: string): Promise<void> {
    const fault = faults.forEvent(type);
    if (fault) journal.note("fault", type, { fault: { ...fault } });
    if (fault?.drop) return;
    if (fault?.reorder) {
      release();
      held = () => launch(body, type);
      // When nothing follows, it is only late.
      const timer = setTimeout(release, 2_000).unref();
      stopped.signal.addEventListener("abort", () => clearTimeout(timer));
      return;
    }
    if (fault?.delayMs) await sleep(fault.delayMs, undefined, { signal: stopped.signal, ref: false });
    launch(body, type);
    if (fault?.duplicate) launch(body, type);
    release();
  }

  return {
    /** Sends an event the app is subscribed to, if it is in that channel. Does not wait for it. */
    publish(event: SlackEvent, subscription: string = event.type): void {
      if (!world.app.events.has(subscription) || !appSees(world, event)) return;
      deliver(eventBody(world, event), event.type).catch(() => undefined);
    },

    /** Sends a command or an interaction and waits for the acknowledgement. Slack never repeats these. */
    async ask(kind: "slash_commands" | "interactive", body: Record<string, unknown>): Promise<Ack> {
      const what = String(body["command"] ?? body["type"]);
      journal.note(kind === "slash_commands" ? "command" : "interaction", what, { body });
      const ack = await transport({ kind, body: structuredClone(body), retry: null });
      journal.note("ack", what, { ...ack });
      return ack;
    },

    stop(): void {
      held = null;
      stopped.abort();
    },
  };
}

const placeRules = z.object({
  channel: z.string().optional(),
  item: z.object({ channel: z.string() }).optional(),
});

function appSees(world: World, event: SlackEvent): boolean {
  const { channel, item } = placeRules.parse(event);
  const id = channel ?? item?.channel;
  if (!id || event.type === "app_home_opened") return true;
  return world.channels.get(id)?.members.has(world.app.botUser) ?? false;
}

function eventBody(world: World, event: SlackEvent): Record<string, unknown> {
  const { app, team } = world;
  return {
    token: "legacy",
    team_id: team.id,
    context_team_id: team.id,
    context_enterprise_id: null,
    api_app_id: app.id,
    event: structuredClone(event),
    type: "event_callback",
    event_id: freshId("Ev"),
    event_time: Math.floor(world.now() / 1000),
    authorizations: [
      {
        enterprise_id: null,
        team_id: team.id,
        user_id: app.botUser,
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    is_ext_shared_channel: false,
  };
}
