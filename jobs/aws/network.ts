import type { JobOf } from "#domain/job.ts";
import type { Check, Message } from "#domain/message.ts";
import type { RouteTable } from "#domain/network.ts";
import type { PathReport } from "#domain/path-layers.ts";
import { brokerPort } from "#domain/provisioning.ts";
import { clockTime, count } from "#domain/wording.ts";
import { again, done, type Outcome, type Work } from "#jobs/work.ts";
import { pathParts } from "./path-parts.ts";
import { connectPeering } from "./peering.ts";
import { probePaths } from "./probe-paths.ts";

/**
 * Step 3: the way between source and target. A peering is made and completed; other kinds are looked at. Then every
 * path from here is probed to the first layer that fails. Says so in its card; a broken path is an answer, not an error.
 */
export async function network(_job: JobOf<"network">, work: Work): Promise<Outcome> {
  const { kind } = work.migration.settings.source.network;
  const connection =
    kind === "peering"
      ? await connectPeering(work)
      : ({ kind: "connected", checks: await lookAt(kind, work) } as const);
  if (connection.kind === "waiting") {
    await work.card.update(working(work, connection.what, 0));
    return again(connection.ms);
  }
  await work.card.update(working(work, "probe each path", 1));
  const { paths, absent } = await probePaths(work);
  const failing = paths.filter((path) => path.failing !== undefined);
  await work.audit({
    what: "network.probed",
    subject: "network paths",
    ...(failing.length === 0 ? {} : { reason: "E_NETWORK" }),
    detail: paths.map(({ from, cluster, endpoint, failing }) => ({ from, cluster, endpoint, failing })),
  });
  await work.card.finish(finished(work, connection.checks, paths, absent));
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
  checks: readonly Check[],
  paths: readonly PathReport[],
  absent: string | undefined,
): Message {
  const broken = paths.filter(({ failing }) => failing !== undefined).length;
  return {
    subject: `${work.migration.name} · network`,
    tone: broken > 0 ? "failed" : "done",
    note: clockTime(work.clock.now()),
    parts: [
      {
        kind: "text",
        text:
          broken > 0
            ? `\`E_NETWORK\` ${broken} of ${count(paths.length, "path")} from here ${broken === 1 ? "ends" : "end"} early.`
            : `${count(paths.length, "path")} from here, all through to Kafka.`,
      },
      ...(checks.length === 0
        ? []
        : [{ kind: "checks" as const, title: "Between the networks", items: checks }]),
      ...pathParts(paths, absent, work.clock.now()),
    ],
    next: nextSteps(broken, absent),
  };
}

function nextSteps(broken: number, absent: string | undefined): readonly string[] {
  if (broken > 0) return ["network"];
  return absent === undefined ? ["replicate start"] : ["provision"];
}

const gateways = { "transit-gateway": "tgw-", vpn: "vgw-" } as const;

/** What can be seen in AWS of a way that others made. Changes nothing. */
async function lookAt(kind: "transit-gateway" | "vpn" | "none", work: Work): Promise<readonly Check[]> {
  if (kind === "none") {
    return [
      {
        state: "warn",
        text: "source.network.kind is none: nothing is looked at in AWS, the paths are probed",
      },
    ];
  }
  const { settings } = work.migration;
  const target = await work.world.network.vpcOfSubnets(settings.target.subnets);
  const tables = await work.world.network.routeTables(target.id);
  const port = brokerPort(settings.target);
  const rules = (
    await Promise.all(settings.target.securityGroups.map((group) => work.world.network.ingress(group)))
  ).flat();
  const open = rules.filter((rule) => rule.port <= port && port <= (rule.toPort ?? rule.port));
  const groups = settings.target.securityGroups.join(", ");
  return [
    ...tables.map((table) => gatewayCheck(table, kind)),
    open.length === 0
      ? { state: "warn", text: `${groups}: no address block may reach port ${port}` }
      : { state: "pass", text: `${groups}: port ${port} from ${open.map(({ cidr }) => cidr).join(", ")}` },
  ];
}

function gatewayCheck({ id, routes }: RouteTable, kind: "transit-gateway" | "vpn"): Check {
  const found = routes.filter(({ target }) => target.startsWith(gateways[kind]));
  const dead = found.find(({ state }) => state === "blackhole");
  if (dead !== undefined)
    return { state: "fail", text: `${id}: ${dead.destination} to ${dead.target} is a blackhole` };
  if (found.length === 0)
    return { state: "warn", text: `${id} has no route to a ${gateways[kind]}… gateway` };
  const where = found.map(({ destination, target }) => `${destination} through ${target}`).join(", ");
  return { state: "pass", text: `${id}: ${where}` };
}
