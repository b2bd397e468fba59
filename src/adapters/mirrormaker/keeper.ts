import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Clock, Lease, Log, Store } from "#domain/ports.ts";
import { decide, isWanted, type Step, steadyMs } from "./decide.ts";
import { ends } from "./names.ts";
import type { Processes } from "./processes.ts";
import type { Ordered, Ran, Records } from "./records.ts";
import type { Runner } from "./runner.ts";
import { endOfStatuses, prepare, type Side } from "./state-topics.ts";

/**
 * Carries out what is ordered of mirrors, by one process for each. Never two: a lease lets one bot process act at a
 * time; a process of this machine is known by its pid, one of another machine by the members of its Connect group.
 * Should two run all the same they would be workers of one group, which divides the tasks and copies nothing twice.
 */
export type KeeperNeed = {
  readonly store: Store;
  readonly records: Records;
  readonly processes: Processes;
  /** Text of the flow's `mm2.properties`. */
  readonly properties: (ordered: Ordered) => Promise<string>;
  /** The cluster that a flow writes to. */
  readonly side: (ordered: Ordered) => Side;
  readonly host: string;
  /** Tells bot processes apart. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
};

const leaseMs = 30_000;
const everyMs = 1_000;
const seenEveryMs = 5_000;
/** A keeper that has not looked for so long is gone. */
const forsakenMs = 30_000;

export function createKeeper(need: KeeperNeed): Runner {
  const { store, records, clock, log, owner } = need;
  const turns = new Map<string, Promise<boolean>>();
  const closed = new AbortController();

  /** One turn after the other for each flow. */
  function turn(flow: string): Promise<boolean> {
    const before = turns.get(flow) ?? Promise.resolve(true);
    const mine = before.catch(() => undefined).then(() => leased(flow));
    turns.set(flow, mine);
    return mine;
  }

  async function leased(flow: string): Promise<boolean> {
    const lease = await acquire(store, `mirrormaker:${flow}`, owner);
    if (lease === undefined) return false;
    try {
      await act(flow, need);
      return true;
    } finally {
      await store.release(lease).catch(() => undefined);
    }
  }

  async function keep(): Promise<void> {
    while (!closed.signal.aborted) {
      try {
        for (const flow of await records.flows("")) await turn(flow);
      } catch (thrown) {
        const { code, message } = asFerryError(thrown);
        log.warn({ code, error: message }, "a mirror's process could not be looked after");
      }
      await clock.sleep(everyMs, closed.signal).catch(() => undefined);
    }
  }

  const kept = keep();
  return {
    turn,
    alive: (ordered, ran) => maybeAlive(ordered, ran, need),
    waitsFor: async () => undefined,
    tidy: (flow) => need.processes.tidy(flow),
    async close() {
      closed.abort(new FerryError("E_INTERNAL", "closed"));
      await kept;
    },
  };
}

async function acquire(store: Store, scope: string, owner: string): Promise<Lease | undefined> {
  try {
    return await store.acquire(scope, owner, leaseMs);
  } catch (thrown) {
    if (asFerryError(thrown).code === "E_LEASE") return undefined;
    throw thrown;
  }
}

async function act(flow: string, need: KeeperNeed): Promise<void> {
  const { records, clock, host } = need;
  const ordered = await records.ordered(flow);
  if (ordered === undefined) return;
  const ran = await records.ran(flow);
  // Its keeper may still be there, or it runs on without one.
  if (ran !== undefined && ran.host !== host && (await isElsewhere(ordered, ran, need))) return;
  const alive = await isAlive(ordered, ran, need);
  const step = decide(ordered, ran, alive, clock.now());
  await carryOut(step, ordered, ran, need);
}

async function isElsewhere(ordered: Ordered, ran: Ran, need: KeeperNeed): Promise<boolean> {
  if (ran.pid === undefined) return false;
  return need.clock.now() - ran.seenAt < forsakenMs || (await hasMembers(ordered, need));
}

async function isAlive(ordered: Ordered, ran: Ran | undefined, need: KeeperNeed): Promise<boolean> {
  if (ran?.pid === undefined) return false;
  if (ran.host === need.host) return await need.processes.alive(ran.pid, ordered.flow.name);
  return await isElsewhere(ordered, ran, need);
}

/** A process that nobody wrote down copies all the same: no mirror is stopped while one is in its group. */
async function maybeAlive(ordered: Ordered, ran: Ran | undefined, need: KeeperNeed): Promise<boolean> {
  if (await isAlive(ordered, ran, need)) return true;
  return ran?.pid === undefined && ordered.state !== "running" && (await hasMembers(ordered, need));
}

async function hasMembers(ordered: Ordered, { side }: KeeperNeed): Promise<boolean> {
  const [group] = await side(ordered).describeGroups([ordered.flow.name]);
  return (group?.members.length ?? 0) > 0;
}

async function carryOut(step: Step, ordered: Ordered, ran: Ran | undefined, need: KeeperNeed): Promise<void> {
  if (step === "launch") return launch(ordered, ran, need);
  if (ran?.pid === undefined) return;
  if (step === "bury") return bury(ordered, ran, need);
  if (step === "none") return see(ordered, ran, need);
  return end(step, ordered.flow.name, ran, ran.pid, need);
}

async function end(
  step: "terminate" | "kill",
  flow: string,
  ran: Ran,
  pid: number,
  { processes, records, clock, log }: KeeperNeed,
): Promise<void> {
  if (step === "kill") {
    log.warn({ flow, pid }, "a mirror's process did not stop and is killed");
    return processes.signal(pid, "SIGKILL");
  }
  log.info({ flow, pid }, "stopping a mirror's process");
  processes.signal(pid, "SIGTERM");
  await records.keepRan(flow, { ...ran, stoppingSince: clock.now(), seenAt: clock.now() });
}

async function see(ordered: Ordered, ran: Ran, { records, clock }: KeeperNeed): Promise<void> {
  const now = clock.now();
  if (now - ran.seenAt < seenEveryMs) return;
  const deaths = now - ran.startedAt > steadyMs ? 0 : ran.deaths;
  await records.keepRan(ordered.flow.name, { ...ran, deaths, seenAt: now });
}

/** A death that was not asked for is remembered with its last words. */
async function bury(ordered: Ordered, ran: Ran, need: KeeperNeed): Promise<void> {
  const { processes, records, clock, log, host } = need;
  const { name } = ordered.flow;
  const now = clock.now();
  const { pid, stoppingSince, ...rest } = ran;
  if (stoppingSince !== undefined || !isWanted(ordered, ran)) {
    return records.keepRan(name, { ...rest, host, seenAt: now, deaths: 0 });
  }
  const said = ran.host === host ? await processes.lastWords(name) : "";
  const head = `The process of ${name} (pid ${pid} on ${ran.host}) ended by itself.`;
  const trace = said === "" ? head : `${head}\n${said}`;
  const deaths = ran.deaths + 1;
  log.warn({ flow: name, pid, deaths, trace }, "a mirror's process died");
  await records.keepRan(name, { ...rest, host, seenAt: now, deaths, death: { at: now, trace } });
}

/**
 * A start that nobody could write down would be a second one: it shows in its group, and is left to end there. After a
 * death that was seen, the dead member may still be listed until its session ends, and Connect waits for that itself.
 */
async function launch(ordered: Ordered, ran: Ran | undefined, need: KeeperNeed): Promise<void> {
  const { processes, records, clock, log, host } = need;
  const { flow } = ordered;
  const side = need.side(ordered);
  await prepare(flow, side);
  const seenToDie = ran?.death !== undefined && ran.order === ordered.order;
  if (!seenToDie && (await hasMembers(ordered, need))) {
    log.warn({ flow: flow.name }, "a process of this mirror runs already, where nobody knows it");
    return;
  }
  const same = ran?.order === ordered.order ? ran : undefined;
  const statusesFrom = await endOfStatuses(flow.name, side);
  const begun: Ran = {
    order: ordered.order,
    host,
    statusesFrom,
    startedAt: clock.now(),
    seenAt: clock.now(),
    deaths: same?.deaths ?? 0,
    ...(same?.death && { death: same.death }),
  };
  let pid: number;
  try {
    const text = await need.properties(ordered);
    pid = await processes.launch({ flow: flow.name, properties: text, to: ends(flow).to });
  } catch (thrown) {
    const { message } = asFerryError(thrown);
    const death = { at: clock.now(), trace: message };
    return records.keepRan(flow.name, { ...begun, deaths: begun.deaths + 1, death });
  }
  log.info({ flow: flow.name, pid, topics: flow.topics.length }, "started a mirror's process");
  await writeDown(flow.name, { ...begun, pid }, pid, need);
}

/** Nobody could stop what nobody knows: without its record the process ends at once. */
async function writeDown(
  flow: string,
  ran: Ran,
  pid: number,
  { records, processes }: KeeperNeed,
): Promise<void> {
  try {
    await records.keepRan(flow, ran);
  } catch (thrown) {
    processes.signal(pid, "SIGKILL");
    throw thrown;
  }
}
