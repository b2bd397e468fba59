import type { KafkaCluster } from "#domain/ports.ts";
import type { GroupDescription, Missing, TopicPartition } from "#domain/topology.ts";
import type { Commits } from "./commits.ts";
import type { Groups } from "./groups.ts";
import type { Metadata } from "./metadata.ts";
import type { Offsets } from "./offsets.ts";
import type { Gaps } from "./retry.ts";

type Parts = {
  readonly metadata: Metadata;
  readonly offsets: Offsets;
  readonly commits: Commits;
  readonly groups: Groups;
};

/**
 * A lag sweep: all groups' offsets and states with the topics' starts and ends, in a few requests to each broker. Ends are
 * asked for when the committed offsets are here, so that lag is never under-reported.
 */
export function createSweep({ metadata, offsets, commits, groups }: Parts): Pick<KafkaCluster, "sweep"> {
  return {
    async sweep(wanted) {
      const missing: Missing[] = [];
      const note = (piece: Omit<Missing, "why">, why: string) => void missing.push({ ...piece, why });
      const topics = metadata.topics(
        wanted.topics,
        gapsTo((topic: string, why) => note({ of: "topic", topic }, why)),
      );
      const table = async (which: "start" | "end") =>
        offsets.table(
          await topics,
          which,
          gapsTo((where: TopicPartition, why) => note({ of: which, ...where }, why)),
        );
      const [described, starts, [committed, ends]] = await Promise.all([
        groups.describeGroups(
          wanted.groups,
          gapsTo((group: string, why) => note({ of: "state", group }, why)),
        ),
        table("start"),
        inOrder(
          () =>
            commits.tables(
              wanted.groups,
              gapsTo((group: string, why) => note({ of: "committed", group }, why)),
            ),
          () => table("end"),
        ),
      ]);
      const states = new Map(described.map((group): [string, GroupDescription] => [group.id, group]));
      return { starts, ends, committed, groups: states, missing };
    },
  };
}

async function inOrder<A, B>(first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  return [await first(), await second()];
}

function gapsTo<K>(note: (key: K, why: string) => void): Gaps<K> {
  return {
    missing(failed) {
      for (const [key, why] of failed) note(key, why);
    },
    refused: (key, error) => note(key, error.message),
  };
}
