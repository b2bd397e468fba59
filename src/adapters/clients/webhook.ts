import { createHmac } from "node:crypto";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { ClientDriver, ClientPlace, Clock, Log } from "#domain/ports.ts";
import type { Client, SwitchDriver } from "#domain/settings.ts";
import { type ClusterAccess, type Known, known, unknown } from "#domain/topology.ts";

type WebhookSettings = Extract<SwitchDriver, { driver: "webhook" }>;
type Around = { readonly clock: Clock; readonly log: Log };

type Order = {
  readonly action: "stop" | "start" | "status";
  readonly request?: string;
  readonly cluster?: "source" | "target";
  readonly bootstrap?: string;
  readonly security?: object;
};

/** The longest that one call may take by itself, in ms; `timeout` bounds the whole stop or start. */
const callMs = 30_000;
/** What the last call before the deadline gets, in ms. */
const leastMs = 1000;

/**
 * Stops and starts an application by signed POSTs to a URL of its team. The body is JSON; `ferry-timestamp` holds the
 * time in s since the epoch, `ferry-signature` is `v1=` and the HMAC-SHA256 in hex of `v1:TIMESTAMP:BODY`, so that a
 * recorded call is good for as long as its receiver takes old timestamps. 200 means done; 202 means under way, and is asked for again with
 * action `status` and the same request until 200. Anything else fails with `E_CLIENT_DRIVER`. Redirects are not
 * followed: a body that is signed for one place is not for another.
 */
export function createWebhookDriver(
  client: Client,
  settings: WebhookSettings,
  secret: string,
  { clock, log }: Around,
): ClientDriver {
  const { host } = new URL(settings.url);
  const call = createCaller(client, settings, secret, clock);

  /** Until it is done. `wanted`: an answer that names another place is not the end of it. */
  async function carryOut(order: Order & { readonly request: string }, wanted: ClientPlace): Promise<void> {
    const { action, request } = order;
    const deadline = clock.now() + settings.timeout;
    log.info({ client: client.name, action, host, request }, "calling the switch webhook");
    let { done, text } = await call(order, action, deadline);
    while (!done) {
      if (clock.now() + settings.poll >= deadline) {
        const last = text.trim() === "" ? "202" : `202${excerpt(text)}`;
        throw failure(
          client,
          action,
          `${host} is not done after ${settings.timeout / 1000} s; it said ${last}`,
        );
      }
      await clock.sleep(settings.poll);
      const answer = await call({ action: "status", request }, action, deadline);
      const place = placeIn(answer.text);
      ({ text } = answer);
      done = answer.done && (place === undefined || place === wanted);
    }
  }

  return {
    stop: (request) => carryOut({ action: "stop", request }, "stopped"),
    start: (place, access, request) =>
      carryOut({ action: "start", request, cluster: place, ...connection(access) }, place),
    async status() {
      const { done, text } = await call({ action: "status" }, "status", clock.now() + settings.timeout);
      if (!done) return unknown(`${host} answered 202: something is under way`);
      return orUnknown(placeIn(text), `${host} answered without a place${excerpt(text)}`);
    },
  };
}

function failure(client: Client, action: string, how: string, cause?: unknown): FerryError {
  return new FerryError("E_CLIENT_DRIVER", `${client.name}: ${action}: ${how}.`, { cause });
}

/** One signed call; `what` it is for is named in its errors. */
function createCaller(client: Client, { url, timeout }: WebhookSettings, secret: string, clock: Clock) {
  const { host } = new URL(url);

  async function post(body: string, request: string | undefined, within: number) {
    const headers = {
      "content-type": "application/json",
      ...signed(body, secret, clock.now()),
      ...(request !== undefined && { "idempotency-key": request }),
    };
    const signal = AbortSignal.timeout(within);
    const response = await fetch(url, { method: "POST", body, headers, signal, redirect: "manual" });
    return { status: response.status, text: await response.text() };
  }

  return async (order: Order, what: string, deadline: number): Promise<Answer> => {
    const body = JSON.stringify({ client: client.name, role: client.role, ...order });
    const within = Math.min(Math.max(leastMs, deadline - clock.now()), callMs, timeout);
    const answer = await post(body, order.request, within).catch((cause: unknown) => {
      throw failure(client, what, `${host} ${reasonOf(cause, within)}`, cause);
    });
    const text = answer.text.slice(0, 64 * 1024).replaceAll(secret, "…");
    const { status } = answer;
    if (status === 200 || status === 202) return { done: status === 200, text };
    const redirected = status >= 300 && status < 400 ? " (redirects are not followed)" : "";
    throw failure(client, what, `${host} answered ${status}${redirected}${excerpt(text)}`);
  };
}

type Answer = { readonly done: boolean; readonly text: string };

function signed(body: string, secret: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const hmac = createHmac("sha256", secret).update(`v1:${timestamp}:${body}`).digest("hex");
  return { "ferry-timestamp": timestamp, "ferry-signature": `v1=${hmac}` };
}

function connection({ bootstrap, protocol, sasl }: ClusterAccess): Pick<Order, "bootstrap" | "security"> {
  const security = { protocol, ...(sasl && { mechanism: sasl.mechanism, username: sasl.username }) };
  return { bootstrap: bootstrap.join(","), security };
}

const Place = z.object({ place: z.enum(["stopped", "source", "target"]) });

function placeIn(text: string): ClientPlace | undefined {
  try {
    return Place.safeParse(JSON.parse(text)).data?.place;
  } catch {
    return undefined;
  }
}

function orUnknown(place: ClientPlace | undefined, why: string): Known<ClientPlace> {
  return place === undefined ? unknown(why) : known(place);
}

/** The reason of a failed fetch is its cause's: "fetch failed" says nothing. */
function reasonOf(thrown: unknown, left: number): string {
  if (!(thrown instanceof Error)) return `could not be called: ${String(thrown)}`;
  if (thrown.name === "TimeoutError") return `did not answer within ${left / 1000} s`;
  const { cause } = thrown;
  if (!(cause instanceof Error)) return `could not be called: ${thrown.message}`;
  const code = "code" in cause && typeof cause.code === "string" ? `${cause.code} ` : "";
  return `could not be called: ${code}${cause.message}`;
}

/** `: …` in one line, or nothing. */
function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  return line === "" ? "" : `: ${line}`;
}
