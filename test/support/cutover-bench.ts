import { expect } from "vitest";
import { FerryError } from "#domain/errors.ts";
import type { ClientDriver } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import type { Approvable } from "#jobs/run/approvable.ts";
import { runSteps } from "#jobs/run/steps.ts";
import { cutoverConsumers } from "#jobs/switch/consumers.ts";
import { cutoverProducers } from "#jobs/switch/producers.ts";
import { rollback } from "#jobs/switch/rollback.ts";
import type { Work } from "#jobs/work.ts";
import { settle } from "#support/rogue-bench.ts";
import {
  createSampleMigration,
  openRun,
  type SampleGuard,
  type SampleMigration,
  startMirroring,
} from "#support/sample-migration.ts";

/** What the tests of cutovers and rollbacks share: worlds that break, runs, and the count at the end. */

/** The process is gone: everything that it would still do fails as well. */
class Crash extends Error {}

type Fuse = { left: number };
type Wrap = <T extends object>(part: T) => T;

/** Lets a test decide about each call of a part; what answers later also fails later, as real ports do. */
function guarded(before: (call: string) => Error | undefined, after: () => Error | undefined): Wrap {
  return (part) =>
    new Proxy(part, {
      get(from, key) {
        const member: unknown = Reflect.get(from, key);
        if (typeof member !== "function") return member;
        return (...given: unknown[]) => {
          const refusal = before(String(key));
          if (refusal !== undefined && key === "client") throw refusal;
          if (refusal !== undefined) return Promise.reject(refusal);
          const answer: unknown = Reflect.apply(member, from, given);
          return answer instanceof Promise
            ? answer.then((value: unknown) => answered(value, after()))
            : answer;
        };
      },
    });
}

function answered(value: unknown, error: Error | undefined): unknown {
  if (error !== undefined) throw error;
  return value;
}

/** The process dies at the nth moment: before or after a call; nothing works from then on. */
export function fused(fuse: Fuse): Wrap {
  const burn = () => {
    fuse.left -= 1;
    return fuse.left < 0 ? new Crash("killed") : undefined;
  };
  return guarded(burn, burn);
}

/** One call of a driver, a cluster or the engine fails, the way the world does; memory stays well. */
export function failing(fuse: Fuse): Wrap {
  const trouble = guarded(
    (call) => {
      fuse.left -= 1;
      return fuse.left === 0 ? new FerryError("E_CLIENT_DRIVER", `${call} failed`) : undefined;
    },
    () => undefined,
  );
  return (part) => ("append" in part ? part : trouble(part));
}

export async function carryOut(action: Approvable, sample: SampleMigration, work: Work, id: string) {
  const proposal = await action.propose({ wave: "billing", by: "UANA" }, work);
  return await attempt(action, sample, work, id, proposal);
}

export async function attempt(
  action: Approvable,
  sample: SampleMigration,
  work: Work,
  id: string,
  proposal: Awaited<ReturnType<Approvable["propose"]>>,
) {
  const run = await openRun(sample.store, id);
  const steps = await action.steps(proposal, work, run);
  const result = await runSteps({
    steps,
    run,
    work,
    subject: proposal.title,
    patienceMs: 0,
    undoPatienceMs: 0,
  });
  await run.leave(0);
  return result;
}

/** Lets everything be read, with producers stopped, and compares what was read with what was produced. */
export async function expectNothingLost(sample: SampleMigration): Promise<void> {
  sample.places.set("checkout", "stopped");
  for (let round = 0; round < 10; round += 1) await sample.clock.sleep(500);
  for (const [group, ids] of sample.read) {
    expect(ids.length, `records read by ${group}`).toBe(new Set(ids).size);
    expect(ids.toSorted(), `records of ${group}`).toEqual(sample.produced.toSorted());
  }
  expect(sample.trouble).toEqual([]);
  await expectNoCopyTwice(sample);
}

async function expectNoCopyTwice(sample: SampleMigration): Promise<void> {
  for (const { cluster } of [sample.source, sample.target]) {
    for (const topic of ["orders", "payments"]) {
      for (const partition of [0, 1]) {
        const records = await cluster.read({ topic, partition }, 0, { max: 1_000_000 });
        const ids = records.map(({ value }) => String(value));
        expect(ids.length, `${topic}-${partition} on the ${cluster.role}`).toBe(new Set(ids).size);
      }
    }
  }
}

export async function started(
  actions: readonly Approvable[] = [],
  guard: SampleGuard = {},
): Promise<SampleMigration> {
  const sample = createSampleMigration(guard);
  await startMirroring(sample);
  for (const [index, action] of actions.entries()) {
    const result = await carryOut(action, sample, await sample.openWork(), `before-${index}`);
    expect(result.kind).toBe("done");
  }
  return sample;
}

export const actions = [
  {
    what: "cutover of consumers",
    before: [],
    action: cutoverConsumers,
    from: "before-cutover",
    to: "consumers-moved",
  },
  {
    what: "cutover of producers",
    before: [cutoverConsumers],
    action: cutoverProducers,
    from: "consumers-moved",
    to: "producers-moved",
  },
  {
    what: "rollback of consumers",
    before: [cutoverConsumers],
    action: rollback,
    from: "consumers-moved",
    to: "before-cutover",
  },
  {
    what: "rollback of producers",
    before: [cutoverConsumers, cutoverProducers],
    action: rollback,
    from: "producers-moved",
    to: "before-cutover",
  },
] as const;

/** The same work with some ports replaced. */
export function withWorld(work: Work, changes: Partial<Work["world"]>): Work {
  const world = new Proxy(work.world, {
    get: (from, key): unknown => Reflect.get(Reflect.has(changes, key) ? changes : from, key),
  });
  return { ...work, world };
}

/** The same work, whose applications are switched by a driver that does some of this otherwise. */
function withDriver(work: Work, changes: (driver: ClientDriver, of: Client) => Partial<ClientDriver>): Work {
  const client: Work["world"]["client"] = (of) => {
    const driver = work.world.client(of);
    return { ...driver, ...changes(driver, of) };
  };
  return withWorld(work, { client });
}

/** Does this once, right before a consumer is stopped or started by the run. */
export function beforeConsumers(what: "stop" | "start", work: Work, act: () => Promise<void> | void): Work {
  let isDone = false;
  const once = async (role: string) => {
    if (role !== "consumer" || isDone) return;
    isDone = true;
    await act();
  };
  return withDriver(work, (driver, { role }) => ({
    stop: async (request) => {
      if (what === "stop") await once(role);
      await driver.stop(request);
    },
    start: async (place, access, request) => {
      if (what === "start") await once(role);
      await driver.start(place, access, request);
    },
  }));
}

/** What is started on MSK lives there for some seconds, and then it turns out to have failed. */
export function shortLived(
  sample: SampleMigration,
  work: Work,
  meanwhile: (of: Client) => void = () => {},
): Work {
  return withDriver(work, (driver, of) => ({
    start: async (place, access, request) => {
      await driver.start(place, access, request);
      if (place !== "target") return;
      await settle(sample);
      meanwhile(of);
      throw new FerryError("E_CLIENT_DRIVER", "it did not stay up");
    },
  }));
}
