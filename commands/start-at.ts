import { isStartTime } from "#domain/start-time.ts";
import { type Line, quote, usage } from "./grammar.ts";

/** `--at`: when an approved action is to start. What it means there and then is decided when the request is made. */
export function readStart(line: Line): string | undefined {
  const at = line.option("--at", "a time, such as `22:30`,");
  if (at === undefined || isStartTime(at)) return at;
  throw usage(`${quote(at)} is not a time. Write \`22:30\` or \`2026-11-24T22:30\`.`);
}

/** For the sentence that says what will happen. */
export function startText(at: string | undefined): string {
  return at === undefined
    ? ""
    : ` Once approved it starts at ${at}, not before; the gate is read again then.`;
}
