import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Person } from "#domain/ports.ts";

/** What `users.info` says of somebody; Slack leaves flags out for people it has deactivated or who are foreign. */
export const SlackUser = z.object({
  id: z.string(),
  name: z.string().optional(),
  team_id: z.string().optional(),
  deleted: z.boolean().optional(),
  is_bot: z.boolean().optional(),
  is_app_user: z.boolean().optional(),
  is_restricted: z.boolean().optional(),
  is_ultra_restricted: z.boolean().optional(),
  is_stranger: z.boolean().optional(),
  profile: z.object({ display_name: z.string().optional() }).optional(),
  /** In an Enterprise Grid: every workspace that this person belongs to. */
  enterprise_user: z.object({ teams: z.array(z.string()).optional() }).optional(),
});
export type SlackUser = z.infer<typeof SlackUser>;

/** Slack's own bot is flagged as nobody in particular. */
const slackbot = "USLACKBOT";

/** A person as the bot sees them. A flag that decides and is missing fails with `E_SLACK`: nobody is guessed a member. */
export function personFrom(user: SlackUser, ownTeam: string): Person {
  const name = user.profile?.display_name || user.name || user.id;
  return { id: user.id, name, kind: kindOf(user, ownTeam) };
}

const flags = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"] as const;

function kindOf(user: SlackUser, ownTeam: string): Person["kind"] {
  const teams = [user.team_id, ...(user.enterprise_user?.teams ?? [])];
  if (user.deleted) return "deactivated";
  if (user.id === slackbot || user.is_bot || user.is_app_user) return "bot";
  if (user.is_stranger || !teams.includes(ownTeam)) return "stranger";
  if (user.is_restricted || user.is_ultra_restricted) return "guest";
  const unsaid = flags.filter((flag) => user[flag] === undefined);
  if (unsaid.length === 0) return "member";
  throw new FerryError("E_SLACK", `users.info does not say ${unsaid.join(", ")} of ${user.id}`);
}
