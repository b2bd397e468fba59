import type { ServerResponse } from "node:http";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";
import { type CommandDesk, Slash } from "./commands.ts";

/**
 * Slash commands over HTTP, without Bolt: its way to the same answer takes as long as everything else together, and the
 * person and Slack wait for it.
 */
export function answerHttpCommands(
  desk: Pick<CommandDesk, "typed">,
  { log, timeoutMs }: { readonly log: Log; readonly timeoutMs: number },
): (body: string, response: ServerResponse) => boolean {
  async function answer(command: Slash, response: ServerResponse): Promise<void> {
    await desk.typed(
      command,
      (said) => acknowledge(response, said),
      (said) => respond(command.response_url, said, timeoutMs),
    );
  }

  return (body, response) => {
    const command = Slash.safeParse(Object.fromEntries(new URLSearchParams(body)));
    if (!command.success) return false;
    answer(command.data, response).catch((thrown: unknown) => {
      const { code, message, remedy } = asFerryError(thrown);
      log.error({ code, error: message, remedy }, "a command could not be answered");
      if (!response.headersSent) acknowledge(response);
    });
    return true;
  };
}

function acknowledge(response: ServerResponse, said?: object): void {
  const body = said === undefined ? "" : JSON.stringify(said);
  const type = "application/json; charset=utf-8";
  response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
}

/** By the address that Slack gave with the command. Fails with `E_SLACK`. */
async function respond(url: string, said: object, timeoutMs: number): Promise<void> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify(said),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new FerryError("E_SLACK", "the answer to a command could not be sent", { cause });
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new FerryError("E_SLACK", `the answer to a command was refused: ${answer.status}`);
}
