import { FerryError } from "#domain/errors.ts";
import type { Chat, Clock } from "#domain/ports.ts";

/** What goes wrong with a call of the chat port. `any` is every call. */
type CallFault = { readonly call: keyof Chat | "any" } & (
  | { readonly kind: "error"; readonly error: FerryError }
  /** The answer comes this much later. `limited`: as after a 429 that the adapter waits for. */
  | { readonly kind: "delay" | "limited"; readonly ms: number }
  /** Slack's own failure: nothing was done. `missing`: this workspace has no such method. */
  | { readonly kind: "5xx" | "missing" }
  /** Carried out, but its answer is lost. */
  | { readonly kind: "lost" }
);

/** What goes wrong with an event. `disconnect`: it and all that follow are lost, until `reconnect`. */
type EventFault = { readonly event: "drop" | "duplicate" | "reorder" | "disconnect" };

/** Happens `times` times, once when absent. */
export type ChatFault = (CallFault | EventFault) & { readonly times?: number };

export type ChatFaults = {
  inject(fault: ChatFault): void;
  /** Takes away whatever is still to happen. */
  clear(): void;
  /** The same chat, with what was injected going wrong. */
  around(chat: Chat): Chat;
  /** Hands an event on: not at all, once or twice, now or after the next one. */
  deliver(event: () => void): void;
  /** Ends a `disconnect`. */
  reconnect(): void;
};

type Waiting<F> = { readonly fault: F; left: number };

function slackError(call: string, word: string): FerryError {
  return new FerryError("E_SLACK", `${call}: ${word}`);
}

export function createChatFaults(clock: Clock): ChatFaults {
  const calls: Array<Waiting<CallFault>> = [];
  const events: Array<Waiting<EventFault>> = [];
  const held: Array<() => void> = [];
  let connected = true;

  async function call(name: string, run: () => unknown): Promise<unknown> {
    const fault = take(calls, (each) => each.call === name || each.call === "any");
    switch (fault?.kind) {
      case undefined:
        return await run();
      case "error":
        throw fault.error;
      case "delay":
      case "limited":
        await clock.sleep(fault.ms);
        return await run();
      case "5xx":
        throw slackError(name, "HTTP 503");
      case "missing":
        throw slackError(name, "unknown_method");
      case "lost":
        await run();
        throw slackError(name, "the answer was lost");
    }
  }

  return {
    inject(fault) {
      const left = fault.times ?? 1;
      if ("call" in fault) calls.push({ fault, left });
      else events.push({ fault, left });
    },
    clear() {
      calls.splice(0);
      events.splice(0);
    },
    around: (chat) =>
      new Proxy(chat, {
        get(target, name, receiver) {
          const method: unknown = Reflect.get(target, name, receiver);
          if (typeof method !== "function") return method;
          return (...given: unknown[]) =>
            call(String(name), (): unknown => Reflect.apply(method, target, given));
        },
      }),
    deliver(event) {
      const fault = connected ? take(events, () => true)?.event : undefined;
      if (fault === "disconnect") connected = false;
      if (!connected || fault === "drop") return;
      if (fault === "reorder") return void held.push(event);
      event();
      if (fault === "duplicate") event();
      for (const late of held.splice(0)) late();
    },
    reconnect() {
      connected = true;
    },
  };
}

function take<F>(waiting: Array<Waiting<F>>, fits: (fault: F) => boolean): F | undefined {
  const at = waiting.findIndex(({ fault }) => fits(fault));
  const found = waiting[at];
  if (found === undefined) return undefined;
  found.left -= 1;
  if (found.left === 0) waiting.splice(at, 1);
  return found.fault;
}
