import { z } from "zod";
import type { Message } from "#domain/message.ts";
import type { Work } from "#jobs/work.ts";

const Claim = z.object({ at: z.number(), posted: z.boolean() });

/** A claim older than this belongs to an attempt that died, ms. */
const patienceMs = 60_000;

/** Posts what is said once, whichever attempt or process comes first; after a crash in between, looks for it first. */
export async function postOnce(
  work: Work,
  where: { readonly channel: string; readonly thread?: string },
  key: string,
  message: Message,
): Promise<void> {
  const { store, chat, clock } = work;
  const found = await store.read(`once:${key}`);
  const claim = found && Claim.parse(found.value);
  const now = clock.now();
  if (claim !== undefined && (claim.posted || now - claim.at < patienceMs)) return;
  const mine = { revision: found?.revision ?? 0 };
  const revision = await store.write(`once:${key}`, { at: now, posted: false }, mine);
  if (revision === undefined) return;
  const { channel, thread } = where;
  const earlier = claim === undefined ? undefined : await chat.find(channel, key, thread);
  if (earlier === undefined) {
    await chat.post(channel, message, { key, ...(thread === undefined ? {} : { thread }) });
  }
  await store.write(`once:${key}`, { at: now, posted: true }, { revision });
}
