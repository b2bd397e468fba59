import { z } from "zod";
import type { ChainedEntry } from "#domain/ports.ts";
import { count, took } from "#domain/wording.ts";

/** The audit as people read it: one short line per entry, in the order in which it happened. */

export type StoryLine = {
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  /** A Slack user id, or "the bot". */
  readonly who: string;
  /** People as `@{id}`. */
  readonly text: string;
};

const reasonMax = 160;
/** What was about to be done: its outcome follows. */
const intents = /\.intent$/;

/** The story of one wave, or of all. Requests and runs belong to a wave, also where their entries do not name it. */
export function storyOf(trail: readonly ChainedEntry[], wave?: string): readonly StoryLine[] {
  const told = wave === undefined ? trail : trail.filter(ofWave(trail, wave));
  return told
    .filter(({ what }) => !intents.test(what))
    .map((entry) => ({ sequence: entry.sequence, at: entry.at, who: whoOf(entry), text: textOf(entry) }));
}

const About = z.object({
  request: z.string().optional(),
  run: z.string().optional(),
});

function ofWave(trail: readonly ChainedEntry[], wave: string): (entry: ChainedEntry) => boolean {
  const known = trail.filter((entry) => entry.wave === wave).map(aboutOf);
  const ids = new Set(known.flatMap(({ request, run }) => [request, run]).filter((id) => id !== undefined));
  return (entry) => {
    if (entry.wave !== undefined) return entry.wave === wave;
    const { request = "", run = "" } = aboutOf(entry);
    return ids.has(request) || ids.has(run) || ids.has(entry.request ?? "");
  };
}

function aboutOf({ detail }: ChainedEntry): z.infer<typeof About> {
  return About.safeParse(detail).data ?? {};
}

function whoOf({ actor }: ChainedEntry): string {
  return /^[UW][A-Z0-9]+$/.test(actor) ? actor : "the bot";
}

const Detail = z.object({
  request: z.string().catch(""),
  vote: z.string().catch(""),
  action: z.string().catch(""),
  step: z.string().catch(""),
  title: z.string().catch(""),
  client: z.string().catch(""),
  place: z.string().catch(""),
  flow: z.string().catch(""),
  phase: z.string().catch(""),
  hash: z.string().catch(""),
  message: z.string().catch(""),
  job: z.string().catch(""),
  by: z.array(z.string()).catch([]),
  approvedBy: z.array(z.string()).catch([]),
  equal: z.number().optional().catch(undefined),
  differences: z.array(z.unknown()).catch([]),
  pauses: z.array(z.object({ group: z.string(), pauseMs: z.number().optional() })).catch([]),
  removed: z.number().catch(0),
  until: z.string().catch(""),
});
type Detail = z.infer<typeof Detail>;

type Telling = (detail: Detail, entry: ChainedEntry) => string;

const verbs = new Map([
  ["approve", "approves"],
  ["deny", "denies"],
]);

const clusters = new Map([
  ["source", "the source"],
  ["target", "MSK"],
]);

