import { FerryError } from "#domain/errors.ts";
import { statementFor } from "#domain/export/iam-policy.ts";
import type { Work } from "#jobs/work.ts";

/** AWS's refusals with what a person needs to mend them. */

/** What may lack a permission; `E_AWS_ACCESS` then tells the statement to add. */
export async function explainingDenials<T>(work: Pick<Work, "migration">, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    throw thrown instanceof FerryError ? explainedDenial(thrown, work) : thrown;
  }
}

/** The same error where it is no denial, or tells its remedy already. */
export function explainedDenial(error: FerryError, work: Pick<Work, "migration">): FerryError {
  const { code, message, cause } = error;
  const told = cause instanceof FerryError && cause.code === code;
  if (code !== "E_AWS_ACCESS" || told) return error;
  const said = message.endsWith(".") ? message : `${message}.`;
  return new FerryError("E_AWS_ACCESS", `${said} ${remedyFor(message, work)}`, { cause: error });
}

/** What is denied in so many words no statement of the role can allow: IAM user guide, reference_policies_evaluation-logic. */
function remedyFor(message: string, work: Pick<Work, "migration">): string {
  const [, denying] = /with an explicit deny in (an? [\w -]+)/.exec(message) ?? [];
  if (denying === undefined) {
    return `Add to the policy of that role: \`${missingStatement(message, work)}\``;
  }
  return `It is denied by ${denying.trim()}, which no statement to allow outweighs: whoever owns that policy must take the denial out for \`${missingStatement(message, work)}\``;
}

/** AWS often names another action than the one that was called, and the very resource; else what the policy has for it. */
function missingStatement(message: string, work: Pick<Work, "migration">): string {
  const said = /not authorized to perform: ([\w-]+:\w+)(?: on resource: (arn:[^\s"]+))?/.exec(message);
  const [, called = ""] = /may not do ([\w-]+:\w+) on/.exec(message) ?? [];
  const [, action = called, resource] = said ?? [];
  const Resource =
    resource === undefined
      ? (statementFor(action, work.migration, sideOf(message, work))?.Resource ?? ["*"])
      : [resource];
  return JSON.stringify({ Effect: "Allow", Action: [action], Resource });
}

/** Only the source's side is reached with a profile. */
function sideOf(message: string, { migration }: Pick<Work, "migration">): "source" | "target" | undefined {
  const { accepter } = migration.settings.source.network;
  if (accepter?.profile === undefined) return undefined;
  return message.startsWith("The role of profile ") ? "source" : "target";
}

/** AWS says only that something does not exist: in another account or Region it does. `where`: where it was looked for. */
export async function foundHere<T>(asked: Promise<T>, where: string): Promise<T> {
  try {
    return await asked;
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || !/does not exist|NotFound/.test(thrown.message)) throw thrown;
    throw new FerryError(
      thrown.code,
      `${thrown.message}; ${where}: check the id, the Region and whose credentials these are.`,
      { cause: thrown },
    );
  }
}
