import { aliases } from "#domain/mirror/flow.ts";
import type { Work } from "#jobs/work.ts";

/**
 * MirrorMaker 2 takes `heartbeats` and `….heartbeats` for another MirrorMaker's and carries them along whatever it was
 * given to carry (`MirrorSourceConnector.shouldReplicateTopic`), under a name of its own. Workers of 4.0 and newer can be
 * told not to, and are (KAFKA-17534). What older ones will bring to MSK, in words; `undefined`: nothing.
 */
export async function strayHeartbeats(workers: string, work: Work): Promise<string | undefined> {
  if (Number.parseInt(workers, 10) >= 4) return undefined;
  const names = (await work.world.source.listTopics()).map(({ name }) => name);
  const found = names.filter((name) => /(?:^|\.)heartbeats$/.test(name));
  if (found.length === 0) return undefined;
  const there = found.map((name) => `${aliases.source}.${name}`).join(", ");
  return `The source has ${found.join(", ")} of another MirrorMaker 2: workers of ${workers} copy such topics with every wave, here as ${there}. Nobody reads those; workers of 4.0 leave them.`;
}
