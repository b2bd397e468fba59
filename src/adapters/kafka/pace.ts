/**
 * Long answers are read in slices, so that the event loop has its turn in between: a sweep of 50,000 partitions shares
 * its thread with Slack's acknowledgements.
 */

/** Milliseconds of reading at a stretch. A command takes several turns of the event loop and may wait for one in each. */
const slice = 1;

let began = 0;
const waiting: Array<() => void> = [];

/** `undefined` while the slice lasts, else what to wait for. One waiter goes on in each turn of the event loop. */
export function breathe(): Promise<void> | undefined {
  if (performance.now() - began < slice) return undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (waiting.length === 1) setImmediate(wakeOne);
  return promise;
}

function wakeOne(): void {
  began = performance.now();
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(wakeOne);
}
