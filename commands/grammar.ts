import { closest } from "fastest-levenshtein";
import { FerryError } from "#domain/errors.ts";

/**
 * One typed line, read word by word. Every reader fails with `E_USAGE`, quoting the word and naming the nearest
 * valid one. Names of topics, groups, waves and requests are taken as typed: the worker knows which exist.
 */
export type Line = {
  /** The next word, one of these; upper and lower case alike. */
  choice<const T extends string>(what: string, options: readonly T[]): T;
  optionalChoice<const T extends string>(what: string, options: readonly T[]): T | undefined;
  word(what: string): string;
  optionalWord(): string | undefined;
  /** True when the option was given, anywhere in the line. */
  flag(name: `--${string}`): boolean;
  /** The word behind the option, as "--at 22:30" or "--at=22:30"; to be read before the words. */
  option(name: `--${string}`, what: string): string | undefined;
  rest(): readonly string[];
  /** Fails when something was typed that nobody asked for. */
  end(): void;
};

/** Phones and word processors turn quotes and double hyphens into these. */
const quotes = /^["'`“”„‘’]+|["'`“”„‘’]+$/g;
const dashes = /^(?:--|[—–])(?=[a-z])/i;

/** Splits what was typed after `/ferry` into the command's name (lower case) and the rest. */
export function readLine(text: string): { readonly name: string | undefined; readonly line: Line } {
  const all = text
    .split(/\s+/)
    .map((word) => word.replaceAll(quotes, ""))
    .filter((word) => word !== "");
  const [name, ...words] = all;
  return { name: name?.toLowerCase(), line: createLine(words) };
}

/** The command of that name. Fails with `E_USAGE` and the nearest one. */
export function pick<const T extends string>(what: string, typed: string, options: readonly T[]): T {
  const found = options.find((option) => option === typed.toLowerCase());
  if (found !== undefined) return found;
  throw usage(
    `${quote(typed)} is not ${what}. Nearest: ${quote(closest(typed.toLowerCase(), [...options]))}.`,
  );
}

export function usage(message: string): FerryError {
  return new FerryError("E_USAGE", message);
}

/** For display: short, and without the marks that would end the quotation. */
export function quote(word: string): string {
  const clean = word.replaceAll("`", "");
  return `\`${clean.length > 60 ? `${clean.slice(0, 60)}…` : clean}\``;
}

function missing(what: string, options?: readonly string[]): FerryError {
  const allowed = options ? `: ${options.map(quote).join(" or ")}` : "";
  return usage(`The line ends where ${what} is needed${allowed}.`);
}

function createLine(typed: readonly string[]): Line {
  const words = typed.filter((word) => !dashes.test(word));
  const options = typed.filter((word) => dashes.test(word)).map((word) => word.replace(dashes, "--"));
  const flags = options.map((word) => (word.split("=")[0] ?? word).toLowerCase());
  const asked: string[] = [];

  function optionalChoice<const T extends string>(what: string, options: readonly T[]): T | undefined {
    const word = words.shift();
    return word === undefined ? undefined : pick(what, word, options);
  }

  return {
    optionalChoice,
    choice(what, options) {
      const found = optionalChoice(what, options);
      if (found === undefined) throw missing(what, options);
      return found;
    },
    word(what) {
      const word = words.shift();
      if (word === undefined) throw missing(what);
      return word;
    },
    optionalWord: () => words.shift(),
    flag(name) {
      asked.push(name);
      return flags.includes(name);
    },
    option(name, what) {
      asked.push(name);
      const index = flags.indexOf(name);
      if (index < 0) return undefined;
      const [, ...joined] = (options[index] ?? "").split("=");
      const place = typed.findIndex(
        (word) => dashes.test(word) && word.replace(dashes, "--") === options[index],
      );
      const value = joined.length > 0 ? joined.join("=") : typed[place + 1];
      if (value === undefined || value === "" || dashes.test(value)) throw missing(what);
      if (joined.length === 0) words.splice(words.indexOf(value), 1);
      return value;
    },
    rest: () => words.splice(0),
    end() {
      const [word] = words;
      if (word !== undefined) throw usage(`${quote(word)} is one word too many.`);
      const stray = flags.find((flag) => !asked.includes(flag));
      if (stray === undefined) return;
      if (asked.length === 0)
        throw usage(`${quote(stray)} is not known here: this command takes no options.`);
      throw usage(
        `${quote(stray)} is not an option of this command. Nearest: ${quote(asked.find((name) => name.startsWith(stray)) ?? closest(stray, asked))}.`,
      );
    },
  };
}
