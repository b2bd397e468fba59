import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backoffMs, deathLimit, decide } from "#adapters/mirrormaker/decide.ts";
import { lastWords } from "#adapters/mirrormaker/processes.ts";
import type { Ordered, Ran } from "#adapters/mirrormaker/records.ts";
import { createMirrorMakerBench, flow, type MirrorMakerBench } from "#support/mirrormaker-bench.ts";

describe("MirrorMaker's processes", () => {
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

  it("say what a crash doubles where exactly-once is off, looked after or handed over", async () => {
    const bench = createMirrorMakerBench();
    expect((await bench.bot().check()).problems).toEqual([]);
    for (const run of ["supervised", "handed-over"] as const) {
      const { problems, exactlyOnce } = await bench.bot({ run, exactlyOnce: false, flushMs: 5_000 }).check();
      expect(exactlyOnce).toBe(false);
      expect(problems).toEqual([
        expect.stringContaining("copies again what it had copied since its last offset flush, up to 5 s"),
      ]);
    }
  });

  it("start, stop and leave nothing behind; only the wanted connector of three is to run", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    expect([...bench.running.values()]).toMatchObject([{ flow: flow.name, host: "here" }]);
    const configs = await bench.target.cluster.read(
      { topic: `mm2-configs.${flow.name}.internal`, partition: 0 },
      0,
      { max: 2 },
    );
    expect(configs.map(({ key, value }) => [key?.toString(), JSON.parse(value?.toString() ?? "")])).toEqual(
      ["MirrorCheckpointConnector", "MirrorHeartbeatConnector"].map((name) => [
        `target-state-${name}`,
        { state: "PAUSED", "state.v2": "STOPPED" },
      ]),
    );
    await bench.ended(engine.stop(flow.name));
    expect(bench.running.size).toBe(0);
    expect(bench.signals).toEqual(["SIGTERM 1"]);
    await bench.ended(engine.remove(flow.name));
    const left = (await bench.target.cluster.listTopics()).filter(({ name }) => name.includes("ferry-"));
    expect(left).toEqual([]);
  });

  it("are started again when they die, and the death is told while they run again", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    bench.kill(1);
    expect(await engine.status(flow.name)).toMatchObject({ state: "starting" });
    await bench.ended(engine.start(flow.name));
    expect([...bench.running.keys()]).toEqual([2]);
    const { state, tasks } = await engine.status(flow.name);
    expect(state).toBe("running");
    expect(tasks[0]?.trace).toContain("(pid 1 on here) ended by itself.\nERROR [Worker] out of disk");
  });

  it("are given up after five deaths in a row, with their last words, until somebody asks again", async () => {
    const engine = bot();
    bench.breakStarts("ERROR [MirrorMaker] Stopping due to error\norg.apache.kafka.KafkaException: no login");
    await expect(bench.ended(engine.define(flow, "running"))).rejects.toMatchObject({
      code: "E_TASK_FAILED",
    });
    const { state, tasks } = await engine.status(flow.name);
    expect(state).toBe("failed");
    expect(tasks).toMatchObject([{ state: "FAILED", trace: expect.stringContaining("no login") }]);
    await expect(bench.ended(engine.start(flow.name))).rejects.toMatchObject({ code: "E_TASK_FAILED" });
    bench.breakStarts(undefined);
    await bench.ended(engine.restartFailed(flow.name));
    expect(bench.running.size).toBe(1);
  });

  it("are one for each flow, however many bots there are on how many machines", async () => {
    const [one, other, far] = [bot(), bot(), bot({}, "there")];
    await bench.ended(Promise.all([one, other, far].map((each) => each.define(flow, "running"))));
    expect(bench.running.size).toBe(1);
    const [[pid = 0, { host = "" } = {}] = []] = bench.running;
    // Whoever is asked, the process ends where it runs.
    const elsewhere = host === "here" ? far : one;
    await bench.ended(elsewhere.stop(flow.name));
    expect(bench.running.size).toBe(0);
    expect(bench.signals).toEqual([`SIGTERM ${pid}`]);
  });

  it("are left alone on another machine while they are in their group, and taken over when they are gone", async () => {
    const far = bench.bot({}, "there");
    await bench.ended(far.define(flow, "running"));
    await bench.ended(far.close());
    const engine = bot();
    await bench.clock.advance(60_000);
    expect(bench.running.size).toBe(1);
    expect((await engine.status(flow.name)).state).toBe("running");
    bench.kill(1);
    await bench.ended(engine.start(flow.name));
    expect([...bench.running.values()]).toMatchObject([{ host: "here" }]);
  });

  it("are killed when they do not stop", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    bench.deafen();
    await bench.ended(engine.stop(flow.name));
    expect(bench.signals).toEqual(["SIGTERM 1", "SIGKILL 1"]);
  });

  it("are given no signal by a pid that may be another's by now, and the mirror's state is told as unknown", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    bench.blindfold(true);
    await expect(bench.ended(engine.stop(flow.name))).rejects.toMatchObject({
      code: "E_CONNECT",
      message: `Whether pid 1 on here is still the process of ${flow.name} is unknown: this machine has neither /proc nor ps. It was not signalled. Install ps for the bot; or see what pid 1 is, and end it where it is java with -Dferry.flow=${flow.name}: kill 1.`,
    });
    await bench.clock.advance(60_000);
    expect(bench.signals).toEqual([]);
    bench.blindfold(false);
    await bench.ended(engine.stop(flow.name));
    expect(bench.signals).toEqual(["SIGTERM 1"]);
  });

  it("are looked after although another one's process cannot be told", async () => {
    const engine = bot();
    const other = { ...flow, name: "ferry-orders-rest-forward" };
    await bench.ended(engine.define(flow, "running"));
    await bench.ended(engine.define(other, "running"));
    bench.blindfold(true);
    await expect(bench.ended(engine.stop(flow.name))).rejects.toMatchObject({ code: "E_CONNECT" });
    bench.kill(2);
    await bench.clock.advance(10_000);
    expect([...bench.running].map(([pid, { flow: name }]) => [pid, name])).toEqual([
      [1, flow.name],
      [3, other.name],
    ]);
  });

  it("stay stopped when somebody who saw them fail asks for a restart after that", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    await bench.ended(engine.stop(flow.name));
    await expect(bench.ended(engine.restartFailed(flow.name))).rejects.toMatchObject({
      message: `${flow.name} is stopped: nothing of it can have failed.`,
    });
    await bench.clock.advance(5_000);
    expect(bench.running.size).toBe(0);
    expect((await engine.status(flow.name)).state).toBe("stopped");
  });

  it("are not called stopped while a process that nobody knows is in their group", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    await bench.store.remove(`mirrormaker:orders:ran:${flow.name}`);
    const stopping = engine.stop(flow.name);
    await bench.clock.advance(1_000);
    expect((await engine.status(flow.name)).state).toBe("starting");
    bench.kill(1);
    await bench.ended(stopping);
    expect((await engine.status(flow.name)).state).toBe("stopped");
  });

  it("are not called stopped while another bot is at them: it may just be starting one", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "running"));
    bench.kill(1);
    const lease = await bench.store.acquire(`mirrormaker:${flow.name}`, "another", 30_000);
    const seen: string[] = [];
    const stopping = engine.stop(flow.name).finally(() => seen.push("stopped"));
    await bench.clock.advance(2_000);
    expect(seen).toEqual([]);
    await bench.store.release(lease);
    await bench.ended(stopping);
    expect(seen).toEqual(["stopped"]);
  });

  it("are started anew for another list of topics", async () => {
    const engine = bot();
    await bench.ended(engine.define({ ...flow, tasks: 1 }, "running"));
    await bench.ended(engine.define(flow, "running"));
    expect(bench.signals).toEqual(["SIGTERM 1"]);
    expect([...bench.running.values()].map(({ properties }) => properties)).toEqual([
      expect.stringContaining("tasks.max=2"),
    ]);
  });

  it("are seeded while stopped, and a partition without an offset loses the one it had", async () => {
    const engine = bot();
    await bench.ended(engine.define(flow, "stopped"));
    await engine.seed(flow.name, new Map([["orders", [3, 4]]]));
    await engine.seed(flow.name, new Map([["orders", [7]]]));
    expect(await engine.copied(flow.name)).toEqual(new Map([["orders", [7]]]));
  });
});

