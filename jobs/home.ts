import { z } from "zod";
import { isFinal, type Request } from "#domain/approval/approval.ts";
import { staleParts } from "#domain/assess/assessment-age.ts";
import { canonical } from "#domain/canonical.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Job, JobOf } from "#domain/job.ts";
import { linkTo, type Message, mentionChannel, type Part } from "#domain/message.ts";
import { clockTime } from "#domain/wording.ts";
import { eligiblePeople } from "./approval/observe.ts";
import { listRequests } from "./approval/request-store.ts";
import { readStandings, standingPart, standingRows } from "./home-standing.ts";
import { done, type Handler, type Outcome, type Work } from "./work.ts";

/** The Home tab: for each person what waits for them, and where every migration stands. */

/** Who has not looked for so long finds the tab as it was, until they open it again. */
const viewerMs = 24 * 3_600_000;

const Viewer = z.object({ at: z.number() });
const Item = z.object({ id: z.string(), text: z.string(), link: z.string().optional() });
type Item = z.infer<typeof Item>;
const Section = z.object({
  migration: z.string(),
  channel: z.string(),
  /** Requests that this person may approve and has not, and those under way otherwise. */
  waits: z.array(Item),
  others: z.array(Item),
  before: z.string().optional(),
  stale: z.string().optional(),
  rows: z.array(z.array(z.string())),
  next: z.array(z.string()),
});
type Section = z.infer<typeof Section>;

const viewers = "home-viewer:";

function sectionsOf(user: string): string {
  return `home:${user}:`;
}

/** Somebody opened the tab: remembers that, and shows this migration's part beside the others' as last known. */
export async function home(job: JobOf<"home">, work: Work): Promise<Outcome> {
  if ((await work.chat.person(job.by)).kind !== "member") {
    const text = "Migrations are shown to members of this workspace.";
    await work.chat.home(job.by, { subject: "MSK Ferry", tone: "info", parts: [{ kind: "text", text }] });
    return done;
  }
  await work.store.write(`${viewers}${job.by}`, { at: work.clock.now() });
  await publish(job.by, await openRequests(work), work, true);
  return done;
}

/** Shows everybody who looked lately what has changed for them. A failure is logged and mends itself the next time. */
export async function refreshHomes(work: Work): Promise<void> {
  try {
    const keys = await work.store.keys(viewers);
    if (keys.length === 0) return;
    const requests = await openRequests(work);
    for (const key of keys) {
      const viewer = Viewer.safeParse((await work.store.read(key))?.value);
      const isRecent = viewer.success && work.clock.now() - viewer.data.at < viewerMs;
      if (isRecent) await publish(key.slice(viewers.length), requests, work, false);
      else await work.store.remove(key);
    }
  } catch (thrown) {
    const { code, message, remedy } = asFerryError(thrown);
    work.log.warn({ code, error: message, remedy }, "home tabs could not be brought up to date");
  }
}

/** The same job, and afterwards the Home tabs say what it changed. */
export function thenHomes<J extends Job>(handler: Handler<J>): Handler<J> {
  return async (job, work) => {
    const outcome = await handler(job, work);
    // A job that comes back soon does not wait for Slack in between: applications may stand still during it.
    if (outcome.kind === "done") await refreshHomes(work);
    return outcome;
  };
}

async function openRequests(work: Work): Promise<readonly Request[]> {
  const all = await listRequests(work.store, work.migration.name);
  return all.filter(({ state }) => !isFinal(state));
}

