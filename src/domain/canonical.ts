import { createHash } from "node:crypto";

/**
 * JSON with sorted keys and no spaces: equal values give equal text, whatever the order they were built in.
 * Like `JSON.stringify`, leaves out keys whose value is undefined. Numbers that JSON cannot hold are a `TypeError`.
 */
export function canonical(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`${value} cannot be written as JSON`);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if ("toJSON" in value && typeof value.toJSON === "function")
    return canonical(JSON.parse(JSON.stringify(value)));
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.join(",")}}`;
}

/** SHA-256 of the canonical JSON, 64 hexadecimal digits. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}
