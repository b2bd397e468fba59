import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { playAll } from "./chaos/campaign.ts";
import { nameOf, sample } from "./chaos/cases.ts";
import { createFixedQueue } from "./chaos/queue.ts";
import { openResults } from "./chaos/results.ts";

/** A fixed part of `npm run chaos`: each fault once, in each kind of run. */

function say(line: string): void {
  process.stderr.write(`chaos: ${line}\n`);
}

describe("a run that something breaks in the middle of", () => {
  test("ends in one of its two legal states, with nothing lost and nothing read twice", async () => {
    const evidence = await mkdtemp(join(tmpdir(), "chaos-"));
    const results = openResults(undefined);
    const { signal } = new AbortController();
    await playAll({ results, say, signal, evidence, commit: "this" }, createFixedQueue(sample));
    const rows = results.rows();
    const asItShould = { ok: true, why: [], lost: 0, twice: 0 };
    expect(rows.map(({ name, ok, why, lost, twice }) => ({ name, ok, why, lost, twice }))).toEqual(
      sample.map((one) => ({ name: nameOf(one), ...asItShould })),
    );
    await rm(evidence, { recursive: true });
  });
});