async function publish(
  user: string,
  requests: readonly Request[],
  work: Work,
  anyway: boolean,
): Promise<void> {
  const key = `${sectionsOf(user)}${work.migration.name}`;
  const stored = Section.safeParse((await work.store.read(key))?.value);
  const earlier = stored.success ? stored.data : undefined;
  const section = await sectionFor(user, requests, earlier, work);
  if (!anyway && earlier !== undefined && canonical(earlier) === canonical(section)) return;
  await work.store.write(key, section);
  const others = await Promise.all(
    (await work.store.keys(sectionsOf(user))).map((each) => work.store.read(each)),
  );
  const sections = others.flatMap((each) => Section.safeParse(each?.value).data ?? []);
  try {
    await work.chat.home(user, homeMessage(sections, work.clock.now()));
  } catch (thrown) {
    // Not shown, so not known: the next refresh sees a change again.
    await work.store.remove(key);
    throw thrown;
  }
}

async function sectionFor(
  user: string,
  requests: readonly Request[],
  earlier: Section | undefined,
  work: Work,
): Promise<Section> {
  const links = new Map(
    [...(earlier?.waits ?? []), ...(earlier?.others ?? [])].map(({ id, link }) => [id, link]),
  );
  const waits: Item[] = [];
  const others: Item[] = [];
  for (const request of requests) {
    const link = links.get(request.id) ?? (await permalinkOf(request, work));
    const item = { id: request.id, text: textOf(request, user), ...(link !== undefined && { link }) };
    if (await waitsFor(user, request, work)) waits.push(item);
    else others.push(item);
  }
  const standings = await readStandings(work);
  return {
    migration: work.migration.name,
    channel: work.migration.settings.channel,
    waits,
    others,
    rows: standingRows(standings).map((row) => [...row]),
    next: [...standings.next],
    ...(standings.before !== undefined && { before: standings.before }),
    ...(standings.stale !== undefined && { stale: standings.stale }),
  };
}

async function waitsFor(user: string, request: Request, work: Work): Promise<boolean> {
  if (request.state !== "open" || user === request.requester) return false;
  if (request.seen[`${user} approve`] === "counted" || request.seen[`${user} deny`] === "counted")
    return false;
  return (await eligiblePeople(request.action, request.proposal.wave, work)).has(user);
}

function textOf({ id, proposal, requester, state, expiresAt }: Request, user: string): string {
  const until = state === "open" ? `, until ${clockTime(expiresAt).slice(0, 5)} UTC` : "";
  const words = { open: "waits for approval", approved: "approved", executing: "running" } as const;
  const now = state === "open" || state === "approved" || state === "executing" ? words[state] : state;
  return `${proposal.title}, ${requester === user ? "asked by you, " : ""}${now}${until} (request ${id})`;
}

async function permalinkOf({ channel, ts }: Request, work: Work): Promise<string | undefined> {
  if (ts === undefined) return undefined;
  try {
    return await work.chat.permalink({ channel, ts });
  } catch (thrown) {
    work.log.debug({ ts, error: asFerryError(thrown).message }, "no link to a request");
    return undefined;
  }
}

function homeMessage(sections: readonly Section[], now: number): Message {
  const waits = sections.flatMap((section) => section.waits);
  const text =
    waits.length === 0 ? "Nothing waits for you." : "*Waits for you*: read it in its thread, react there.";
  return {
    subject: "MSK Ferry",
    tone: "info",
    note: `as of ${clockTime(now)} UTC`,
    parts: [{ kind: "text", text }, ...lines(waits), ...sections.flatMap(sectionParts)],
  };
}

function sectionParts({ migration, channel, others, rows, before, stale, next }: Section): readonly Part[] {
  return [
    { kind: "text", text: `*${migration}* in ${mentionChannel(channel)}` },
    standingPart(rows, before),
    ...staleParts(stale),
    ...lines(others),
    { kind: "note", text: `next, in the channel: ${next.map((each) => `\`/ferry ${each}\``).join(" · ")}` },
  ];
}

function lines(items: readonly Item[]): readonly Part[] {
  if (items.length === 0) return [];
  const text = items
    .map((item) => `• ${item.link === undefined ? item.text : `${item.text}  ${linkTo(item.link, "open")}`}`)
    .join("\n");
  return [{ kind: "text", text }];
}
