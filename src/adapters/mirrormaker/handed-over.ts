import type { Clock } from "#domain/ports.ts";
import { ends } from "./names.ts";
import type { Ordered, Records } from "./records.ts";
import { type Runner, waitsWord } from "./runner.ts";
import { endOfStatuses, prepare, type Side } from "./state-topics.ts";

/** Mirrors that a person starts and stops: the file is written, the command is said, the clusters show what was done. */
export function createHandedOver(need: {
  readonly records: Records;
  readonly writeFile: (flow: string, text: string) => Promise<string>;
  readonly home: string | undefined;
  readonly properties: (ordered: Ordered) => Promise<string>;
  readonly side: (ordered: Ordered) => Side;
  readonly clock: Clock;
}): Runner {
  const { records, writeFile, home, properties, side, clock } = need;
  const files = new Map<string, { readonly order: number; readonly path: string }>();

  async function fileOf(ordered: Ordered): Promise<string> {
    const { flow, order } = ordered;
    const written = files.get(flow.name);
    if (written?.order === order) return written.path;
    const path = await writeFile(flow.name, await properties(ordered));
    files.set(flow.name, { order, path });
    return path;
  }

  return {
    async turn(flow) {
      const ordered = await records.ordered(flow);
      if (ordered === undefined) return true;
      await fileOf(ordered);
      const ran = await records.ran(flow);
      if (ran?.order === ordered.order) return true;
      await prepare(ordered.flow, side(ordered));
      const now = clock.now();
      const statusesFrom = await endOfStatuses(flow, side(ordered));
      const begun = { order: ordered.order, host: "", statusesFrom, startedAt: now, seenAt: now, deaths: 0 };
      await records.keepRan(flow, begun);
      return true;
    },
    async alive(ordered) {
      const [group] = await side(ordered).describeGroups([ordered.flow.name]);
      return (group?.members.length ?? 0) > 0;
    },
    async waitsFor(ordered, ran, alive, said) {
      const script = `${home === undefined ? "" : `${home}/`}bin/connect-mirror-maker.sh`;
      const command = `${script} ${await fileOf(ordered)} --clusters ${ends(ordered.flow).to}`;
      if (ordered.state !== "running") {
        return alive ? `${waitsWord} to stop it: ${command}` : undefined;
      }
      if (!alive) return `${waitsWord} to start it: ${command}`;
      return ran?.order === ordered.order && said
        ? undefined
        : `${waitsWord} to stop it and start it again: ${command}`;
    },
    tidy: async () => undefined,
    close: async () => undefined,
  };
}
