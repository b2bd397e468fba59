import { asFerryError } from "#domain/errors.ts";
import type { Wave } from "#domain/plan.ts";
import type { Run } from "#jobs/run/approvable.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";
import { recallBoundary } from "./reverse-mirror.ts";
import { producersOf } from "./wave.ts";
import { ends, growth } from "./wave-mirror.ts";

/** The switch stands and its way back must stay open: what was not seen in time is said, not waited for. */
export async function noteUnseen(wave: Wave, work: Work, run: Run): Promise<void> {
  try {
    await seeWrites(wave, work, run);
  } catch (thrown) {
    const error = asFerryError(thrown);
    if (error.code !== "E_CLIENT_CLAIM") throw error;
    await run.remember("unseen", error.message);
  }
}

/** Each producer's topics must grow on the target beyond the recorded ends. */
async function seeWrites(wave: Wave, work: Work, run: Run): Promise<void> {
  const target = await work.world.target();
  const boundary = await recallBoundary(run);
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 500,
      code: "E_CLIENT_CLAIM",
      what: "The producers are said to run on MSK, but do not all write there",
    },
    async () => {
      const grown = growth(boundary?.target ?? {}, await ends(target, wave));
      const silent = producersOf(work, wave).filter(
        ({ topics }) => !topics.some((topic) => (grown.get(topic) ?? 0) > 0),
      );
      return silent.length === 0
        ? holds(undefined)
        : notYet(`nothing yet from ${silent.map(({ name }) => name).join(", ")}`);
    },
  );
}
