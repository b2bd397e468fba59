import { newTrigger, personOf, Refusal, type World } from "./world.ts";

/** What every interaction payload carries, with a fresh `trigger_id`. Throws `account_inactive`. */
export function envelopeOf(world: World, user: string): Record<string, unknown> {
  const person = personOf(world, user);
  if (person.deleted) throw new Refusal("account_inactive");
  return {
    team: { id: world.team.id, domain: world.team.domain },
    user: { id: user, username: person.name, name: person.name, team_id: person.team_id },
    api_app_id: world.app.id,
    token: "legacy",
    trigger_id: newTrigger(world, user),
    enterprise: null,
    is_enterprise_install: false,
  };
}
