import type { Request } from "#domain/approval/approval.ts";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import { type Message, mention, mentionEveryone } from "#domain/message.ts";
import { done, type Outcome, type Work } from "#jobs/work.ts";
import { postOnce } from "./once.ts";
import { mayBreakGlass } from "./permissions.ts";
import { changeAudited } from "./request-audit.ts";
import { readRequest } from "./request-store.ts";

/**
 * A named person's own approval in an emergency, also of what they asked for themselves: one approval, never more. One
 * other person must still react, and every fact of the gate must hold. The whole channel is told.
 */
export async function breakGlass(job: JobOf<"break-glass">, work: Work): Promise<Outcome> {
  const id = job.request.toUpperCase();
  const { name } = work.migration;
  const found = await readRequest(work.store, name, id);
  if (found === undefined) throw new FerryError("E_USAGE", `there is no request ${id} in ${name}`);
  await mayBreakGlass(job.by, work);
  const reason = job.reason.trim();
  if (reason === "") throw new FerryError("E_USAGE", "break-glass needs a reason, in words");

  const broken = await changeAudited(id, work, (request) => {
    if (request.state !== "open" || request.breakGlass !== undefined) return undefined;
    if (work.clock.now() >= request.expiresAt) return undefined;
    return {
      next: { ...request, breakGlass: { by: job.by, reason, at: work.clock.now() } },
      entries: [
        {
          what: "request.break-glass",
          actor: job.by,
          before: "none",
          after: "counted",
          reason: "break-glass",
          detail: { message: reason },
        },
      ],
    };
  });
  const now = broken ?? (await readRequest(work.store, name, id))?.request ?? found.request;
  // The same job again, after a crash: it goes on where it was.
  if (now.breakGlass?.by !== job.by || now.breakGlass.reason !== reason) throw refused(now);
  await announceBreakGlass(now, work);
  await work.queue.add({ name: "review", migration: name, by: job.by, request: id });
  await work.card.finish({
    subject: `${name} · break-glass`,
    tone: "alarm",
    note: `request ${id}`,
    parts: [{ kind: "text", text: `${mention(job.by)} approves request ${id} by break-glass: ${reason}` }],
  });
  return done;
}

/** Told to everybody in the channel, once. */
export async function announceBreakGlass(request: Request, work: Work): Promise<void> {
  if (request.breakGlass === undefined) return;
  await postOnce(work, { channel: request.channel }, `break-glass:${request.nonce}`, alarm(request));
}

function alarm({ breakGlass: broken, proposal, id, migration }: Request): Message {
  const by = mention(broken?.by ?? "");
  const who = `${mentionEveryone} *BREAK-GLASS* by ${by}: ${broken?.reason ?? ""}`;
  const what = `It counts as one approval of request ${id} (${proposal.title}). One other person must still react with ✅; the gate must hold.`;
  return {
    subject: `${migration} · break-glass`,
    tone: "alarm",
    note: `request ${id}`,
    parts: [
      { kind: "text", text: who },
      { kind: "text", text: what },
    ],
    next: [`cancel ${id}`],
  };
}

function refused({ id, state, breakGlass: broken }: Request): FerryError {
  const why =
    broken === undefined
      ? `request ${id} is ${state === "open" ? "about to expire" : state}`
      : `${mention(broken.by)} already broke the glass for request ${id}`;
  return new FerryError("E_USAGE", why);
}
