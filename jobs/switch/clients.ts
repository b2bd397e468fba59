import { FerryError } from "#domain/errors.ts";
import type { ClientPlace, KafkaCluster } from "#domain/ports.ts";
import type { Client } from "#domain/settings.ts";
import { differences } from "#domain/switch/group-findings.ts";
import { type GroupDescription, type OffsetTable, unknown } from "#domain/topology.ts";
import { holds, notYet, until } from "#jobs/waiting.ts";
import type { Work } from "#jobs/work.ts";

/** Stopping and starting applications, where every claim of a driver is checked against Kafka. */

type Consumer = Client & { role: "consumer" };

/** Groups with members on a cluster, with who they are: "billing-app (2 members: app-1 /10.0.0.7)". */
export async function liveGroups(
  cluster: KafkaCluster,
  groups: readonly string[],
): Promise<readonly string[]> {
  const described = await cluster.describeGroups(groups);
  return described
    .filter(({ state, members }) => members.length > 0 || (state !== "Empty" && state !== "Dead"))
    .map(({ id, state, members }) => {
      const who = members.map(({ clientId, host }) => `${clientId} ${host}`).join(", ");
      return `${id} (${state}, ${members.length} members${who === "" ? "" : `: ${who}`})`;
    });
}

/** Where a consumer runs: its driver's word, or, where that is unknown, where its group has members. */
export async function placeOfConsumer(client: Consumer, work: Work): Promise<ClientPlace> {
  const status = await work.world.client(client).status();
  if (status.known) return status.value;
  const target = await work.world.target();
  if ((await liveGroups(target, [client.group])).length > 0) return "target";
  if ((await liveGroups(work.world.source, [client.group])).length > 0) return "source";
  return "stopped";
}

/**
 * Stops them all at once where they run at `place`, and waits until their groups have no member there. `stopped` is
 * called in between, when all drivers have said that they are done.
 */
export async function stopConsumers(
  clients: readonly Consumer[],
  place: "source" | "target",
  groups: readonly string[],
  work: Work,
  request: string,
  stopped: () => void = () => undefined,
): Promise<void> {
  const cluster = place === "source" ? work.world.source : await work.world.target();
  const seen = await seenWithMembers(clients, cluster);
  await Promise.all(
    clients.map(async (client) => {
      if (!seen.has(client.name) && (await placeOfConsumer(client, work)) !== place) return;
      await work.world.client(client).stop(`${request}-stop-${place}`);
      await work.audit(stoppedOn(client.name, place));
    }),
  );
  stopped();
  await untilQuiet(cluster, groups, work);
}

/**
 * Applications that run on this cluster for certain, by one question for all of them: their group has members there, and
 * nobody else is known to be in it. The others' drivers must be asked, which starts a process each.
 */
async function seenWithMembers(
  clients: readonly Consumer[],
  cluster: KafkaCluster,
): Promise<ReadonlySet<string>> {
  const described = await cluster.describeGroups([...new Set(clients.map(({ group }) => group))]);
  const live = new Set(described.filter(({ members }) => members.length > 0).map(({ id }) => id));
  const alone = clients.filter(({ group }) => clients.filter((other) => other.group === group).length === 1);
  return new Set(alone.filter(({ group }) => live.has(group)).map(({ name }) => name));
}

/** Two reads of the committed offsets of an empty group lie so far apart, ms. */
const restMs = 100;

/**
 * Waits until no group has a member and two reads of the committed offsets are equal. A short interval is enough: a
 * member commits before it leaves, and the broker refuses what arrives later. Consumers with `assign()` commit without
 * being members, as seldom as they like: they are found by the gate, before the start, and while watching.
 */
async function untilQuiet(cluster: KafkaCluster, groups: readonly string[], work: Work): Promise<void> {
  if (groups.length === 0) return;
  let before: ReadonlyMap<string, OffsetTable> | undefined;
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: restMs,
      code: "E_CLIENT_CLAIM",
      what: `Groups on the ${cluster.role} do not come to rest`,
    },
    async () => {
      const live = await liveGroups(cluster, groups);
      if (live.length > 0) return notYet(`still has members: ${live.join("; ")}`);
      const now = await cluster.committed(groups);
      const earlier = before;
      const still =
        earlier !== undefined &&
        groups.every((group) => differences(earlier.get(group), now.get(group)).length === 0);
      before = now;
      return still ? holds(undefined) : notYet("committed offsets still move");
    },
  );
}

