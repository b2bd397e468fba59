import { Duration } from "#domain/settings.ts";
import type { Context } from "./command.ts";
import { type Line, quote, usage } from "./grammar.ts";
import { spell } from "./spell.ts";

/** People must be able to read what they approve, ms. */
const shortest = 10_000;

/** `--expires`: how long this request waits, in ms; never longer than the team's own limit. */
export function readExpiry(line: Line): number | undefined {
  const typed = line.option("--expires", "a duration, such as `15m`,");
  if (typed === undefined) return undefined;
  const { data } = Duration.safeParse(typed);
  if (data !== undefined && data >= shortest) return data;
  throw usage(`${quote(typed)} is not a duration of at least ${spell(shortest)}. Write \`30s\` or \`15m\`.`);
}

/** Fails with `E_USAGE` beyond `approvals.expires`: a person may make it stricter, not looser. */
export function refuseLonger(expires: number | undefined, { migration }: Context): void {
  const { expires: most } = migration.settings.approvals;
  if (expires === undefined || expires <= most) return;
  throw usage(
    `${spell(expires)} is longer than requests wait here: \`approvals.expires\` is ${spell(most)}.`,
  );
}
