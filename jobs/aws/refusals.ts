import { FerryError } from "#domain/errors.ts";
import { statementFor } from "#domain/iam-policy.ts";
import type { Outcome, Work } from "#jobs/work.ts";

/** AWS's refusals with what a person needs to mend them. */

/** Runs a job; a permission that lacks is told with the statement to add (`E_AWS_ACCESS`). */
export async function explainingDenials(work: Work, run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== "E_AWS_ACCESS") throw thrown;
    const { message } = thrown;
    const said = message.endsWith(".") ? message : `${message}.`;
    const text = `${said} Add to the policy of that role: \`${missingStatement(message, work)}\``;
    throw new FerryError("E_AWS_ACCESS", text, { cause: thrown });
  }
}

/** AWS often names another action than the one that was called, and the very resource; else what the policy has for it. */
function missingStatement(message: string, work: Work): string {
  const said = /not authorized to perform: ([\w-]+:\w+)(?: on resource: (arn:[^\s"]+))?/.exec(message);
  const [, called = ""] = /may not do ([\w-]+:\w+) on/.exec(message) ?? [];
  const [, action = called, resource] = said ?? [];
  const Resource =
    resource === undefined ? (statementFor(action, work.migration)?.Resource ?? ["*"]) : [resource];
  return JSON.stringify({ Effect: "Allow", Action: [action], Resource });
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
