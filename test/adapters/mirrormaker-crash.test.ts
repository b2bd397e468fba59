import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FerryError } from "#domain/errors.ts";
import { createMirrorMakerBench, flow, type MirrorMakerBench } from "#support/mirrormaker-bench.ts";

const away = () => Promise.reject(new FerryError("E_STORE", "away"));

describe("MirrorMaker's processes, when their bot ends in the middle of something", () => {
  let bench: MirrorMakerBench;
  const open: Array<{ close(): Promise<void> }> = [];

  function bot(...given: Parameters<MirrorMakerBench["bot"]>) {
    const made = bench.bot(...given);
    open.push(made);
    return made;
  }

  beforeEach(() => {
    bench = createMirrorMakerBench();
  });
  afterEach(async () => {
    await bench.ended(Promise.all(open.splice(0).map((each) => each.close())));
  });

  it("end at once when their start cannot be written down: nobody could stop them", async () => {
    const isPid = (key: string) => key.startsWith("mirrormaker:orders:ran:") && bench.running.size > 0;
    const write: typeof bench.store.write = (key, ...rest) =>
      isPid(key) ? Promise.reject(new FerryError("E_STORE", "away")) : bench.store.write(key, ...rest);
    const engine = bot({ store: { ...bench.store, write } });
    await expect(bench.ended(engine.define(flow, "running"))).rejects.toMatchObject({ code: "E_STORE" });
    expect(bench.signals[0]).toBe("SIGKILL 1");
  });

  /** A bot that is killed right after a process has started, before that is written down. */
  async function killedAtStart(): Promise<void> {
    const gone = new Promise<never>(() => undefined);
    let killed = false;
    const whileAlive = <T>(call: () => Promise<T>) => {
      killed ||= bench.running.size > 0;
      return killed ? gone : call();
    };
    const { store } = bench;
    const dying = bench.bot({
      store: {
        ...store,
        write: (...given) => whileAlive(() => store.write(...given)),
        renew: (...given) => whileAlive(() => store.renew(...given)),
      },
    });
    void dying.define(flow, "running");
    await bench.clock.advance(1_000);
    expect([...bench.running.keys()]).toEqual([1]);
    // It takes seconds to join its group.
    bench.target.removeMember(flow.name);
  }

  it("are found when their bot was killed while it started them, and run on as the only one", async () => {
    await killedAtStart();
    const engine = bot();
    await bench.ended(engine.start(flow.name));
    expect([...bench.running.keys()]).toEqual([1]);
    expect((await engine.status(flow.name)).state).toBe("running");
  });

  it("are ended when their bot was killed while it started them, and nobody wants them", async () => {
    await killedAtStart();
    const engine = bot();
    await bench.ended(engine.stop(flow.name));
    expect([bench.running.size, bench.signals]).toEqual([0, ["SIGTERM 1"]]);
  });

  it("are started on another machine only when the one that a bot may have started would be in its group", async () => {
    await killedAtStart();
    bench.kill(1);
    const far = bot({}, "there");
    await bench.clock.advance(110_000);
    expect(bench.running.size).toBe(0);
    await bench.ended(far.start(flow.name));
    expect([...bench.running.values()]).toMatchObject([{ host: "there" }]);
  });

  it("are one also when a bot needs longer for a start than its lease lasts", async () => {
    const slow = async () => {
      await bench.clock.sleep(100_000);
      return "source" as const;
    };
    const engines = [bot({ offsetSyncs: slow }), bot()];
    await bench.ended(Promise.all(engines.map((engine) => engine.define(flow, "running"))));
    expect([...bench.running.keys()]).toEqual([1]);
    expect(bench.signals).toEqual([]);
  });

  it("are left to the other bot by one that has lost its lease in the middle of a start", async () => {
    let late = true;
    const slow = async () => {
      if (late) await bench.clock.sleep(100_000);
      late = false;
      return "source" as const;
    };
    const losing = bot({ offsetSyncs: slow, store: { ...bench.store, renew: away } });
    const lost = losing.define(flow, "running");
    await bench.clock.advance(1_000);
    await bench.ended(Promise.all([lost, bot().define(flow, "running")]));
    await bench.clock.advance(100_000);
    expect([...bench.running.keys()]).toEqual([1]);
    expect(bench.signals).toEqual([]);
  });

  it("are waited for when killed with a transaction open, as long as its coordinator leaves it open", async () => {
    let open = false;
    const offsets: typeof bench.target.cluster.offsets = async (topics, which) => {
      const found = await bench.target.cluster.offsets(topics, which);
      if (!open || which !== "end") return found;
      return new Map([...found].map(([topic, row]) => [topic, row.map((end) => (end ?? 0) + 1)]));
    };
    const engine = bot({ target: { ...bench.mirrorTarget, offsets } });
    await bench.ended(engine.define(flow, "running"));
    open = true;
    const stopping = engine.stop(flow.name);
    await bench.clock.advance(185_000);
    open = false;
    await expect(bench.ended(stopping)).resolves.toBeUndefined();
  });

  it("are absent once their topics may be gone, and removed by whoever comes next", async () => {
    const killed = { ...bench.store, remove: () => Promise.reject(new FerryError("E_STORE", "killed")) };
    const dying = bot({ store: killed });
    await bench.ended(dying.define(flow, "running"));
    await expect(bench.ended(dying.remove(flow.name))).rejects.toMatchObject({ code: "E_STORE" });
    const engine = bot();
    expect((await engine.status(flow.name)).state).toBe("absent");
    // Listed, so that a cleanup finds what is left.
    expect(await engine.list("ferry-")).toMatchObject([{ name: flow.name, state: "absent" }]);
    await expect(engine.copied(flow.name)).rejects.toMatchObject({
      message: `There is no mirror ${flow.name}.`,
    });
    await bench.ended(engine.remove(flow.name));
    expect(await engine.list("ferry-")).toEqual([]);
    await expect(bench.ended(dying.define(flow, "running"))).resolves.toBeUndefined();
    await expect(bench.ended(dying.remove(flow.name))).rejects.toMatchObject({ code: "E_STORE" });
    await bench.ended(engine.define(flow, "running"));
    expect(await engine.status(flow.name)).toMatchObject({ state: "running" });
  });

  it("of another migration between the same clusters are seen, so that no second one carries their topics", async () => {
    const theirs = { ...flow, name: "ferry-orders-eu-all-forward" };
    const eu = bot({ migration: "orders-eu" });
    await bench.ended(eu.define(theirs, "running"));
    const seen = { name: theirs.name, kind: "forward", topics: theirs.topics, state: "running" };
    expect(await bot().list("ferry-")).toMatchObject([seen]);
    expect(await bot().list("ferry-orders-")).toEqual([]);
    const access = { ...bench.mirrorTarget.access, bootstrap: ["elsewhere:9092"] };
    expect(await bot({ target: { ...bench.mirrorTarget, access } }).list("ferry-")).toEqual([]);
    await bench.ended(eu.stop(theirs.name));
    expect(await bot().list("ferry-")).toMatchObject([{ ...seen, state: "stopped" }]);
  });
});
