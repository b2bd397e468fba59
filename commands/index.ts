import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Form, FormProblems, Submitted } from "#domain/form.ts";
import type { JobQueue } from "#domain/job.ts";
import { type Message, mentionChannel, type Part } from "#domain/message.ts";
import type { Chat, Log } from "#domain/ports.ts";
import type { Migration } from "#domain/settings.ts";
import { access } from "./access.ts";
import { assess } from "./assess.ts";
import { audit } from "./audit.ts";
import { breakGlass } from "./break-glass.ts";
import { cancel } from "./cancel.ts";
import { cleanup } from "./cleanup.ts";
import type { Answer, Command, Said, Usage } from "./command.ts";
import { cutover } from "./cutover.ts";
import { digest } from "./digest.ts";
import { features } from "./features.ts";
import { type Line, pick, quote, readLine } from "./grammar.ts";
import { help, helpAnswer } from "./help.ts";
import { lag } from "./lag.ts";
import { network } from "./network.ts";
import { plan, takeAnswers } from "./plan.ts";
import { provision } from "./provision.ts";
import { replicate } from "./replicate.ts";
import { rollback } from "./rollback.ts";
import { status } from "./status.ts";
import { verify } from "./verify.ts";

/** In the order in which a migration needs them. */
const commands: readonly Command[] = [
  assess,
  plan,
  provision,
  network,
  access,
  replicate,
  lag,
  status,
  verify,
  cutover,
  rollback,
  cleanup,
  features,
  digest,
  audit,
  cancel,
  breakGlass,
];

/** Everything that can be typed: the rows of `/ferry help` and of the README's table. */
export const usages: readonly Usage[] = [...commands, help];

const names = usages.map(({ name }) => name);

export type CommandsNeed = {
  readonly migrations: readonly Migration[];
  readonly queue: JobQueue;
  readonly people: Pick<Chat, "person" | "shared">;
  /** Where a migration stands, for whoever types nothing more than `/ferry`; absent: `status` answers. */
  readonly overview?: ((migration: Migration) => Promise<Message>) | undefined;
  /** The form of a plan's questions; absent: they are answered in text only. */
  readonly form?: ((migration: Migration) => Promise<Form>) | undefined;
  readonly log: Log;
};

/**
 * Answers what people type. Never rejects: a mistake or a failure becomes an answer that only its person sees. Work
 * is queued before the answer is given, so an answer in the channel means that the job exists.
 */
export function createCommands(need: CommandsNeed): (said: Said) => Promise<Answer> {
  return async (said) => {
    const { name: typed, line } = readLine(said.text);
    const name = typed ?? "status";
    try {
      const { overview } = need;
      if (typed === undefined && overview !== undefined) return await answerNothing(need, overview, said);
      return await answer(need, said, pick("a command", name, names), line);
    } catch (thrown) {
      const error = asFerryError(thrown);
      const { code, message, remedy, stack } = error;
      const fields = { channel: said.channel, user: said.user, code, error: message, remedy };
      if (code === "E_USAGE") need.log.info(fields, "command refused");
      else need.log.warn({ ...fields, stack }, "command not carried out");
      return refusal(name, error);
    }
  };
}

async function answer(need: CommandsNeed, said: Said, name: string, line: Line): Promise<Answer> {
  const found = commands.find((each) => each.name === name);
  if (found === undefined) return answerHelp(line);
  const { who, run } = found.prepare(line);
  const migration = migrationOf(need.migrations, said.channel);
  await requireOwnChannel(need.people, said.channel);
  if (who === "members") await requireMember(need.people, said.user, said.text.trim());
  const { user, channel, trigger } = said;
  const { queue, form } = need;
  return run({ migration, user, channel, trigger, queue, form: form && (() => form(migration)) });
}

/**
 * Takes what people write into a form, on the same conditions as what they type: each answer is checked, and all are
 * queued together. Answers what is wrong, by
 * field; rejects where the person may not answer, or nothing could be queued.
 */
export function createFormTaker(need: CommandsNeed): (submitted: Submitted) => Promise<FormProblems> {
  return async ({ channel, user, values, trigger }) => {
    const migration = migrationOf(need.migrations, channel);
    await requireOwnChannel(need.people, channel);
    await requireMember(need.people, user, "plan answer");
    return await takeAnswers(values, { migration, user, channel, trigger, queue: need.queue });
  };
}

/** Plain `/ferry`: quick, seen by the person only. */
async function answerNothing(
  need: CommandsNeed,
  overview: (migration: Migration) => Promise<Message>,
  { channel }: Said,
): Promise<Answer> {
  const migration = migrationOf(need.migrations, channel);
  await requireOwnChannel(need.people, channel);
  return { seenBy: "person", message: await overview(migration) };
}

function answerHelp(line: Line): Answer {
  const name = line.optionalChoice("a command", names);
  line.end();
  return helpAnswer(
    usages,
    usages.find((each) => each.name === name),
  );
}

function migrationOf(migrations: readonly Migration[], channel: string): Migration {
  const found = migrations.find(({ settings }) => settings.channel === channel);
  if (found !== undefined) return found;
  const elsewhere = migrations.map(({ settings }) => mentionChannel(settings.channel)).join(", ");
  const where = elsewhere === "" ? "" : ` Migrations are in ${elsewhere}.`;
  // Slack's ids of direct messages begin with D.
  if (channel.startsWith("D"))
    throw new FerryError("E_CHANNEL", `Not in direct messages: a team must see what is done.${where}`);
  throw new FerryError("E_CHANNEL", `No migration belongs to this channel (\`${channel}\`).${where}`);
}

/** People of other workspaces must neither read a migration's answers nor stand among its approvers. */
async function requireOwnChannel(people: Pick<Chat, "shared">, channel: string): Promise<void> {
  if (!(await people.shared(channel))) return;
  const text = `${mentionChannel(channel)} is shared with another workspace (Slack Connect); MSK Ferry answers in channels of its own workspace only.`;
  throw new FerryError("E_CHANNEL", text);
}

const outsiders = {
  guest: "a guest of this workspace",
  bot: "a bot or an app",
  deactivated: "deactivated",
  stranger: "from another workspace",
} as const;

async function requireMember(people: Pick<Chat, "person">, user: string, text: string): Promise<void> {
  const { kind } = await people.person(user);
  if (kind === "member") return;
  const refused = `${quote(`/ferry ${text}`)} is for members of this workspace; you are ${outsiders[kind]}.`;
  throw new FerryError("E_USAGE", `${refused} Ask a member to type it.`);
}

/** Seen by one person. A typing mistake shows the usage, anything else what to do about it. */
function refusal(name: string, error: FerryError): Answer {
  const row = usages.find((each) => each.name === name);
  const mistake = error.code === "E_USAGE";
  const lines: Part[] = [
    { kind: "text", text: mistake ? error.message : `\`${error.code}\` ${error.message}` },
  ];
  // The catalogue speaks of jobs, which try again by themselves; a command does not.
  const remedy = error.code === "E_SLACK" ? "Repeat the command." : error.remedy;
  if (!mistake) lines.push({ kind: "text", text: `Do: ${remedy}` });
  else if (row !== undefined) lines.push({ kind: "text", text: `Usage: \`/ferry ${row.usage}\`` });
  return {
    seenBy: "person",
    message: {
      subject: row === undefined ? "ferry" : `ferry ${row.name}`,
      tone: "failed",
      note: mistake ? "nothing was queued · E_USAGE" : "nothing was queued",
      parts: lines,
      ...(row === undefined && { next: ["help"] }),
    },
  };
}
