import { randomBytes } from "node:crypto";

/** A name no other test uses, legal for topics, groups, connectors and Redis keys: "orders-4f1c09aa". */
export function unique(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString("hex")}`;
}
