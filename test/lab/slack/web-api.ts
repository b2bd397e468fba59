import { setTimeout as sleep } from "node:timers/promises";
import { chatMethods } from "./chat.ts";
import { conversationMethods } from "./conversations.ts";
import type { Sockets } from "./delivery-socket.ts";
import type { Fault, Faults } from "./faults.ts";
import { fileMethods } from "./files.ts";
import type { Journal } from "./journal.ts";
import type { Method, Reply } from "./method.ts";
import { peopleMethods } from "./people.ts";
import { reactionMethods } from "./reactions.ts";
import { viewMethods } from "./views.ts";
import { Refusal, type World } from "./world.ts";

const methods = new Map<string, Method>(
  Object.entries({
    ...chatMethods,
    ...conversationMethods,
    ...fileMethods,
    ...peopleMethods,
    ...reactionMethods,
    ...viewMethods,
  }),
);

/** An answer: `lost` means that the caller never gets it. */
export type Answer = { status: number; headers: Record<string, string>; body: Reply; lost: boolean };

export type WebApi = ReturnType<typeof createWebApi>;

/** `/api/METHOD` for the two tokens of the app. */
export function createWebApi(world: World, sockets: Sockets, faults: Faults, journal: Journal) {
  function run(name: string, token: string, args: Record<string, unknown>): Reply {
    if (token === "") throw new Refusal("not_authed");
    if (name === "apps.connections.open") {
      if (token !== world.app.appToken) throw new Refusal("invalid_auth");
      return { url: `${world.url.replace("http", "ws")}${sockets.ticket()}` };
    }
    if (token !== world.app.botToken)
      throw new Refusal(token === world.app.appToken ? "not_allowed_token_type" : "invalid_auth");
    const method = methods.get(name);
    if (!method) throw new Refusal("unknown_method", [], { req_method: name });
    const { scope } = method;
    if (scope && !world.app.scopes.has(scope))
      throw new Refusal("missing_scope", [], { needed: scope, provided: [...world.app.scopes].join(",") });
    return method.call(world, args);
  }

  function attempt(name: string, token: string, args: Record<string, unknown>): Reply {
    try {
      return { ok: true, ...run(name, token, args) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const explained = error.messages.length > 0 && { response_metadata: { messages: error.messages } };
      return { ok: false, error: error.message, ...error.extra, ...explained };
    }
  }

  return {
    /** Carries out one call, with the fault that waits for it. */
    async call(name: string, token: string, args: Record<string, unknown>): Promise<Answer> {
      const fault = faults.forCall(name);
      if (fault) journal.note("fault", name, { fault: { ...fault } });
      const limited = fault && refusalByFault(fault);
      const answer = limited ?? {
        status: 200,
        headers: {},
        body: attempt(name, token, args),
        lost: fault?.drop ?? false,
      };
      const { token: _token, ...shown } = args;
      journal.note("api", name, {
        args: shown,
        status: answer.status,
        reply: answer.body,
        lost: answer.lost,
      });
      if (fault?.delayMs) await sleep(fault.delayMs, undefined, { ref: false });
      return answer;
    },
  };
}

function refusalByFault(fault: Fault): Answer | undefined {
  if (fault.status429) {
    const seconds = fault.status429 === true ? 1 : fault.status429;
    const headers = { "retry-after": String(seconds) };
    return { status: 429, headers, body: { ok: false, error: "ratelimited" }, lost: false };
  }
  if (fault.error === undefined) return undefined;
  return { status: 200, headers: {}, body: { ok: false, error: fault.error }, lost: false };
}
