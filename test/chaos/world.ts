import kafkajs, { type Admin } from "kafkajs";
import { z } from "zod";
import { kafkaFor } from "#lab/apps/connection.ts";
import { connectionTo } from "#lab/apps/fleet.ts";
import { readPhase } from "./journal.ts";
import type { ChaosLab } from "./lab.ts";
import { wave } from "./settings.ts";

/** Where everything of one migration really is: read from the applications, Kafka and Connect, not from the bot. */
export const Shot = z.object({
  /** The bot's word, to be compared with the rest. */
  phase: z.string(),
  consumer: z.string(),
  producer: z.string(),
  /** Clusters on which the group has members. */
  members: z.array(z.enum(["source", "target"])),
  /** Kind of connector to "RUNNING 1/1", "STOPPED 0/0" or "absent". */
  connectors: z.record(z.string(), z.string()),
  /** ACLs on the migration's topics of the source, with the migration's prefix left out. */
  acls: z.array(z.string()),
});
export type Shot = z.infer<typeof Shot>;

export type Names = {
  readonly migration: string;
  readonly topics: readonly [string, string];
  readonly consumer: string;
  readonly producer: string;
};

export type Admins = AsyncDisposable & { readonly source: Admin; readonly target: Admin };

/** Admin clients of both clusters; a super user on the source. */
export async function openAdmins({ clusters }: ChaosLab): Promise<Admins> {
  const { source, target } = clusters;
  const admins = {
    source: kafkaFor(connectionTo(source.admin.bootstrap, source.admin.security), "chaos").admin(),
    target: kafkaFor(connectionTo(target.bootstrap), "chaos").admin(),
  };
  await Promise.all([admins.source.connect(), admins.target.connect()]);
  return {
    ...admins,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([admins.source.disconnect(), admins.target.disconnect()]);
    },
  };
}

export async function takeShot(lab: ChaosLab, admins: Admins, names: Names): Promise<Shot> {
  const { host, redis } = lab;
  const [phase, consumer, producer, source, target, connectors, acls] = await Promise.all([
    readPhase(redis, names.migration),
    host.place(names.consumer),
    host.place(names.producer),
    hasMembers(admins.source, names.consumer),
    hasMembers(admins.target, names.consumer),
    connectorsOf(lab, names.migration),
    aclsOf(admins.source, names),
  ]);
  const members = [...(source ? (["source"] as const) : []), ...(target ? (["target"] as const) : [])];
  return { phase, consumer, producer, members, connectors, acls };
}

async function hasMembers(admin: Admin, group: string): Promise<boolean> {
  const { groups } = await admin.describeGroups([group]);
  return groups.some(({ members }) => members.length > 0);
}

const Connectors = z.record(
  z.string(),
  z.object({
    status: z.object({
      connector: z.object({ state: z.string() }),
      tasks: z.array(z.object({ state: z.string() })),
    }),
  }),
);

async function connectorsOf({ clusters }: ChaosLab, migration: string): Promise<Record<string, string>> {
  const response = await fetch(`${clusters.connect.url}/connectors?expand=status`, {
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`Connect answers ${response.status}`);
  const known = Connectors.parse(await response.json());
  const kinds = ["forward", "checkpoint", "reverse"].map((kind) => {
    const found = known[`ferry-${migration}-${wave}-${kind}`]?.status;
    if (found === undefined) return [kind, "absent"];
    const running = found.tasks.filter(({ state }) => state === "RUNNING").length;
    return [kind, `${found.connector.state} ${running}/${found.tasks.length}`];
  });
  return Object.fromEntries(kinds);
}

async function aclsOf(admin: Admin, { topics, migration }: Names): Promise<string[]> {
  const { resources } = await admin.describeAcls({
    resourceType: kafkajs.AclResourceTypes.ANY,
    resourcePatternType: kafkajs.ResourcePatternTypes.ANY,
    operation: kafkajs.AclOperationTypes.ANY,
    permissionType: kafkajs.AclPermissionTypes.ANY,
  });
  return resources
    .filter(({ resourceName }) => topics.includes(resourceName))
    .flatMap(({ resourceName, acls }) =>
      acls.map(
        ({ principal, host, operation, permissionType }) =>
          `${resourceName.replace(migration, "")} ${principal} ${host} operation ${operation} permission ${permissionType}`,
      ),
    )
    .toSorted();
}

type Place = "source" | "target";
type Legal = { readonly consumer: Place; readonly producer: Place; readonly mirror: "forward" | "reverse" };

const legal: Readonly<Record<string, Legal>> = {
  "before-cutover": { consumer: "source", producer: "source", mirror: "forward" },
  "consumers-moved": { consumer: "target", producer: "source", mirror: "forward" },
  "producers-moved": { consumer: "target", producer: "target", mirror: "reverse" },
};

/**
 * What of a shot does not fit its phase. `like`: the same state as an undisturbed run leaves it; what the phase alone
 * does not say (the checkpoint connector, ACLs) must be as there.
 */
export function contradictions(shot: Shot, phase: string, like: Shot | undefined): readonly string[] {
  const state = legal[phase];
  if (state === undefined) return [`phase ${phase} is none that a run may end in`];
  const { consumer, producer, mirror } = state;
  const expected = {
    phase,
    consumer,
    producer,
    members: [consumer].join(),
    forward: mirror === "forward" ? "RUNNING" : "STOPPED",
    reverse: mirror === "forward" ? "absent" : "RUNNING",
    checkpoint: like === undefined ? undefined : plainState(like.connectors["checkpoint"]),
    acls: like === undefined ? (mirror === "forward" ? "" : undefined) : like.acls.join("; "),
  };
  const found = {
    phase: shot.phase,
    consumer: shot.consumer,
    producer: shot.producer,
    members: shot.members.join(),
    forward: plainState(shot.connectors["forward"]),
    reverse: plainState(shot.connectors["reverse"]),
    checkpoint: plainState(shot.connectors["checkpoint"]),
    acls: shot.acls.join("; "),
  };
  return Object.entries(found).flatMap(([what, is]) => {
    const wanted = Object.entries(expected).find(([name]) => name === what)?.[1];
    return wanted === undefined || wanted === is ? [] : [`${what} is "${is}", not "${wanted}"`];
  });
}

/** "RUNNING" only with every task running. */
function plainState(text = "absent"): string {
  const [state = "", tasks = ""] = text.split(" ");
  const [running, all] = tasks.split("/");
  if (state === "RUNNING" && (running !== all || all === "0")) return text;
  return state;
}
