import { z } from "zod";
import { blocksFrom } from "./chat.ts";
import { fileJson, mimetypeOf } from "./file-store.ts";
import { post, remove } from "./messages.ts";
import { count, json, type Method, method } from "./method.ts";
import {
  channelForApp,
  freshId,
  messagesOf,
  nextStamp,
  Refusal,
  type StoredFile,
  type World,
} from "./world.ts";

/** Keeps the bytes posted to an upload URL. Returns false when no such upload waits. */
export function receiveBytes(world: World, id: string, bytes: Buffer): boolean {
  const file = world.files.get(id);
  if (!file || file.complete) return false;
  file.bytes = bytes;
  file.size = bytes.length;
  return true;
}

function fileOf(world: World, id: string): StoredFile {
  const file = world.files.get(id);
  if (!file?.complete) throw new Refusal("file_not_found");
  return file;
}

const completion = z.object({
  files: json(z.array(z.object({ id: z.string(), title: z.string().optional() })).min(1)),
  channel_id: z.string().optional(),
  channels: z.string().optional(),
  thread_ts: z.string().optional(),
  initial_comment: z.string().optional(),
  blocks: z.unknown().optional(),
});

function complete(world: World, args: z.output<typeof completion>): Record<string, unknown> {
  const places = [args.channel_id, ...(args.channels?.split(",") ?? [])].filter((id) => id !== undefined);
  for (const id of places) channelForApp(world, id);
  const files = args.files.map(({ id, title }) => {
    const file = world.files.get(id);
    if (!file?.bytes) throw new Refusal("file_not_found");
    file.complete = true;
    file.title = title ?? file.name;
    return file;
  });
  const blocks = blocksFrom(world, args.blocks);
  for (const channel of places) {
    const share = {
      user: world.app.botUser,
      text: args.initial_comment ?? "",
      files: files.map((file) => file.id),
    };
    const message = post(world, channel, {
      ...share,
      ...(blocks && { blocks }),
      thread_ts: args.thread_ts ?? null,
    });
    for (const file of files) {
      file.shares.push({ channel, ts: message.ts, thread_ts: message.thread_ts });
      const event = { type: "file_shared", file_id: file.id, user_id: file.user, file: { id: file.id } };
      world.publish({ ...event, channel_id: channel, event_ts: nextStamp(world, channel) });
    }
  }
  return { files: files.map((file) => fileJson(world, file)) };
}

export const fileMethods: Record<string, Method> = {
  "files.getUploadURLExternal": method(
    "files:write",
    z.object({ filename: z.string().min(1), length: count.min(1), alt_text: z.string().default("") }),
    (world, args) => {
      const id = freshId("F");
      world.files.set(id, {
        id,
        name: args.filename,
        title: args.filename,
        alt_text: args.alt_text,
        mimetype: mimetypeOf(args.filename),
        size: args.length,
        created: Math.floor(world.now() / 1000),
        user: world.app.botUser,
        bytes: null,
        complete: false,
        shares: [],
      });
      return { file_id: id, upload_url: `${world.url}/_upload/${id}` };
    },
  ),

  "files.completeUploadExternal": method("files:write", completion, complete),

  "files.info": method("files:read", z.object({ file: z.string() }), (world, args) => ({
    file: fileJson(world, fileOf(world, args.file)),
  })),

  "files.delete": method("files:write", z.object({ file: z.string() }), (world, args) => {
    const file = fileOf(world, args.file);
    world.files.delete(file.id);
    for (const { channel } of file.shares)
      for (const message of messagesOf(world, channel).filter((m) => m.files.includes(file.id))) {
        message.files = message.files.filter((id) => id !== file.id);
        const empty = message.files.length === 0 && message.text === "" && message.blocks.length === 0;
        if (empty) remove(world, message);
        else world.changed({ channel });
      }
    return {};
  }),
};
