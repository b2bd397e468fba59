import type { JobOf } from "#domain/job.ts";
import { sumLags } from "#domain/lag.ts";
import type { Part } from "#domain/message.ts";
import { timeOfDay, zoneOf } from "#domain/wording.ts";
import { readinessLines } from "#jobs/switch/readiness.ts";
import { done, type Handler, type Work } from "#jobs/work.ts";
import { chartPart } from "./lag.ts";
import { checksPart, lagChecks, lagSentence, partitionTable, waveTable, wayBackPart } from "./lag-message.ts";
import { lagPoints, readMigrationLag } from "./migration-lag.ts";

/** What waits for people: one line a request, "wave billing for one more ✅ (request 7K3Q, 40 min left)". */
export type OpenRequests = (work: Work) => Promise<readonly string[]>;

const worstShown = 5;

/** The lag digest. When everything is in step and nothing waits it is one line, and one for each way back. */
export function createDigest(openRequests: OpenRequests): Handler<JobOf<"digest">> {
  return async (_job, work) => {
    const points = await lagPoints(work);
    const reading = await readMigrationLag(work);
    const waiting = await openRequests(work);
    const checks = lagChecks(reading);
    const moved = reading.waves.map(({ wave }) => wave);
    const back = wayBackPart(await readinessLines(moved, reading.copyRates, work));
    const sentence: Part = { kind: "text", text: lagSentence(reading, points, work) };
    const quiet = reading.point.behind === 0 && checks.length === 0 && waiting.length === 0;
    const time = timeOfDay(reading.at, zoneOf(work.migration.settings));
    await work.card.finish({
      subject: `${work.migration.name} · lag at ${time}`,
      tone: "info",
      parts: quiet
        ? [sentence, ...back]
        : [sentence, ...back, ...(await details(reading, points, waiting, work))],
    });
    return done;
  };
}

async function details(
  reading: Awaited<ReturnType<typeof readMigrationLag>>,
  points: Awaited<ReturnType<typeof lagPoints>>,
  waiting: readonly string[],
  work: Work,
): Promise<readonly Part[]> {
  const { worst } = sumLags(reading.waves.flatMap(({ lags }) => lags));
  return [
    waveTable(reading),
    ...(worst.length > 1 ? [partitionTable(worst, worstShown)] : []),
    ...checksPart(lagChecks(reading)),
    ...(waiting.length > 0 ? [{ kind: "text", text: `Waiting: ${waiting.join("; ")}` } as const] : []),
    ...(await chartPart([...points, reading.point], work)),
  ];
}
