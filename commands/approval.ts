import type { Part } from "#domain/message.ts";
import type { Context } from "./command.ts";

/** A list that is empty means nobody: said at once. Who may approve stands in the request itself. */
export function approval(context: Context): readonly Part[] {
  const { approvers, approvals } = context.migration.settings;
  const listed = approvers.users.length > 0 || approvers.usergroup !== undefined;
  if (listed || approvals.roles !== undefined) return [];
  const text = "Nobody may approve: `approvers` is empty in ferry.yaml.";
  return [{ kind: "checks", items: [{ state: "warn", text }] }];
}