describe("a mirror that is handed over", () => {
  it("waits for a person with the command, sees them start and stop it, and refuses after patience", async () => {
    const bench = createMirrorMakerBench();
    const written = new Map<string, string>();
    const engine = bench.bot({
      run: "handed-over",
      writeFile: async (name, text) => {
        written.set(name, text);
        return `/mirrors/${name}/mm2.properties`;
      },
    });
    const starting = engine.define(flow, "running");
    await bench.clock.advance(1_000);
    const command = `/opt/kafka/bin/connect-mirror-maker.sh /mirrors/${flow.name}/mm2.properties --clusters ferry-target`;
    expect((await engine.status(flow.name)).tasks).toEqual([
      { id: -1, state: `waiting for a person to start it: ${command}`, worker: "" },
    ]);
    expect(written.get(flow.name)).toContain("ferry-target.group.id=");
    bench.speak(flow);
    await bench.ended(starting);
    expect((await engine.status(flow.name)).state).toBe("running");
    const stopping = engine.stop(flow.name);
    await bench.clock.advance(1_000);
    expect((await engine.status(flow.name)).tasks[0]?.state).toContain("waiting for a person to stop it");
    bench.target.removeMember(flow.name);
    await bench.ended(stopping);
    await expect(bench.ended(engine.start(flow.name))).rejects.toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining(`waiting for a person to start it: ${command}`),
    });
  });
});

