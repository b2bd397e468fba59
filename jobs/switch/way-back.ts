import type { Wave } from "#domain/plan.ts";
import type { Phase } from "#domain/switch/wave-state.ts";
import { about } from "#domain/wording.ts";
import type { Work } from "#jobs/work.ts";
import { recordedSteps } from "./recorded-steps.ts";

/**
 * What a request for a cutover can say about the way back from there. What it would cost is not known before the wave
 * has moved: a rollback translates and counts when it is asked for.
 */
export async function wayBack(
  wave: Wave,
  phase: Extract<Phase, "consumers-moved" | "producers-moved">,
  work: Work,
): Promise<string> {
  const steps = await recordedSteps(wave, phase, work);
  const time = steps.known
    ? `${steps.value < 1000 ? "" : "about "}${about(steps.value)}, as the steps of this wave took`
    : `its time is not known, ${steps.why}`;
  const first = phase === "producers-moved" ? "records written on MSK come back first; " : "";
  return `\`/ferry rollback ${wave.name}\`: ${first}what would be lost and read twice is rehearsed when it is asked for, and shown in \`/ferry status\` once the wave has moved; ${time}`;
}
