import { FerryError } from "#domain/errors.ts";
import { type Context, command, enqueue, from } from "./command.ts";
import { type Line, quote } from "./grammar.ts";

export const provision = command({
  name: "provision",
  usage: "provision [adopt <fingerprint>]",
  summary: "Creates or adopts the MSK cluster and waits until it is ACTIVE.",
  who: "members",
  parse: adoptionIn,
  run(adopt, context) {
    return enqueue(
      context,
      { name: "provision", ...from(context), ...(adopt !== undefined && { adopt }) },
      { subject: "provision", will: will(adopt, context) },
    );
  },
});

/** The fingerprint of the differences that somebody says yes to. */
function adoptionIn(line: Line): string | undefined {
  const word = line.optionalWord();
  if (word === undefined) return undefined;
  if (word !== "adopt")
    throw new FerryError("E_USAGE", `${quote(word)} is not known here; did you mean adopt?`);
  return line.word("fingerprint, as `/ferry provision` shows it");
}

function will(adopt: string | undefined, { migration }: Context): string {
  const { cluster, region } = migration.settings.target;
  if (adopt !== undefined) {
    return `Uses the MSK cluster \`${cluster}\` in ${region} as it is, if its differences from the plan are still those of ${quote(adopt)}. Changes nothing of it.`;
  }
  return `Creates MSK cluster \`${cluster}\` in ${region} as planned, or adopts the one that exists, and waits until it is ACTIVE. AWS charges for it from then on. No application is touched.`;
}
