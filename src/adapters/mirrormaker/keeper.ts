import { asFerryError, FerryError } from "#domain/errors.ts";
import type { Clock, Lease, Log, Store } from "#domain/ports.ts";
import { decide, isWanted, type Step, steadyMs } from "./decide.ts";
import { ends } from "./names.ts";
import { markOf } from "./process-table.ts";
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
/** One that was about to start a process is waited for until the process would be in its group. */
const startedMs = 120_000;

/** While the lease on a flow is held: what its record says is written only as long as it is. */
type Held = KeeperNeed & {
  readonly keep: (flow: string, ran: Ran) => Promise<void>;
  /** Before anything that no record fences. `E_LEASE_LOST`. */
  readonly hold: () => Promise<void>;
};

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
    const ended = new AbortController();
    const beating = beat(lease, ended.signal, need);
    try {
      await act(flow, {
        ...need,
        keep: (name, ran) => records.keepRan(name, ran, lease),
        hold: () => store.renew(lease, leaseMs),
      });
      return true;
    } catch (thrown) {
      if (asFerryError(thrown).code !== "E_LEASE_LOST") throw thrown;
      log.warn({ flow }, "another bot looks after this mirror now");
      return false;
    } finally {
      ended.abort();
      await beating;
      await store.release(lease).catch(() => undefined);
    }
  }

  /** One that cannot be looked after keeps no other waiting. */
  function failed(thrown: unknown, flow?: string): undefined {
    const { code, message } = asFerryError(thrown);
    log.warn({ flow, code, error: message }, "a mirror's process could not be looked after");
    return undefined;
  }

  async function keep(): Promise<void> {
    while (!closed.signal.aborted) {
      const flows = await records.flows("").catch((thrown: unknown) => failed(thrown));
      for (const flow of flows ?? []) await turn(flow).catch((thrown: unknown) => failed(thrown, flow));
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

/** A broker that answers late, or a start of many files, must not cost the lease. */
async function beat(lease: Lease, ended: AbortSignal, { store, clock }: KeeperNeed): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(leaseMs / 3, ended);
      await store.renew(lease, leaseMs);
    }
  } catch {
    // Ended, or lost: whatever is written or done without it is refused.
  }
}

async function act(flow: string, need: Held): Promise<void> {
  const { records, clock, host } = need;
  const ordered = await records.ordered(flow);
  if (ordered === undefined) return;
  const ran = await records.ran(flow);
  // Its keeper may still be there, or it runs on without one.
  if (ran !== undefined && ran.host !== host && (await isElsewhere(ordered, ran, need))) return;
  if (ran?.starting === true) return adopt(ordered, ran, need);
  const alive = await isAlive(ordered, ran, need);
  const step = decide(ordered, ran, alive, clock.now());
  await carryOut(step, ordered, ran, need);
}

/** A bot ended while it started a process: the process is looked for, and never is there a second one. */
async function adopt(ordered: Ordered, ran: Ran, need: Held): Promise<void> {
  const { processes, clock, log, host } = need;
  const { name } = ordered.flow;
  const seen: Ran = { ...ran, starting: undefined, host, seenAt: clock.now() };
  // From another machine it would be in its group by now.
  if (ran.host !== host) return need.keep(name, seen);
  const found = await processes.find(name);
  if (found === undefined && (clock.now() - ran.seenAt < startedMs || (await hasMembers(ordered, need)))) {
    log.warn({ flow: name }, "a process of this mirror may run, and this machine does not tell which");
    return;
  }
  const [pid, ...others] = found ?? [];
  if (pid === undefined) return need.keep(name, seen);
  await need.keep(name, { ...seen, pid });
  for (const other of others) processes.signal(other, "SIGTERM");
  log.warn({ flow: name, pid }, "found the process that a bot had started before it ended");
}

async function isElsewhere(ordered: Ordered, ran: Ran, need: KeeperNeed): Promise<boolean> {
  if (ran.pid === undefined && ran.starting !== true) return false;
  const patienceMs = ran.starting === true ? startedMs : forsakenMs;
  return need.clock.now() - ran.seenAt < patienceMs || (await hasMembers(ordered, need));
}

async function isAlive(ordered: Ordered, ran: Ran | undefined, need: KeeperNeed): Promise<boolean> {
  if (ran?.starting === true) return await mayHaveStarted(ordered, ran, need);
  if (ran?.pid === undefined) return false;
  // One that nobody can look at counts as running: no second one is started beside it.
  if (ran.host === need.host) return (await need.processes.alive(ran.pid, ordered.flow.name)) !== false;
  return await isElsewhere(ordered, ran, need);
}

