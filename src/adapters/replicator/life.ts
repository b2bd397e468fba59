import { FerryError } from "#domain/errors.ts";
import type { Replicator, ReplicatorSite } from "#domain/mirror/replicator.ts";
import type { ReplicatorNote } from "#domain/mirror/replicator-reading.ts";
import { prerequisites, topicProblems } from "#domain/mirror/replicator-rules.ts";
import { ownedBy } from "#domain/plan/provisioning.ts";
import type { ConfigEntry } from "#domain/topology.ts";
import type { ReplicatorOptions } from "./engine.ts";
import type { Ledger } from "./ledger.ts";
import { cannot, topicsOf, unknownFlow } from "./status.ts";

/**
 * One Replicator's life. Every order is written down first, then given to AWS, then awaited; a call that is repeated after
 * a crash finds what there is and goes on from it. Names are unique in an account and Region, so there is never a second.
 */

export type Desk = Omit<ReplicatorOptions, "metrics"> & {
  readonly ledger: Ledger;
  readonly patienceMs: number;
  readonly pollMs: number;
  /** AWS's own numbers of a Replicator, in words. */
  note(name: string): Promise<ReplicatorNote>;
};

/** Ours alone: one of this name that another migration or somebody else made is refused. */
export async function find(desk: Desk, name: string): Promise<Replicator | undefined> {
  const found = await lookUp(desk, name);
  if (found === undefined || isOurs(desk, found)) return found;
  throw cannot(name, `a Replicator of this name exists that this migration did not make (${found.arn})`);
}

export function isOurs({ migration }: Desk, { tags }: Replicator): boolean {
  return ownedBy(migration, tags);
}

/** Whoever made it. By its ARN where that is known: lists lag behind. */
export async function lookUp({ api, ledger }: Desk, name: string): Promise<Replicator | undefined> {
  const arn = (await ledger.read(name))?.arn;
  const known = arn === undefined ? undefined : await api.describe(arn);
  if (known !== undefined) return known;
  const listed = (await api.list(name)).find((each) => each.name === name);
  return listed === undefined ? undefined : await api.describe(listed.arn);
}

/** Creates it, or brings it to these topics; returns when it is RUNNING. */
export async function run(desk: Desk, name: string, topics: readonly string[]): Promise<void> {
  const found = await settle(desk, name);
  if (found?.state === "FAILED") throw failed(found);
  if (found === undefined) await create(desk, name, topics);
  else await change(desk, found, topics);
  const now = await settle(desk, name);
  if (now?.state === "RUNNING") return;
  if (now !== undefined) throw failed(now);
  throw new FerryError("E_AWS_UNREACHABLE", `AWS does not show the Replicator ${name} yet.`);
}

async function create(desk: Desk, name: string, topics: readonly string[]): Promise<void> {
  await refuseUnfit(desk, name, topics);
  await refuseCopiedBefore(desk, name, topics, "it would begin at the first record and copy all again");
  await desk.ledger.write(name, { topics: [...topics], ordered: "running" });
  desk.log.info({ flow: name, topics: topics.length }, "creating replicator");
  const made = await desk.api.create(name, topics, await readSite(desk));
  const arn = made ?? (await find(desk, name))?.arn;
  if (arn === undefined) {
    throw new FerryError(
      "E_AWS_UNREACHABLE",
      `A Replicator named ${name} exists, but AWS does not list it yet; it was created moments ago.`,
    );
  }
  await desk.ledger.write(name, { topics: [...topics], ordered: "running", arn });
}

async function change(desk: Desk, found: Replicator, topics: readonly string[]): Promise<void> {
  const { name, arn } = found;
  const before = topicsOf(found);
  const added = topics.filter((topic) => !before.includes(topic));
  const removed = before.filter((topic) => !topics.includes(topic));
  if (added.length > 0) {
    await refuseUnfit(desk, name, topics);
    await refuseCopiedBefore(desk, name, added, "they would be copied from the first record on");
  }
  await desk.ledger.write(name, { topics: [...topics], ordered: "running", arn });
  if (added.length === 0 && removed.length === 0) return;
  desk.log.info({ flow: name, added: added.length, removed: removed.length }, "changing replicator");
  await desk.api.update(found, topics, await readSite(desk));
}

/** Deletes it and waits until it is gone: AWS knows no other stop. What it was is kept, and how far it came can be read. */
export async function stop(desk: Desk, name: string): Promise<void> {
  const [found, entry] = [await find(desk, name), await desk.ledger.read(name)];
  if (found === undefined && entry === undefined) throw unknownFlow(name);
  // Already stopped: its copied offsets stand there.
  if (found !== undefined || entry?.ordered !== "stopped") {
    const topics = found === undefined ? (entry?.topics ?? []) : topicsOf(found);
    await desk.ledger.write(name, { topics: [...topics], ordered: "stopped", arn: found?.arn ?? entry?.arn });
  }
  await destroy(desk, name);
}

export async function remove(desk: Desk, name: string): Promise<void> {
  await destroy(desk, name);
  await desk.ledger.forget(name);
}

