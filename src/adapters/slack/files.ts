import { createHash } from "node:crypto";
import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import { findMessage, type Place, type SlackMessage } from "./history.ts";
import type { ChatNeed } from "./sending.ts";

const Nothing = z.object({});
const Upload = z.object({ file_id: z.string(), upload_url: z.string() });

export type NewFile = { readonly name: string; readonly title: string; readonly content: Buffer };

/** Remembers which file an upload became, before anybody can see it. */
export type Claim = { readonly earlier?: string | undefined; take(id: string): Promise<void> };

/** Slack shares a file a moment after it said so: an earlier upload is looked for this often, a second apart. */
const looks = 3;

/** Uploads and shares a file once. Returns its id. Slack takes no empty file. */
export async function upload(need: ChatNeed, where: Place, file: NewFile, claim?: Claim): Promise<string> {
  const { calls, log } = need;
  if (claim?.earlier !== undefined && (await wasShared(need, where, claim.earlier))) return claim.earlier;
  const size = { filename: file.name, length: file.content.length };
  const { file_id: id, upload_url: url } = await calls.repeatable("files.getUploadURLExternal", size, Upload);
  await calls.send(url, file.content);
  await claim?.take(id);
  const args = {
    files: JSON.stringify([{ id, title: file.title }]),
    channel_id: where.channel,
    ...(where.thread !== undefined && { thread_ts: where.thread }),
  };
  const found = async () => (await findMessage(calls, log, where, shares(id))) && {};
  await calls.once("files.completeUploadExternal", args, Nothing, found);
  return id;
}

function shares(id: string): (message: SlackMessage) => boolean {
  return (message) => message.files?.some((file) => file.id === id) ?? false;
}

async function wasShared(need: ChatNeed, where: Place, id: string): Promise<boolean> {
  for (let look = 1; ; look += 1) {
    if ((await findMessage(need.calls, need.log, where, shares(id))) !== undefined) return true;
    if (look === looks) return false;
    await need.clock.sleep(1000, need.signal);
  }
}

/**
 * Hangs everything that a message shows only in part below it, once for each content: the file's name says which. A
 * failure is logged: the message itself has arrived.
 */
export async function attachWhole(need: ChatNeed, where: Place, whole: string): Promise<void> {
  const content = Buffer.from(whole);
  const name = `all-${createHash("sha256").update(content).digest("hex").slice(0, 12)}.md`;
  const same = (message: SlackMessage) => message.files?.some((file) => file.name === name) ?? false;
  try {
    if ((await findMessage(need.calls, need.log, where, same)) !== undefined) return;
    await upload(need, where, { name, title: "All of it", content });
  } catch (thrown) {
    const { code, message, remedy } = asFerryError(thrown);
    need.log.warn(
      { ...where, code, error: message, remedy },
      "a long message could not be attached as a file",
    );
  }
}
