import { mention, mentionGroup, type Part } from "#domain/message.ts";
import type { Context } from "./command.ts";

/** Who will be asked. The list alone decides; an empty one means nobody, and that is said at once. */
export function approval(context: Context): readonly Part[] {
  const { users, usergroup } = context.migration.settings.approvers;
  const names = [...users.map(mention), ...(usergroup === undefined ? [] : [mentionGroup(usergroup)])];
  if (names.length > 0)
    return [{ kind: "note", text: `May approve: ${names.join(", ")}, except who asked.` }];
  const text = "Nobody may approve: `approvers` is empty in ferry.yaml.";
  return [{ kind: "checks", items: [{ state: "warn", text }] }];
}
