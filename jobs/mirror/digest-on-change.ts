import { z } from "zod";
import { sumLags } from "#domain/lag/lag.ts";
import { Phase } from "#domain/switch/wave-state.ts";
import type { Work } from "#jobs/work.ts";
import type { MigrationLag, WaveLag } from "./migration-lag.ts";
import { isDigestOn } from "./schedule-digest.ts";

/** Asks for a digest when something happened that people want to know before the next scheduled one. */

const State = z.object({
  phase: Phase,
  /** Settled states of a mirror only; a failure has its alarm. */
  mirror: z.enum(["running", "paused", "stopped"]).optional(),
  /** Has been caught up since this phase began: said once, however often records come and go. */
  caughtUp: z.boolean(),
});
type State = z.infer<typeof State>;
const States = z.record(z.string(), State);

/** Steps that follow each other soon are told in one digest. */
const settleMs = 30_000;

/** Compares with what the last watch saw. The first look only remembers. */
export async function digestOnChange(lag: MigrationLag, work: Work): Promise<void> {
  const { store, migration, queue } = work;
  const key = `digest-states:${migration.name}`;
  const stored = await store.read(key);
  const before = States.safeParse(stored?.value).data ?? {};
  const now = Object.fromEntries(
    lag.waves.map((wave) => [wave.wave.name, stateOf(wave, before[wave.wave.name])]),
  );
  const changed = Object.entries(now).some(([name, state]) => isChange(before[name], state));
  if (changed && (await isDigestOn(work, "onChange"))) {
    const job = { name: "digest", migration: migration.name, by: "change" } as const;
    // One that waits already will tell this as well.
    await queue.add(job, { id: `digest-change-${migration.name}`, revive: true, delayMs: settleMs });
  }
  // After the job: a crash in between asks twice, and the second digest finds nothing new to tell.
  if (JSON.stringify(now) !== JSON.stringify(before))
    await store.write(key, now, { revision: stored?.revision ?? 0 });
}

function stateOf({ phase, flow, lags, failure }: WaveLag, before: State | undefined): State {
  const sum = sumLags(lags);
  const isCaughtUp = failure === undefined && flow.state === "running" && sum.records === 0;
  const same = before?.phase === phase ? before : undefined;
  const mirror = settled(flow.state) ?? same?.mirror;
  return {
    phase,
    ...(mirror !== undefined && { mirror }),
    caughtUp: isCaughtUp || same?.caughtUp === true,
  };
}

function settled(state: WaveLag["flow"]["state"]): State["mirror"] {
  return state === "running" || state === "paused" || state === "stopped" ? state : undefined;
}

function isChange(before: State | undefined, now: State): boolean {
  if (before === undefined) return false;
  return before.phase !== now.phase || before.mirror !== now.mirror || (now.caughtUp && !before.caughtUp);
}
