import { extname } from "node:path";
import type { StoredFile, World } from "./world.ts";

const types: Record<string, string> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".svg": "image/svg+xml",
  ".md": "text/markdown",
  ".txt": "text/plain",
  ".csv": "text/csv",
  ".json": "application/json",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".html": "text/html",
  ".pdf": "application/pdf",
};

export function mimetypeOf(name: string): string {
  return types[extname(name).toLowerCase()] ?? "application/octet-stream";
}

/** The file as `files.info` and messages carry it. */
export function fileJson(world: World, file: StoredFile): Record<string, unknown> {
  const path = `${world.url}/files/${file.id}/${encodeURIComponent(file.name)}`;
  return {
    id: file.id,
    created: file.created,
    timestamp: file.created,
    name: file.name,
    title: file.title,
    alt_txt: file.alt_text,
    mimetype: file.mimetype,
    filetype: extname(file.name).slice(1) || "binary",
    size: file.size,
    user: file.user,
    mode: "hosted",
    is_external: false,
    is_public: file.shares.length > 0,
    url_private: path,
    url_private_download: `${path}?download=1`,
    permalink: path,
    channels: [...new Set(file.shares.map((share) => share.channel))],
    shares: { public: sharesByChannel(file) },
  };
}

function sharesByChannel(file: StoredFile): Record<string, { ts: string; thread_ts?: string }[]> {
  const shares: Record<string, { ts: string; thread_ts?: string }[]> = {};
  for (const { channel, ts, thread_ts } of file.shares)
    (shares[channel] ??= []).push({ ts, ...(thread_ts !== null && { thread_ts }) });
  return shares;
}
