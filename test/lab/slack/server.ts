import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { type Act, readMessages, readState } from "./control.ts";
import type { Sockets } from "./delivery-socket.ts";
import type { createFeed } from "./feed.ts";
import { receiveBytes } from "./files.ts";
import type { Journal } from "./journal.ts";
import { answerByHook } from "./respond.ts";
import type { WebApi } from "./web-api.ts";
import { Refusal, type World } from "./world.ts";

export type ServerSetup = {
  world: World;
  api: WebApi;
  acts: Map<string, Act>;
  sockets: Sockets;
  journal: Journal;
  feed: ReturnType<typeof createFeed>;
};

const biggestBody = 64 * 1024 * 1024;
const anyRecord = z.record(z.string(), z.unknown());

type Visit = { request: IncomingMessage; response: ServerResponse; url: URL };

/** Answers everything that comes in over HTTP. */
export function createListener(setup: ServerSetup) {
  const { world, journal } = setup;

  async function route(visit: Visit): Promise<void> {
    const { request, url } = visit;
    const [, first = "", second = ""] = url.pathname.split("/");
    const posted = request.method === "POST";
    if (first === "api") return callApi(setup, visit, second);
    if (first === "_upload" && posted) return upload(world, visit, second);
    if (first === "_hooks" && posted) return hook(world, journal, visit, second);
    if (first === "files") return sendFile(world, visit, second, bearer(request) === world.app.botToken);
    if (first === "_control" || first === "_page") return fromPage(setup, visit, first, second);
    return sendPage(visit, first === "page" ? url.pathname.slice("/page/".length) : "index.html");
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", "http://local");
    route({ request, response, url }).catch((error: unknown) => {
      journal.note("fault", "the workspace itself failed", { error: String(error), path: url.pathname });
      if (response.headersSent) response.destroy();
      else
        answer({ request, response, url }, 500, {
          ok: false,
          error: "internal_error",
          detail: String(error),
        });
    });
  };
}

/** What the browser page does; a page of another site must not. */
async function fromPage(setup: ServerSetup, visit: Visit, first: string, second: string): Promise<void> {
  const { origin, host } = visit.request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    return answer(visit, 403, { ok: false, error: "origin" });
  if (first === "_page") return sendFile(setup.world, visit, second, true);
  return visit.request.method === "POST" ? control(setup, visit, second) : readControl(setup, visit, second);
}

async function callApi(setup: ServerSetup, visit: Visit, name: string): Promise<void> {
  const body = await readBody(visit.request);
  const args = { ...Object.fromEntries(visit.url.searchParams), ...argsFrom(visit.request, body) };
  const token = bearer(visit.request) || z.string().catch("").parse(args["token"]);
  const reply = await setup.api.call(name, token, args);
  if (reply.lost) visit.response.destroy();
  else answer(visit, reply.status, reply.body, reply.headers);
}

function argsFrom(request: IncomingMessage, body: Buffer): Record<string, unknown> {
  if (!request.headers["content-type"]?.includes("json"))
    return Object.fromEntries(new URLSearchParams(body.toString()));
  return anyRecord.catch({}).parse(parseJson(body.toString()));
}

async function control({ acts, journal }: ServerSetup, visit: Visit, name: string): Promise<void> {
  const act = acts.get(name);
  if (!act) return answer(visit, 404, { ok: false, error: "unknown_act", known: [...acts.keys()] });
  const body = await readBody(visit.request);
  const raw = body.length > 0 ? parseJson(body.toString()) : {};
  journal.note("act", name, { args: raw });
  try {
    answer(visit, 200, { ok: true, ...(await act(raw)) });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer(visit, 200, { ok: false, error: error.message, messages: error.messages });
  }
}

async function readControl(setup: ServerSetup, visit: Visit, name: string): Promise<void> {
  const { searchParams: query, pathname } = visit.url;
  const user = query.get("user");
  if (name === "feed") return setup.feed.join(visit.response, user ?? "");
  if (name === "state") return answer(visit, 200, readState(setup.world, setup.sockets));
  if (name === "log")
    return answer(visit, 200, { ok: true, entries: setup.journal.since(Number(query.get("since") ?? 0)) });
  if (name !== "messages") return answer(visit, 404, { ok: false, error: "unknown_read" });
  try {
    answer(visit, 200, readMessages(setup.world, pathname.split("/")[3] ?? "", user));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer(visit, 404, { ok: false, error: error.message });
  }
}

async function hook(world: World, journal: Journal, visit: Visit, id: string): Promise<void> {
  const raw = parseJson((await readBody(visit.request)).toString());
  journal.note("hook", "response_url", { body: raw });
  try {
    answerByHook(world, id, raw);
    visit.response.end("ok");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer(visit, 404, { ok: false, error: error.message });
  }
}

/** The bytes come as the whole body, or as a form with one file: Slack takes both. */
async function upload(world: World, visit: Visit, id: string): Promise<void> {
  const body = await readBody(visit.request);
  const type = visit.request.headers["content-type"] ?? "";
  const bytes = type.startsWith("multipart/form-data") ? await firstFile(body, type) : body;
  const taken = bytes !== null && receiveBytes(world, id, bytes);
  if (taken) visit.response.end(`OK - ${bytes.length}`);
  else answer(visit, 404, { ok: false, error: "no_such_upload" });
}

async function firstFile(body: Buffer, type: string): Promise<Buffer | null> {
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  for (const value of form.values())
    if (typeof value !== "string") return Buffer.from(await value.arrayBuffer());
  return null;
}

async function sendFile(world: World, visit: Visit, id: string, allowed: boolean): Promise<void> {
  const file = world.files.get(id);
  if (!allowed) return answer(visit, 401, { ok: false, error: "not_authed" });
  if (!file?.bytes) return answer(visit, 404, { ok: false, error: "file_not_found" });
  visit.response.writeHead(200, {
    "content-type": file.mimetype.startsWith("text/") ? "text/plain; charset=utf-8" : file.mimetype,
    "content-length": file.bytes.length,
    "x-content-type-options": "nosniff",
    // Whatever was uploaded, it runs no script here.
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  });
  visit.response.end(file.bytes);
}

const pageTypes: Record<string, string> = {
  html: "text/html",
  css: "text/css",
  js: "text/javascript",
  svg: "image/svg+xml",
};

async function sendPage(visit: Visit, name: string): Promise<void> {
  const type = pageTypes[name.split(".").at(-1) ?? ""];
  const safe = /^[a-z-]+\.(html|css|js|svg)$/.test(name) && type !== undefined;
  const bytes = safe ? await readFile(new URL(`page/${name}`, import.meta.url)).catch(() => null) : null;
  if (bytes === null) return answer(visit, 404, { ok: false, error: "not_found" });
  visit.response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" });
  visit.response.end(bytes);
}

function answer(visit: Visit, status: number, body: object, headers: Record<string, string> = {}): void {
  visit.response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  visit.response.end(JSON.stringify(body));
}

function bearer(request: IncomingMessage): string {
  return (request.headers.authorization ?? "").replace(/^Bearer\s+/i, "");
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    const bytes = Buffer.from(part);
    size += bytes.length;
    if (size > biggestBody) throw new Error("body is larger than 64 MiB");
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