/**
 * AWS restarts nothing: a Replicator that failed before it copied anything is made anew, another one is not. Of two
 * processes that do this, the later one finds another ARN, and leaves the new Replicator alone; one that was stopped
 * meanwhile stays so.
 */
export async function restart(desk: Desk, name: string): Promise<void> {
  const [found, entry] = [await settle(desk, name), await desk.ledger.read(name)];
  if (found?.state === "RUNNING") return;
  const topics = found === undefined ? entry?.topics : topicsOf(found);
  if (topics === undefined) throw unknownFlow(name);
  await refuseCopiedBefore(desk, name, topics, `${reasonOf(found)}; a new one would copy all again`);
  if (found !== undefined) await destroyThis(desk, found);
  const wasStopped = entry?.ordered === "stopped";
  if (!wasStopped && (await desk.ledger.read(name))?.ordered !== "running") {
    throw cannot(name, "it was stopped or removed while its restart was under way");
  }
  await run(desk, name, topics);
}

/** By its ARN: one that was made of this name since is another. */
async function destroyThis(desk: Desk, failed: Replicator): Promise<void> {
  const now = await settle(desk, failed.name);
  if (now?.arn !== failed.arn || now.state === "RUNNING") return;
  desk.log.info({ flow: failed.name, arn: failed.arn }, "deleting failed replicator");
  await desk.api.remove(now);
  const left = await settle(desk, failed.name);
  if (left?.arn === failed.arn) {
    throw new FerryError("E_REPLICATOR", `${failed.name} is ${left.state} after it was deleted.`);
  }
}

async function destroy(desk: Desk, name: string): Promise<void> {
  const found = await settle(desk, name);
  if (found === undefined) return;
  desk.log.info({ flow: name }, "deleting replicator");
  await desk.api.remove(found);
  const left = await settle(desk, name);
  if (left !== undefined) {
    throw new FerryError("E_REPLICATOR", `${name} is ${left.state} after it was deleted.`);
  }
}

/** Waits while AWS is at work on it; `undefined`: there is none, or it has gone. */
async function settle(desk: Desk, name: string): Promise<Replicator | undefined> {
  const began = desk.clock.now();
  for (;;) {
    const found = await find(desk, name);
    if (found === undefined || found.state === "RUNNING" || found.state === "FAILED") return found;
    const waited = desk.clock.now() - began;
    if (waited > desk.patienceMs) {
      const seconds = Math.round(waited / 1000);
      throw new FerryError("E_REPLICATOR", `${name} is still ${found.state} after ${seconds} s.`);
    }
    await desk.clock.sleep(desk.pollMs);
  }
}

async function refuseUnfit(desk: Desk, name: string, topics: readonly string[]): Promise<void> {
  const present = new Set((await desk.target.listTopics()).map((topic) => topic.name));
  const [{ version }, target, configs, onTarget] = await Promise.all([
    desk.source.describe(),
    desk.cluster(),
    desk.source.topicConfigs(topics),
    desk.target.topicConfigs(topics.filter((topic) => present.has(topic))),
  ]);
  const { settings, security } = desk;
  const unmet = prerequisites({ version, security, settings, target }).filter(
    ({ state }) => state === "fail",
  );
  const carried = topics.map((topic) => ({
    name: topic,
    maxMessageBytes: bytesOf(valueOf("max.message.bytes", configs.get(topic))),
    timestampType: valueOf("message.timestamp.type", onTarget.get(topic)),
  }));
  const problems = [...unmet.map(({ text }) => text), ...topicProblems(carried)];
  if (problems.length > 0) throw cannot(name, problems.join("; "));
}

function valueOf(key: string, entries: readonly ConfigEntry[] = []): string | undefined {
  return entries.find(({ name }) => name === key)?.value ?? undefined;
}

function bytesOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** Records on the target mean that somebody, most likely an earlier mirror, has copied these topics. */
async function refuseCopiedBefore(
  desk: Desk,
  name: string,
  topics: readonly string[],
  why: string,
): Promise<void> {
  const wanted = new Set(topics);
  const present = (await desk.target.listTopics())
    .map((topic) => topic.name)
    .filter((topic) => wanted.has(topic));
  const ends = await desk.target.offsets(present, "end");
  const full = present.filter((topic) => (ends.get(topic) ?? []).some((end) => end !== 0));
  if (full.length === 0) return;
  const named = full.slice(0, 3).join(", ");
  throw cannot(name, `MSK holds records of ${full.length} of its topics (${named}): ${why}`);
}

async function readSite(desk: Desk): Promise<ReplicatorSite> {
  const [{ clusterId }, { arn }] = await Promise.all([desk.source.describe(), desk.cluster()]);
  return {
    migration: desk.migration,
    settings: desk.settings,
    sourceId: clusterId,
    bootstrap: desk.settings.bootstrap ?? desk.source.access.bootstrap,
    targetArn: arn,
    subnets: desk.subnets,
    securityGroups: desk.securityGroups,
  };
}

function failed(found: Replicator): FerryError {
  return new FerryError("E_TASK_FAILED", `${found.name} is ${found.state}: ${reasonOf(found)}`);
}

function reasonOf(found: Replicator | undefined): string {
  return found?.reason ?? "AWS gives no reason";
}
