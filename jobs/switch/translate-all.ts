import { FerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { type GroupTranslation, translateGroups } from "./translate-groups.ts";

export type Exact = Extract<GroupTranslation, { kind: "exact" }>;

/** Waits for the mirror to pass every group, then has all of them exact; `E_TRANSLATION` when one is refused. */
export async function translateAll(
  wave: Wave,
  origin: KafkaCluster,
  destination: KafkaCluster,
  work: Work,
): Promise<readonly Exact[]> {
  return await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 200,
      code: "E_NOT_CAUGHT_UP",
      what: `The mirror of wave ${wave.name} does not pass its groups`,
    },
    async () => {
      const results = await translateGroups(wave.groups, wave.topics, origin, destination);
      const refused = results.find((result) => result.kind === "refused");
      if (refused !== undefined) throw new FerryError("E_TRANSLATION", `${refused.group}: ${refused.why}.`);
      const waiting = results.find((result) => result.kind === "waiting");
      if (waiting !== undefined) return notYet(`${waiting.group}: ${waiting.why}`);
      return holds(results.filter((result) => result.kind === "exact"));
    },
  );
}
