import { createHandClock } from "#support/hand-clock.ts";
import { createMemoryStore } from "#support/memory-store.ts";
import { storeContract } from "../contract/store.ts";

storeContract("in memory", async () => {
  const clock = createHandClock();
  return { store: createMemoryStore(clock), tick: (ms) => clock.advance(ms), close: async () => {} };
});
