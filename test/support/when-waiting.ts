import type { Work } from "#jobs/work.ts";

/** Something happens in the world whenever the bot waits. */
export function whenWaiting(work: Work, act: () => void | Promise<void>): Work {
  const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
    await act();
    await work.clock.sleep(ms, signal);
  };
  return { ...work, clock: { ...work.clock, sleep } };
}

/** The same, right behind each wait. */
export function whenWaited(work: Work, act: () => void): Work {
  const sleep: Work["clock"]["sleep"] = async (ms, signal) => {
    await work.clock.sleep(ms, signal);
    act();
  };
  return { ...work, clock: { ...work.clock, sleep } };
}
