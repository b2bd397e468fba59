/** IAM's evaluation, written apart from the product's: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html */

type Document = {
  readonly Statement: ReadonlyArray<{
    readonly Effect: string;
    readonly Action: readonly string[];
    readonly Resource: readonly string[];
    readonly Condition?: { readonly IpAddress: Readonly<Record<string, readonly string[]>> };
  }>;
};

export function iamAllows(
  documents: readonly Document[],
  action: string,
  resource: string,
  address?: string,
): boolean {
  let isAllowed = false;
  for (const { Statement } of documents) {
    for (const { Effect, Action, Resource, Condition } of Statement) {
      if (!Action.some((name) => name === action)) continue;
      if (!Resource.some((pattern) => matches(pattern, resource))) continue;
      const blocks = Condition?.IpAddress["aws:SourceIp"];
      if (blocks !== undefined && !blocks.includes(`${address}/32`)) continue;
      if (Effect === "Deny") return false;
      isAllowed = true;
    }
  }
  return isAllowed;
}

/** The part before the first wildcard is compared at once. */
function matches(pattern: string, resource: string): boolean {
  const plain = /^[^*?$]*/.exec(pattern)?.[0] ?? "";
  if (!resource.startsWith(plain)) return false;
  return globs(tokens(pattern.slice(plain.length)), resource.slice(plain.length).split(""));
}

type Token = { readonly sign: string; readonly isWild: boolean };

function tokens(pattern: string): readonly Token[] {
  const found: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern.charAt(at);
    if (sign === "$" && pattern.charAt(at + 1) === "{" && pattern.charAt(at + 3) === "}") {
      found.push({ sign: pattern.charAt(at + 2), isWild: false });
      at += 3;
    } else {
      found.push({ sign, isWild: sign === "*" || sign === "?" });
    }
  }
  return found;
}

/** By a table of what the first so many tokens match, not by a regular expression. */
function globs(pattern: readonly Token[], text: readonly string[]): boolean {
  let row = [true, ...text.map(() => false)];
  for (const token of pattern) row = nextRow(token, row, text);
  return row.at(-1) === true;
}

function nextRow({ sign, isWild }: Token, row: readonly boolean[], text: readonly string[]): boolean[] {
  const isMany = isWild && sign === "*";
  const next = [isMany && row[0] === true];
  for (const [index, letter] of text.entries()) {
    const isOne = row[index] === true && (isWild ? sign === "?" : sign === letter);
    next.push(isOne || (isMany && (next[index] === true || row[index + 1] === true)));
  }
  return next;
}
