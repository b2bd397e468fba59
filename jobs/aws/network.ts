import type { JobOf } from "#domain/job.ts";
import type { Message } from "#domain/message.ts";
import type { Looked } from "#domain/network/gateway-path.ts";
import type { PathReport } from "#domain/network/path-layers.ts";
import { clockTime, count } from "#domain/wording.ts";
import { refuseUnplannedNetwork } from "#jobs/plan-stale.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { lookAtGateways } from "./look-at-gateways.ts";
import { pathParts } from "./path-parts.ts";
import { connectPeering } from "./peering.ts";
import { probePaths } from "./probe-paths.ts";
import { explainingDenials } from "./refusals.ts";

/**
 * Step 3: the way between source and target. A peering is made and completed; other kinds are looked at. Then every
 * path from here is probed to the first layer that fails. Says so in its card; a broken path is an answer, not an error.
 */
export async function network(_job: JobOf<"network">, work: Work): Promise<Outcome> {
  return await explainingDenials(work, () => connectAndProbe(work));
}

async function connectAndProbe(work: Work): Promise<Outcome> {
  await refuseUnplannedNetwork(work);
  const { kind } = work.migration.settings.source.network;
  const connection =
    kind === "peering"
      ? await connectPeering(work)
      : ({ kind: "connected", ...(await lookAtGateways(kind, work)) } as const);
  if (connection.kind === "waiting") {
    await work.card.update(working(work, connection.what, 0));
    return again(connection.ms);
  }
  await work.card.update(working(work, "probe each path", 1));
  const { paths, absent } = await probePaths(work);
  const failing = paths.filter((path) => path.failing !== undefined);
  await work.audit({
    what: "network.probed",
    key: `network.probed:${work.jobId}`,
    subject: "network paths",
    ...(failing.length === 0 ? {} : { reason: "E_NETWORK" }),
    detail: paths.map(({ from, cluster, endpoint, failing }) => ({ from, cluster, endpoint, failing })),
  });
  await work.card.finish(finished(work, connection, paths, absent));
  return done;
}

function working(work: Work, step: string, index: number): Message {
  return {
    subject: `${work.migration.name} · network`,
    tone: "working",
    note: clockTime(work.clock.now()),
    parts: [{ kind: "progress", step, done: index, of: 2 }],
  };
}

function finished(
  work: Work,
  { checks, missing }: Looked,
  paths: readonly PathReport[],
  absent: string | undefined,
): Message {
  const broken = paths.filter(({ failing }) => failing !== undefined).length;
  // What the probe has shown goes before what was seen in AWS; where it could not ask, nothing has.
  const failed = absent === undefined ? 0 : checks.filter(({ state }) => state === "fail").length;
  const open =
    failed === 0 ? "" : `; on the way to MSK ${count(failed, "check")} ${failed === 1 ? "fails" : "fail"}`;
  const untold = paths.filter((path) => path.failing === undefined && path.untold !== undefined).length;
  const all = count(paths.length, "path");
  const through = paths.length - broken - untold;
  return {
    subject: `${work.migration.name} · network`,
    tone: broken > 0 ? "failed" : failed > 0 ? "waiting" : "done",
    note: clockTime(work.clock.now()),
    parts: [
      {
        kind: "text",
        text:
          broken > 0
            ? `\`E_NETWORK\` ${broken} of ${all} ${broken === 1 ? "ends" : "end"} early, ${through} through to Kafka${notTold(untold)}.`
            : `${untold === 0 ? `${all}, all` : `${through} of ${all}`} through to Kafka${notTold(untold)}${open}.`,
      },
      ...(checks.length === 0
        ? []
        : [{ kind: "checks" as const, title: "Between the networks", items: checks }]),
      ...(missing.length === 0
        ? []
        : [
            {
              kind: "code" as const,
              text: `# missing, for whoever owns the network\n${missing.join("\n")}`,
            },
          ]),
      ...pathParts(paths, absent, work.clock.now()),
    ],
    next: nextSteps(broken, absent),
  };
}

/** A path of which something was not told has not been shown to carry anything. */
function notTold(paths: number): string {
  return paths === 0 ? "" : `, ${paths} not told to the end`;
}

function nextSteps(broken: number, absent: string | undefined): readonly string[] {
  if (broken > 0) return ["network"];
  return absent === undefined ? ["replicate start"] : ["provision"];
}
