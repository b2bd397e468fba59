import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { JobOf } from "#domain/job.ts";
import type { Check, Part } from "#domain/message.ts";
import { type FoundDifference, Verified, verifiedKey } from "#domain/offsets/verification.ts";
import type { Wave } from "#domain/plan.ts";
import { clockTime, count } from "#domain/wording.ts";
import { loadPlan, waveNamed } from "#jobs/switch/wave.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { verifyWave } from "./verify-wave.ts";

/** A worker is given back so often; the next attempt goes on where this one stopped. */
const sliceMs = 60_000;
const shownDifferences = 10;

type WaveResult = { readonly wave: Wave; readonly verified?: Verified; readonly skipped?: string };

/**
 * Compares the records of both clusters, all of them: before the producers moved, the target must begin as the source
 * does, up to what the mirror says it copied; afterwards, both must be equal up to the boundary. Changes nothing.
 * `E_VERIFY` names the first difference of each partition.
 */
export async function verify(job: JobOf<"verify">, work: Work): Promise<Outcome> {
  const plan = await loadPlan(work);
  const waves = job.wave === undefined ? plan.waves : [waveNamed(plan, job.wave)];
  const deadline = work.clock.now() + sliceMs;
  const finished = new Set(await finishedWaves(work));
  const results: WaveResult[] = [];
  for (const wave of waves) {
    if (finished.has(wave.name)) {
      const stored = await work.store.read(verifiedKey(work.migration.name, wave.name));
      results.push({ wave, verified: Verified.parse(stored?.value) });
      continue;
    }
    const result = await verifyWave(wave, deadline, work);
    if (result === "later") return again(0);
    results.push({ wave, ...result });
    if ("verified" in result) await work.store.write(jobKey(work), [...finished.add(wave.name)]);
  }
  await work.store.remove(jobKey(work));
  return await report(results, work);
}

function jobKey({ jobId }: Pick<Work, "jobId">): string {
  return `verify-job:${jobId}`;
}

/** Waves that this job compared in an earlier attempt. */
async function finishedWaves(work: Work): Promise<readonly string[]> {
  return z.array(z.string()).parse((await work.store.read(jobKey(work)))?.value ?? []);
}

async function report(results: readonly WaveResult[], work: Work): Promise<Outcome> {
  const differences = results.flatMap(({ verified }) => verified?.differences ?? []);
  const parts: Part[] = [table(results)];
  if (differences.length > 0)
    parts.push({ kind: "checks", items: differences.slice(0, shownDifferences).map(shown) });
  if (differences.length > 0) {
    await work.card.thread(`differences:${work.jobId}`, {
      subject: `${work.migration.name} · verify: differences`,
      tone: "failed",
      parts: [
        table(results),
        { kind: "checks", items: differences.slice(0, shownDifferences).map(shown) },
        { kind: "code", text: differences.map(text).join("\n").slice(0, 6_000) },
      ],
    });
    throw new FerryError(
      "E_VERIFY",
      `${count(differences.length, "partition")} differ from the source: ${differences.slice(0, 3).map(text).join("; ")}`,
    );
  }
  await work.card.finish({
    subject: `${work.migration.name} · verify`,
    tone: "done",
    note: clockTime(work.clock.now()),
    parts: [table(results)],
    next: ["status"],
  });
  return done;
}

function table(results: readonly WaveResult[]): Part {
  return {
    kind: "table",
    columns: [
      { title: "wave", align: "left" },
      { title: "partitions", align: "right" },
      { title: "equal", align: "right" },
      { title: "expired on one side", align: "right" },
      { title: "result", align: "left" },
    ],
    rows: results.map(({ wave, verified, skipped }) =>
      verified === undefined
        ? [wave.name, "", "", "", skipped ?? ""]
        : [
            wave.name,
            number(verified.partitions),
            number(verified.equal),
            number(verified.expired),
            resultText(verified),
          ],
    ),
  };
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function resultText({ differences, phase }: Verified): string {
  if (differences.length > 0) return `${count(differences.length, "partition")} differ`;
  return phase === "before-cutover" || phase === "consumers-moved" ? "equal, as far as copied" : "equal";
}

function shown(difference: FoundDifference): Check {
  return { state: "fail", text: text(difference) };
}

function text({ topic, partition, source, target, what }: FoundDifference): string {
  const where = [
    ...(source === undefined ? [] : [`source offset ${source}`]),
    ...(target === undefined ? [] : [`MSK offset ${target}`]),
  ];
  return `${topic}-${partition} at ${where.join(", ")}: ${what}`;
}
