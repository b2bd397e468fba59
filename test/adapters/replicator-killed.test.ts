import { afterAll, beforeAll, expect, it } from "vitest";
import type { Clock, Flow, ReplicationEngine, Store } from "#domain/ports.ts";
import { type ReplicatorUnderTest, startReplicatorUnderTest } from "#support/replicator-under-test.ts";

let under: ReplicatorUnderTest;

beforeAll(async () => {
  under = await startReplicatorUnderTest();
});
afterAll(() => under.stop());

class Killed extends Error {}

/** A bot that ends at its n-th call to Redis or its n-th wait: one of them lies between any two calls to AWS. */
function dyingAt(left: number): { store: Store; clock: Clock; calls(): number } {
  let calls = 0;
  const count = () => {
    calls += 1;
    if (calls > left) throw new Killed("killed");
  };
  const { store, clock } = under;
  return {
    calls: () => calls,
    store: {
      ...store,
      read: async (key) => {
        count();
        return await store.read(key);
      },
      write: async (key, value) => {
        count();
        return await store.write(key, value);
      },
      remove: async (key) => {
        count();
        await store.remove(key);
      },
    },
    clock: {
      now: () => clock.now(),
      sleep: async (ms) => {
        count();
        await clock.sleep(ms);
      },
    },
  };
}

const oncePerState = 31 * 60_000;

function flowFor(run: number): Flow {
  const topics = [`orders-${run}`, `payments-${run}`];
  for (const topic of topics) {
    under.source.addTopic(topic);
    under.target.addTopic(topic);
  }
  return { name: `ferry-shop-w${run}-forward`, kind: "forward", topics, groups: [], tasks: 1 };
}

async function live(engine: ReplicationEngine, flow: Flow): Promise<void> {
  const [first = ""] = flow.topics;
  await engine.define({ ...flow, topics: [first] }, "running");
  await engine.define(flow, "running");
}

const created = (name: string) =>
  under.aws.control
    .calls()
    .filter(
      ({ operation, status, input }) =>
        operation === "CreateReplicator" &&
        status === 200 &&
        JSON.stringify(input).includes(`"ReplicatorName":"${name}"`),
    );

it("leaves one Replicator when it is killed between any two calls, and none after a stop", async () => {
  let kills = 0;
  for (let left = 0; ; left += 1) {
    const flow = flowFor(left);
    const dying = dyingAt(left);
    const whole = async () => {
      const engine = under.engine({ ...dying, pollMs: oncePerState });
      await live(engine, flow);
      await engine.stop(flow.name);
    };
    const survived = await whole().then(
      () => true,
      (error: unknown) => {
        if (error instanceof Killed) return false;
        throw error;
      },
    );
    const next = under.engine({ pollMs: oncePerState });
    if (created(flow.name).length === 0) await live(next, flow);
    expect(created(flow.name), `killed at call ${left}`).toHaveLength(1);
    await next.stop(flow.name);
    expect(await next.status(flow.name)).toMatchObject({ state: "stopped" });
    expect(await next.list(flow.name)).toHaveLength(1);
    kills = left;
    if (survived) break;
  }
  expect(kills).toBeGreaterThan(10);
});

it("goes on to the topics that were ordered when it is killed in the middle of a change", async () => {
  for (let left = 0; ; left += 1) {
    const flow = flowFor(1000 + left);
    const dying = dyingAt(left);
    const survived = await live(under.engine({ ...dying, pollMs: oncePerState }), flow).then(
      () => true,
      () => false,
    );
    const next = under.engine({ pollMs: oncePerState });
    await next.define(flow, "running");
    expect(created(flow.name)).toHaveLength(1);
    expect(await next.status(flow.name)).toMatchObject({ state: "running", topics: flow.topics });
    await next.remove(flow.name);
    expect(await next.status(flow.name)).toMatchObject({ state: "absent" });
    if (survived) return;
  }
});
