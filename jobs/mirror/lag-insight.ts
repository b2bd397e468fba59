import type { QuietWindow } from "#domain/lag/quiet-window.ts";
import type { Work } from "#jobs/work.ts";
import { type GroupLag, groupsOnTarget } from "./groups-on-target.ts";
import type { MigrationLag } from "./migration-lag.ts";
import { readQuietWindow } from "./rate-profile.ts";
import { type RetentionWatch, watchRetention } from "./retention-watch.ts";

/** Everything that a reading of lag means: how old what waits is, whether it expires, who reads it, when it is quiet. */
export type LagInsight = RetentionWatch & {
  readonly groups: readonly GroupLag[];
  readonly quiet: QuietWindow;
};

/** A bounded number of reads, whatever the number of partitions. */
export async function readInsight(lag: MigrationLag, work: Work): Promise<LagInsight> {
  const retention = await watchRetention(lag, work);
  const groups = await groupsOnTarget(lag, work);
  const waves = lag.waves.map(({ wave }) => wave.name);
  return { ...retention, groups, quiet: await readQuietWindow(waves, work) };
}
