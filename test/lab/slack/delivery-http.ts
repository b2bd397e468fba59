import { createHmac } from "node:crypto";
import type { Ack, Envelope } from "./delivery.ts";

export type Target = { url: string; signingSecret: string; ackMs: number; signal: AbortSignal };

/** Slack's request signature: `v0=` and HMAC-SHA256 of `v0:timestamp:body` (docs.slack.dev, verifying requests). */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `v0=${createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex")}`;
}

/** Posts one envelope to the request URL: JSON for events, a form for commands and interactions. */
export async function sendByHttp(envelope: Envelope, target: Target): Promise<Ack> {
  const [contentType, body] = bodyOf(envelope);
  // The app compares with the real clock, whatever time this workspace believes it is.
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    "content-type": contentType,
    "user-agent": "Slackbot 1.0 (demo workspace)",
    "x-slack-request-timestamp": timestamp,
    "x-slack-signature": signatureOf(target.signingSecret, timestamp, body),
    ...(envelope.retry && {
      "x-slack-retry-num": String(envelope.retry.attempt),
      "x-slack-retry-reason": envelope.retry.reason,
    }),
  };
  const timeout = AbortSignal.timeout(target.ackMs);
  const signal = AbortSignal.any([timeout, target.signal]);
  try {
    const response = await fetch(target.url, { method: "POST", headers, body, signal });
    const text = await response.text();
    if (response.ok) return { ok: true, body: replyOf(text) };
    const final = response.headers.get("x-slack-no-retry") === "1";
    return { ok: false, reason: "http_error", final, status: response.status };
  } catch {
    if (target.signal.aborted) return { ok: false, reason: "stopped", final: true };
    return { ok: false, reason: timeout.aborted ? "http_timeout" : "connection_failed", final: false };
  }
}

function bodyOf(envelope: Envelope): [string, string] {
  if (envelope.kind === "events_api") return ["application/json", JSON.stringify(envelope.body)];
  const form = new URLSearchParams();
  if (envelope.kind === "interactive") form.set("payload", JSON.stringify(envelope.body));
  else for (const [key, value] of Object.entries(envelope.body)) form.set(key, String(value));
  return ["application/x-www-form-urlencoded", form.toString()];
}

function replyOf(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}