describe("what to do about a process", () => {
  const ordered: Ordered = { flow: { ...flow, topics: [], groups: [] }, state: "running", order: 1, life: 0 };
  const ran: Ran = { order: 1, host: "h", pid: 1, statusesFrom: 0, startedAt: 0, seenAt: 0, deaths: 0 };
  const { pid: _, ...gone } = ran;
  const died = { ...gone, deaths: 2, death: { at: 1_000, trace: "" } };

  it.each([
    ["a first start", ordered, undefined, false, "launch"],
    ["nothing for one that runs as ordered", ordered, ran, true, "none"],
    ["a death is written down", ordered, ran, false, "bury"],
    ["an end for one that nobody wants", { ...ordered, state: "stopped" as const }, ran, true, "terminate"],
    ["an end for one of an older order", { ...ordered, order: 2 }, ran, true, "terminate"],
    ["no haste after SIGTERM", { ...ordered, order: 2 }, { ...ran, stoppingSince: 0 }, true, "none"],
    ["no start while stopped", { ...ordered, state: "stopped" as const }, undefined, false, "none"],
    ["a pause after the second death", ordered, { ...died, death: { at: 4_000, trace: "" } }, false, "none"],
    ["a start after that pause", ordered, died, false, "launch"],
    ["no sixth start", ordered, { ...died, deaths: deathLimit }, false, "none"],
    ["a start for a new order", { ...ordered, order: 2 }, { ...died, deaths: deathLimit }, false, "launch"],
  ] as const)("%s", (_what, order, process, alive, step) => {
    expect(decide(order, process, alive, 5_000)).toBe(step);
  });

  it("waits twice as long after each death", () => {
    expect([0, 1, 2, 3, 4].map(backoffMs)).toEqual([0, 1_000, 2_000, 4_000, 8_000]);
  });
});

describe("last words", () => {
  it("begin at the last error, with its stack", () => {
    const log = "INFO a\nERROR old\nINFO b\nERROR [MirrorMaker] new\njava.lang.X: no\n\tat y";
    expect(lastWords(log)).toBe("ERROR [MirrorMaker] new\njava.lang.X: no\n\tat y");
  });

  it("are the last lines where there is no error", () => {
    expect(lastWords("1\n2\n3\n4\n5\n6\nKilled\n")).toBe("3\n4\n5\n6\nKilled");
  });
});
