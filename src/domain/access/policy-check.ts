import type { PolicyDocument } from "./policy.ts";

/** What IAM answers to one request, by its rules: a Deny beats every Allow, and nothing is allowed that none allows. Pure. */

export type PolicyRequest = {
  /** "kafka-cluster:ReadData" */
  readonly action: string;
  readonly resource: string;
  /** Absent: AWS does not know it, so that no condition on it holds. */
  readonly sourceIp?: string;
};

export function isAllowedBy(documents: readonly PolicyDocument[], request: PolicyRequest): boolean {
  const matching = documents
    .flatMap(({ Statement }) => Statement)
    .filter(({ Action }) => Action.includes(request.action))
    .filter(({ Resource }) => Resource.some((pattern) => isMatch(pattern, request.resource)))
    .filter(({ Condition }) => Condition === undefined || isFrom(Condition.IpAddress, request.sourceIp));
  if (matching.some(({ Effect }) => Effect === "Deny")) return false;
  return matching.some(({ Effect }) => Effect === "Allow");
}

function isFrom(blocks: Readonly<Record<string, readonly string[]>>, address: string | undefined): boolean {
  if (address === undefined) return false;
  return blocks["aws:SourceIp"]?.some((block) => block.slice(0, block.lastIndexOf("/")) === address) === true;
}

/** `*` and `?` are wildcards, `${*}`, `${?}` and `${$}` themselves. */
function isMatch(pattern: string, name: string): boolean {
  const plain = /^[^*?$]*/.exec(pattern)?.[0] ?? "";
  if (!name.startsWith(plain)) return false;
  if (pattern.length === plain.length) return name === pattern;
  if (pattern === `${plain}*`) return true;
  const parts = pattern.split(/(\$\{[*?$]\}|[*?])/).map((part) => {
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    const literal = /^\$\{([*?$])\}$/.exec(part)?.[1] ?? part;
    return literal.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join("")}$`, "u").test(name);
}