/**
 * Starts them where they do not run yet, and waits until each group has a member there. A group without members is
 * started without asking its driver first: a repeated request is the same to it.
 */
export async function startConsumers(
  clients: readonly Consumer[],
  place: "source" | "target",
  work: Work,
  request: string,
): Promise<void> {
  const access = await work.world.applications(place);
  const cluster = place === "source" ? work.world.source : await work.world.target();
  const groups = [...new Set(clients.map(({ group }) => group))];
  const nobody = new Set((await withoutMembers(cluster, groups)).map(({ id }) => id));
  await Promise.all(
    clients.map(async (client) => {
      if (!nobody.has(client.group) && (await placeOfConsumer(client, work)) === place) return;
      await work.world.client(client).start(place, access, `${request}-start-${place}`);
      await work.audit(startedOn(client.name, place));
    }),
  );
  await untilMembers(clients, groups, cluster, work);
}

async function withoutMembers(
  cluster: KafkaCluster,
  groups: readonly string[],
): Promise<readonly GroupDescription[]> {
  return (await cluster.describeGroups(groups)).filter(({ members }) => members.length === 0);
}

/** One question for all groups at a time, however many there are. */
async function untilMembers(
  clients: readonly Consumer[],
  groups: readonly string[],
  cluster: KafkaCluster,
  work: Work,
): Promise<void> {
  await until(
    work,
    {
      deadlineMs: work.migration.settings.cutover.patience,
      everyMs: 100,
      code: "E_CLIENT_CLAIM",
      what: `Applications are said to run on the ${cluster.role}, but their groups show nobody`,
    },
    async () => {
      const missing = new Set((await withoutMembers(cluster, groups)).map(({ id }) => id));
      const named = clients
        .filter(({ group }) => missing.has(group))
        .map(({ name, group }) => `${name} in group ${group}`);
      return named.length === 0 ? holds(undefined) : notYet(`no member: ${named.join(", ")}`);
    },
  );
}

/** Its driver says so; Kafka is asked after it. */
function stoppedOn(client: string, place: "source" | "target", before: ClientPlace | "unknown" = place) {
  const change = { before, after: "stopped", reason: "run" };
  return { what: "client.stopped", subject: client, ...change, detail: { client, place } };
}

function startedOn(client: string, place: "source" | "target") {
  const change = { before: `not on ${place}`, after: place, reason: "run" };
  return { what: "client.started", subject: client, ...change, detail: { client, place } };
}

type Producer = Client & { role: "producer" };

/** Where a producer runs, by its driver's word only: Kafka cannot tell until it writes. */
export async function placeOfProducer(client: Producer, work: Work): Promise<ClientPlace | undefined> {
  const status = await work.world.client(client).status();
  return status.known ? status.value : undefined;
}

export async function stopProducers(
  clients: readonly Producer[],
  place: "source" | "target",
  work: Work,
  request: string,
): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      const now = await placeOfProducer(client, work);
      if (now !== undefined && now !== place) return;
      await work.world.client(client).stop(`${request}-stop-${place}`);
      const after = await work.world
        .client(client)
        .status()
        .catch(() => unknown("status failed"));
      if (after.known && after.value === place) {
        throw new FerryError(
          "E_CLIENT_CLAIM",
          `${client.name} was stopped, but its driver still says ${place}.`,
        );
      }
      await work.audit(stoppedOn(client.name, place, now ?? "unknown"));
    }),
  );
}

export async function startProducers(
  clients: readonly Producer[],
  place: "source" | "target",
  work: Work,
  request: string,
): Promise<void> {
  const access = await work.world.applications(place);
  await Promise.all(
    clients.map(async (client) => {
      if ((await placeOfProducer(client, work)) === place) return;
      await work.world.client(client).start(place, access, `${request}-start-${place}`);
      await work.audit(startedOn(client.name, place));
    }),
  );
}