const tellings: ReadonlyMap<string, Telling> = new Map<string, Telling>([
  ["request.opened", ({ action, request }, { wave }) => `asks for ${action}${of(wave)}: request ${request}`],
  ["reaction.counted", ({ vote, request }) => `${verbs.get(vote) ?? vote} request ${request}`],
  ["reaction.not-counted", ({ vote, request }) => `reacts to request ${request} (${vote}), not counted`],
  ["reaction.withdrawn", ({ vote, request }) => `takes "${vote}" back from request ${request}`],
  ["request.approved", ({ request, by }) => `request ${request} is approved${people(by)}`],
  ["request.denied", ({ request, by }) => `request ${request} is denied${people(by)}`],
  ["request.cancelled", ({ request }) => `cancels request ${request}`],
  ["run.started", ({ request, approvedBy }) => `starts request ${request}, approved${people(approvedBy)}`],
  ["run.turn-back", ({ request }) => `asks the run of request ${request} to turn back`],
  ["run.repaired", ({ request }) => `says that request ${request} was repaired by hand`],
  ["step.done", (detail) => `${titleOf(detail)}: done`],
  ["step.found", (detail) => `${titleOf(detail)}: was already so`],
  ["step.undone", (detail) => `${titleOf(detail)}: taken back`],
  ["step.undo", (detail) => `${titleOf(detail)}: is taken back`],
  ["client.stopped", ({ client, place }) => `${client} stopped on ${clusters.get(place) ?? place}`],
  ["client.started", ({ client, place }) => `${client} started on ${clusters.get(place) ?? place}`],
  ["offsets.committed", (_, { detail, after }) => `offsets committed: ${groupsIn(after ?? detail)}`],
  ["offsets.carried-back", (_, { detail, after }) => `offsets carried back: ${groupsIn(after ?? detail)}`],
  ["consumers.moved", ({ pauses }) => `consumers moved${pausesOf(pauses)}`],
  ["wave.phase", ({ phase }, { wave }) => `wave ${wave ?? "?"} stands at ${phase}`],
  ["plan.answered", (_, { subject }) => `answers the plan's question ${subject ?? "?"}`],
  ["plan.made", ({ hash }) => `plan ${hash.slice(0, 12)} is made`],
  ["job.failed", ({ job }) => `${job} failed`],
  [
    "verify.done",
    ({ equal, differences }) =>
      `verified: ${equal === undefined ? "unknown" : count(equal, "record")} equal, ${count(differences.length, "partition")} different`,
  ],
  [
    "audit.pruned",
    ({ removed, until }) => `${count(removed, "entry").replace("entrys", "entries")} up to ${until} removed`,
  ],
]);

function textOf(entry: ChainedEntry): string {
  const detail = Detail.safeParse(entry.detail).data ?? Detail.parse({});
  const telling = tellings.get(entry.what);
  const text = telling?.(detail, entry) ?? plainly(detail, entry);
  return `${text}${changeOf(entry)}${becauseOf(detail, entry)}`;
}

/** Entries of an earlier release have the step's name only. */
function titleOf({ title, step }: Detail): string {
  return title === "" ? step : title;
}

const Grouped = z.array(z.object({ group: z.string() }));

function groupsIn(detail: unknown): string {
  const groups = (Grouped.safeParse(detail).data ?? []).map(({ group }) => group);
  return [...new Set(groups)].join(", ") || "none";
}

function pausesOf(pauses: Detail["pauses"]): string {
  const each = pauses.map(
    ({ group, pauseMs }) => `${group} ${pauseMs === undefined ? "unknown" : took(pauseMs)}`,
  );
  return each.length === 0 ? "" : `, nobody read for: ${each.join(", ")}`;
}

/** "mirror stopped ferry-orders-billing-forward": readable without a telling of its own. */
function plainly({ flow, request, client }: Detail, entry: ChainedEntry): string {
  const { what, subject = "", wave, migration } = entry;
  const own = subject === wave || subject === migration ? "" : subject;
  const about = [flow, request, client, own].find((word) => word !== "") ?? "";
  return `${what.replaceAll(/[.-]/g, " ")} ${about}`.trimEnd();
}

/** Their words say it, or their hashes say nothing to people. */
const untold = /^(?:plan|run|step|reaction|client|topics|aws)\./;

/** Only short states: "open → approved". Whole documents are in the export. */
function changeOf({ before, after, what }: ChainedEntry): string {
  if (typeof before !== "string" || typeof after !== "string") return "";
  return what.endsWith(`.${after}`) || untold.test(what) ? "" : ` (${before} → ${after})`;
}

function becauseOf({ message }: Detail, { reason }: ChainedEntry): string {
  const code = reason !== undefined && selfEvident.has(reason) ? undefined : reason;
  const why = [code, message === "" ? undefined : message].filter((part) => part !== undefined).join(": ");
  if (why === "") return "";
  return ` – ${why.length > reasonMax ? `${why.slice(0, reasonMax)}…` : why}`;
}

/** Reasons that the line itself tells already. */
const selfEvident: ReadonlySet<string> = new Set([
  "counted",
  "asked",
  "quorum",
  "denied",
  "cancelled",
  "approved",
  "run",
  "done",
  "turning-back",
]);

function of(wave: string | undefined): string {
  return wave === undefined ? "" : ` of wave ${wave}`;
}

function people(users: readonly string[]): string {
  return users.length === 0 ? "" : ` by ${users.map((user) => `@{${user}}`).join(", ")}`;
}
