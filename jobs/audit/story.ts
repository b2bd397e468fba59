import { type StoryLine, storyOf } from "#domain/audit/story.ts";
import { closestName } from "#domain/closest.ts";
import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Message, Part } from "#domain/message.ts";
import { Plan, planKey } from "#domain/plan.ts";
import type { ChainedEntry } from "#domain/ports.ts";
import { count } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";

/** The newest lines that a thread shows; more go into a file. */
const shown = 40;
/** A block of Slack holds 3,000 characters; a line seldom more than 200. */
const linesPerPart = 12;

/**
 * Tells a wave's story, or the newest part of the migration's, in the card's thread; whole as a file when it is long.
 * Fails with `E_UNKNOWN_WAVE` and the nearest one.
 */
export async function tellStory(
  trail: readonly ChainedEntry[],
  wave: string | undefined,
  work: Work,
): Promise<readonly Part[]> {
  if (wave !== undefined) await refuseUnknown(wave, trail, work);
  const told = await named(storyOf(trail, wave), work);
  if (told.length === 0)
    return wave === undefined ? [] : [{ kind: "text", text: "Nothing happened to it yet." }];
  const newest = told.slice(-shown);
  await work.card.thread("story", storyMessage(newest, told.length, wave, work));
  if (told.length > shown) await work.card.file(storyFile(told, wave, work));
  const where = told.length > shown ? `the newest ${shown} in the thread, all in the file` : "in the thread";
  return [{ kind: "note", text: `${count(told.length, "line")}, ${where}. Times in UTC.` }];
}

/** Of the plan, and those that only the past knows. */
async function refuseUnknown(wave: string, trail: readonly ChainedEntry[], work: Work): Promise<void> {
  const plan = Plan.safeParse((await work.store.read(planKey(work.migration.name)))?.value);
  const planned = plan.success ? plan.data.waves.map(({ name }) => name) : [];
  const past = trail.flatMap((entry) => (entry.wave === undefined ? [] : [entry.wave]));
  const known = [...new Set([...planned, ...past])].sort();
  if (known.includes(wave)) return;
  const nearest = closestName(wave, [...known, "export"]) ?? "export";
  const message = `There is no wave "${wave}"; did you mean ${nearest}? Known: ${known.join(", ") || "none"}; or export.`;
  throw new FerryError("E_UNKNOWN_WAVE", message);
}

/** Names instead of mentions: telling the past again is no reason to ring anybody. */
async function named(story: readonly StoryLine[], work: Work): Promise<readonly StoryLine[]> {
  const ids = new Set(
    story.flatMap(({ who, text }) => [who, ...[...text.matchAll(/@\{(\w+)\}/g)].map(([, id = ""]) => id)]),
  );
  const people = [...ids].filter((id) => /^[UW][A-Z0-9]+$/.test(id));
  const names = new Map(await Promise.all(people.map(async (id) => [id, await nameOf(id, work)] as const)));
  return story.map((line) => ({
    ...line,
    who: names.get(line.who) ?? line.who,
    text: line.text.replaceAll(/@\{(\w+)\}/g, (_, id: string) => names.get(id) ?? id),
  }));
}

async function nameOf(id: string, work: Work): Promise<string> {
  try {
    return (await work.chat.person(id)).name;
  } catch (thrown) {
    work.log.info({ user: id, code: asFerryError(thrown).code }, "a name could not be read");
    return id;
  }
}

function storyMessage(
  lines: readonly StoryLine[],
  all: number,
  wave: string | undefined,
  work: Work,
): Message {
  const earlier = all - lines.length;
  const parts: Part[] =
    earlier > 0 ? [{ kind: "note", text: `${count(earlier, "line")} before these.` }] : [];
  let day = "";
  for (let from = 0; from < lines.length; from += linesPerPart) {
    const texts: string[] = [];
    for (const line of lines.slice(from, from + linesPerPart)) {
      if (dayOf(line) !== day) texts.push(`*${dayOf(line)}*`);
      day = dayOf(line);
      texts.push(`\`${line.at.slice(11, 19)}\` *${line.who}* ${line.text}`);
    }
    parts.push({ kind: "text", text: texts.join("\n") });
  }
  return { subject: subjectOf(wave, work), tone: "info", parts };
}

function storyFile(lines: readonly StoryLine[], wave: string | undefined, work: Work) {
  const subject = subjectOf(wave, work);
  const rows = lines.map(
    ({ sequence, at, who, text }) => `- ${at.slice(0, 19)}Z #${sequence} **${who}** ${text}`,
  );
  const content = Buffer.from([`# ${subject}`, "", ...rows, ""].join("\n"));
  return {
    name: `story-${work.migration.name}${wave === undefined ? "" : `-${wave}`}.md`,
    title: subject,
    content,
  };
}

function subjectOf(wave: string | undefined, { migration }: Work): string {
  return `${migration.name} · story${wave === undefined ? "" : ` of wave ${wave}`}`;
}

function dayOf({ at }: StoryLine): string {
  return at.slice(0, 10);
}
