import { expect, it } from "vitest";
import { type Compared, compareStretch } from "#jobs/mirror/compare-standby.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";

/** Records of the source whose times prove nothing, and a target with more than one search reads. */
function longTarget(stamped = false) {
  const source = createFakeKafka({ role: "source" });
  const target = createFakeKafka({ role: "target" });
  for (const cluster of [source, target]) cluster.addTopic("t");
  for (let index = 0; index < 5_100; index += 1) {
    target.append("t", 0, { key: null, value: `${index}`, timestamp: 1000 });
  }
  const about: Compared = {
    source: source.cluster,
    target: target.cluster,
    where: { topic: "t", partition: 0 },
    boundary: 0,
    floor: 0,
    stamped,
    compacted: false,
    now: 2000,
    limit: 5_000,
  };
  return { source, target, about };
}

const bounds = [0, 1, "read-committed"] as const;

it("gives up on an old time without a floor, and decides with one", async () => {
  const { source, about } = longTarget();
  source.append("t", 0, { value: "stray", timestamp: 1000 });
  const open = await compareStretch(about, ...bounds);
  expect(open).toMatchObject({ undecided: 1, rogue: [], why: expect.stringContaining("5,000") });
  const decided = await compareStretch({ ...about, floor: 5_090 }, ...bounds);
  expect(decided).toMatchObject({ undecided: 0, rogue: [expect.objectContaining({ offset: 0 })] });
});

it("finds a copy from before the floor all the same", async () => {
  const { source, about } = longTarget();
  source.append("t", 0, { value: "7", timestamp: 1000 });
  expect(await compareStretch({ ...about, floor: 5_090 }, ...bounds)).toMatchObject({
    rogue: [],
    undecided: 0,
  });
});

it("takes a record from before the boundary for a stray: the mirror began there", async () => {
  const { source, about } = longTarget();
  source.append("t", 0, { value: "7", timestamp: 1000 });
  const { rogue } = await compareStretch({ ...about, boundary: 5_000 }, ...bounds);
  expect(rogue).toHaveLength(1);
});

it("does not decide where the original may have expired", async () => {
  const { source, target, about } = longTarget(true);
  source.append("t", 0, { value: "7", timestamp: 9000 });
  target.deleteBefore("t", 0, 5_050);
  expect(await compareStretch(about, ...bounds)).toMatchObject({ rogue: [], undecided: 1 });
  expect((await compareStretch({ ...about, floor: 5_060 }, ...bounds)).rogue).toHaveLength(1);
});
