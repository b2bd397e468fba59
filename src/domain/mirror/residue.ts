import { flowName } from "#domain/plan.ts";
import type { FlowKind } from "#domain/ports.ts";
import { aliases, offsetsTopicPrefix } from "./flow.ts";

/** What the bot's own mirrors leave behind on the clusters. Nothing else may be deleted. Pure. */

const kinds: readonly FlowKind[] = ["reverse", "checkpoint", "forward"];

/** Connectors of a wave, in the order in which they are taken away. */
export function flowsOf(migration: string, waves: readonly string[]): readonly string[] {
  return waves.flatMap((wave) => kinds.map((kind) => flowName(migration, wave, kind)));
}

/**
 * Topics in which these flows kept copied offsets. The rest of the name is one life's mark, letters and digits only:
 * a topic of somebody else whose name merely begins like this is not ours.
 */
export function offsetsTopics(flows: readonly string[], names: readonly string[]): readonly string[] {
  return names.filter((name) =>
    flows.some((flow) => {
      // Of a mirror in a process of its own, when it could not be removed as a whole.
      if (/^mm2-(?:offsets|configs|status)\./.test(name) && name.endsWith(`.${flow}.internal`)) return true;
      const prefix = offsetsTopicPrefix(flow);
      return name.startsWith(prefix) && /^[0-9a-z]+$/.test(name.slice(prefix.length));
    }),
  );
}

/**
 * MirrorMaker 2's own topics under the aliases of the bot's connectors (MirrorMaker names them after the other cluster's
 * alias). Shared by every flow between the two clusters.
 */
export const sharedMirrorTopics: readonly string[] = [
  `mm2-offset-syncs.${aliases.source}.internal`,
  `mm2-offset-syncs.${aliases.target}.internal`,
  `${aliases.source}.checkpoints.internal`,
  `${aliases.target}.checkpoints.internal`,
  // Made on the way by workers before 4.0, where the source has heartbeats of another MirrorMaker.
  `${aliases.source}.heartbeats`,
  `${aliases.target}.heartbeats`,
];
