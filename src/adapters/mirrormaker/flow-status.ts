import type { Clock, FlowState, FlowStatus } from "#domain/ports.ts";
import { hasGivenUp } from "./decide.ts";
import type { Ordered, Ran, Records } from "./records.ts";
import type { Runner } from "./runner.ts";
import { type Side, type StateReader, type Status, statusesSince } from "./state-topics.ts";

/** What a mirror's records, process and topic of statuses say, in the words of the port. */

export type StatusNeed = {
  readonly records: Records;
  readonly runner: Runner;
  readonly reader: StateReader;
  readonly side: (ordered: Ordered) => Side;
  readonly clock: Pick<Clock, "now">;
};

/** A death is told for so long after the mirror runs again, ms: whoever looks every few seconds must not miss it. */
const toldMs = 600_000;

type Task = FlowStatus["tasks"][number];

export async function readStatus(name: string, need: StatusNeed): Promise<FlowStatus> {
  const ordered = await need.records.ordered(name);
  if (ordered === undefined || ordered.removing === true)
    return { name, state: "absent", kind: undefined, topics: [], tasks: [] };
  const ran = await need.records.ran(name);
  const alive = await need.runner.alive(ordered, ran);
  const { kind, topics } = ordered.flow;
  const seen = ordered.state === "running" ? running : idle;
  return { name, kind, topics, ...(await seen(ordered, ran, alive, need)) };
}

type Seen = Pick<FlowStatus, "state" | "tasks">;

async function idle(ordered: Ordered, ran: Ran | undefined, alive: boolean, need: StatusNeed): Promise<Seen> {
  const waits = await need.runner.waitsFor(ordered, ran, alive, false);
  const state = alive || ordered.state === "running" ? "starting" : ordered.state;
  return { state, tasks: waiting(waits) };
}

async function running(
  ordered: Ordered,
  ran: Ran | undefined,
  alive: boolean,
  need: StatusNeed,
): Promise<Seen> {
  if (hasGivenUp(ordered, ran)) return { state: "failed", tasks: dead(ran) };
  // What one has said that may have started and died is no sign of life.
  const mine = ran?.order === ordered.order && ran.starting !== true ? ran : undefined;
  const said = mine !== undefined && alive ? await statuses(ordered, mine, need) : new Map<string, Status>();
  const waits = await need.runner.waitsFor(ordered, ran, alive, said.size > 0);
  if (mine === undefined || !alive || waits !== undefined) {
    return { state: "starting", tasks: [...dead(mine), ...waiting(waits)] };
  }
  const { flow, life } = ordered;
  const { count } = await need.reader.tasks(flow, need.side(ordered), life);
  return { state: stateOf(said, count, flow.kind === "checkpoint"), tasks: tasksOf(said, mine, need) };
}

async function statuses(ordered: Ordered, ran: Ran, need: StatusNeed): Promise<ReadonlyMap<string, Status>> {
  return await statusesSince(ordered.flow, need.side(ordered), ran.statusesFrom);
}

function stateOf(said: ReadonlyMap<string, Status>, tasks: number, mayIdle: boolean): FlowState {
  const states = [...said.values()].map(({ state }) => state);
  if (states.includes("FAILED")) return "failed";
  if (said.get("connector")?.state !== "RUNNING") return "starting";
  const running = states.length - 1 === tasks && states.every((state) => state === "RUNNING");
  return running && (tasks > 0 || mayIdle) ? "running" : "starting";
}

/** A connector that itself failed is shown as task -1, so that its trace is not lost. */
function tasksOf(
  said: ReadonlyMap<string, Status>,
  ran: Ran,
  { clock }: Pick<StatusNeed, "clock">,
): readonly Task[] {
  const worker = ran.host === "" ? "handed over" : `${ran.host}:${ran.pid ?? ""}`;
  const recent = ran.death !== undefined && clock.now() - ran.death.at < toldMs ? ran.death : undefined;
  return [...said]
    .filter(([id, { state }]) => id !== "connector" || state === "FAILED")
    .map(([id, { state, trace }]) => {
      const why = trace ?? recent?.trace;
      return {
        id: id === "connector" ? -1 : Number(id),
        state,
        worker,
        ...(why === undefined ? {} : { trace: why }),
      };
    })
    .sort((a, b) => a.id - b.id);
}

function dead(ran: Ran | undefined): readonly Task[] {
  if (ran?.death === undefined) return [];
  return [{ id: -1, state: "FAILED", worker: ran.host, trace: ran.death.trace }];
}

function waiting(what: string | undefined): readonly Task[] {
  return what === undefined ? [] : [{ id: -1, state: what, worker: "" }];
}