async function mayHaveStarted(ordered: Ordered, ran: Ran, need: KeeperNeed): Promise<boolean> {
  const found = ran.host === need.host ? await need.processes.find(ordered.flow.name) : undefined;
  return found === undefined ? await isElsewhere(ordered, ran, need) : found.length > 0;
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

async function carryOut(step: Step, ordered: Ordered, ran: Ran | undefined, need: Held): Promise<void> {
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
  { processes, keep, hold, clock, log, host }: Held,
): Promise<void> {
  await hold();
  const isOurs = await processes.alive(pid, flow);
  // Gone meanwhile: the next turn takes note of it.
  if (isOurs === false) return;
  if (isOurs === undefined) throw untold(pid, flow, host);
  if (step === "kill") {
    log.warn({ flow, pid }, "a mirror's process did not stop and is killed");
    return processes.signal(pid, "SIGKILL");
  }
  log.info({ flow, pid }, "stopping a mirror's process");
  processes.signal(pid, "SIGTERM");
  await keep(flow, { ...ran, stoppingSince: clock.now(), seenAt: clock.now() });
}

/** The pid may have been given to another program since. */
function untold(pid: number, flow: string, host: string): FerryError {
  return new FerryError(
    "E_CONNECT",
    `Whether pid ${pid} on ${host} is still the process of ${flow} is unknown: this machine has neither /proc nor ps. It was not signalled. Install ps for the bot; or see what pid ${pid} is, and end it where it is java with ${markOf(flow)}: kill ${pid}.`,
  );
}

async function see(ordered: Ordered, ran: Ran, { keep, clock }: Held): Promise<void> {
  const now = clock.now();
  if (now - ran.seenAt < seenEveryMs) return;
  const deaths = now - ran.startedAt > steadyMs ? 0 : ran.deaths;
  await keep(ordered.flow.name, { ...ran, deaths, seenAt: now });
}

/** A death that was not asked for is remembered with its last words. */
async function bury(ordered: Ordered, ran: Ran, need: Held): Promise<void> {
  const { processes, clock, log, host, keep } = need;
  const { name } = ordered.flow;
  const now = clock.now();
  const { pid, stoppingSince, ...rest } = ran;
  if (stoppingSince !== undefined || !isWanted(ordered, ran)) {
    return keep(name, { ...rest, host, seenAt: now, deaths: 0 });
  }
  const said = ran.host === host ? await processes.lastWords(name) : "";
  const head = `The process of ${name} (pid ${pid} on ${ran.host}) ended by itself.`;
  const trace = said === "" ? head : `${head}\n${said}`;
  const deaths = ran.deaths + 1;
  log.warn({ flow: name, pid, deaths, trace }, "a mirror's process died");
  await keep(name, { ...rest, host, seenAt: now, deaths, death: { at: now, trace } });
}

/**
 * A process that nobody knows shows in its group, and is left to end there: with it there would be two. After a
 * death that was seen, the dead member may still be listed until its session ends, and Connect waits for that itself.
 */
async function launch(ordered: Ordered, ran: Ran | undefined, need: Held): Promise<void> {
  const { clock, log, host } = need;
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
  const pid = await begin(ordered, begun, need);
  if (pid === undefined) return;
  log.info({ flow: flow.name, pid, topics: flow.topics.length }, "started a mirror's process");
  await writeDown(flow.name, { ...begun, pid }, pid, need);
}

/** `undefined`: it could not be started, which counts as a death. */
async function begin(ordered: Ordered, begun: Ran, need: Held): Promise<number | undefined> {
  const { flow } = ordered;
  try {
    const properties = await need.properties(ordered);
    // Killed from here on, the next bot finds what this one started.
    await need.keep(flow.name, { ...begun, starting: true });
    return await need.processes.launch({ flow: flow.name, properties, to: ends(flow).to });
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code === "E_LEASE_LOST") throw thrown;
    const death = { at: need.clock.now(), trace: message };
    await need.keep(flow.name, { ...begun, deaths: begun.deaths + 1, death });
    return undefined;
  }
}

/** Nobody could stop what nobody knows: without its record the process ends at once. */
async function writeDown(flow: string, ran: Ran, pid: number, { keep, processes }: Held): Promise<void> {
  try {
    await keep(flow, ran);
  } catch (thrown) {
    processes.signal(pid, "SIGKILL");
    throw thrown;
  }
}
