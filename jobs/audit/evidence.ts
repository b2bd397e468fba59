import { z } from "zod";
import type { Request } from "#domain/approval/approval.ts";
import { staleBasis, staleParts, staleStored } from "#domain/assess/assessment-age.ts";
import { assessmentKey } from "#domain/assessment.ts";
import { type EvidenceParts, sealEvidence, type Version, type Versions } from "#domain/audit/evidence.ts";
import { asFerryError } from "#domain/errors.ts";
import type { Part } from "#domain/message.ts";
import { Plan, planHistoryKey, planKey } from "#domain/plan.ts";
import type { ChainedEntry, KafkaCluster } from "#domain/ports.ts";
import { listRequests } from "#jobs/approval/request-store.ts";
import { readJournal } from "#jobs/run/journal.ts";
import { runIdOf } from "#jobs/run/run.ts";
import type { Work } from "#jobs/work.ts";
import bot from "#package" with { type: "json" };

/** Everything that an auditor without access to Slack, Redis or Kafka needs, as one file in the card's thread. */

export async function attachEvidence(
  trail: readonly ChainedEntry[],
  by: string,
  work: Work,
): Promise<readonly Part[]> {
  const { name } = work.migration;
  const madeAt = new Date(work.clock.now()).toISOString();
  const parts = await collect(trail, work);
  const about = { migration: name, madeAt, madeFor: by, versions: await versions(work) };
  const content = Buffer.from(sealEvidence(parts, about, work.signer));
  const file = `audit-${name}-${madeAt.slice(0, 19).replaceAll(":", "")}.json`;
  await work.card.file({ name: file, title: `Audit of ${name}`, content });
  const how = `\`npm run verify-evidence ${file}\` checks it offline.`;
  return [signature(work), ...(await staleAtExport(work)), { kind: "note", text: how }];
}

/** Of the plan's assessment, or where there is no plan of the one that is kept. */
async function staleAtExport({ store, migration, clock }: Work): Promise<readonly Part[]> {
  const plan = Plan.safeParse((await store.read(planKey(migration.name)))?.value).data;
  if (plan !== undefined) return staleParts(staleBasis(plan, clock.now()));
  const kept = await store.read(assessmentKey(migration.name));
  return kept === undefined ? [] : staleParts(staleStored(kept.value, clock.now()));
}

function signature({ signer }: Work): Part {
  if (signer !== undefined) {
    const text = `Signed (Ed25519); SHA-256 of the public key: \`${signer.fingerprint}\`.`;
    return { kind: "checks", items: [{ state: "pass", text }] };
  }
  const text =
    "*NOT SIGNED*: neither FERRY_SIGNING_KEY nor FERRY_SIGNING_KEY_FILE is set, so anybody could have written this file.";
  return { kind: "checks", items: [{ state: "fail", text }] };
}

async function collect(trail: readonly ChainedEntry[], work: Work): Promise<EvidenceParts> {
  const requests = await listRequests(work.store, work.migration.name);
  return {
    entries: trail,
    plans: await plans(work),
    requests,
    gateFacts: requests.map((request) => gateFactsOf(request, trail)),
    approvals: decisions(trail),
    verifications: told(trail, /^verify\.done$/),
    reports: await reports(work),
    journals: await journals(requests, work),
  };
}

/** Every plan there was; of before they were all kept, the newest. */
async function plans({ store, migration }: Work): Promise<readonly unknown[]> {
  const keys = await store.keys(planHistoryKey(migration.name));
  const found = await Promise.all(
    (keys.length > 0 ? keys : [planKey(migration.name)]).map((key) => store.read(key)),
  );
  return found.flatMap((document) => (document === undefined ? [] : [document.value]));
}

async function reports({ store, migration, clock }: Work): Promise<readonly unknown[]> {
  const assessed = assessmentKey(migration.name);
  const keys = [assessed, ...(await store.keys(reportKey(migration.name)))];
  const found = await Promise.all(keys.map(async (key) => ({ key, document: await store.read(key) })));
  return found.flatMap(({ key, document }) => {
    if (document === undefined) return [];
    const stale = key === assessed ? staleStored(document.value, clock.now()) : undefined;
    return [{ name: key, ...(stale === undefined ? {} : { stale }), content: document.value }];
  });
}

/** Key of a report that was attached in the channel; without a name what they all begin with. */
export function reportKey(migration: string, name = ""): string {
  return `report:${migration}:${name}`;
}

async function journals(requests: readonly Request[], { store }: Work): Promise<readonly unknown[]> {
  const found = await Promise.all(
    requests.map(async (request) => {
      const run = runIdOf(request);
      return { run, request: request.id, journal: await readJournal(store, run) };
    }),
  );
  return found.filter(({ journal }) => journal !== undefined);
}

const Decision = z.looseObject({ request: z.string(), facts: z.unknown().optional() });

function gateFactsOf({ id, createdAt, proposal, factHash }: Request, trail: readonly ChainedEntry[]) {
  const later = trail.flatMap(({ sequence, at, what, detail }) => {
    const decision = Decision.safeParse(detail).data;
    if (decision?.request !== id || decision.facts === undefined || what === "request.opened") return [];
    return [{ sequence, at, what, facts: decision.facts }];
  });
  const asked = { at: new Date(createdAt).toISOString(), factHash, facts: proposal.facts };
  return { request: id, asked, later };
}

/** Each decision of a request, with the reactions as Slack showed them at that moment. */
function decisions(trail: readonly ChainedEntry[]): readonly unknown[] {
  return told(trail, /^(?:request\.(?!opened)|run\.started$|reaction\.)/);
}

/** Entries of the chain by their number, so that each claim leads back to it. */
function told(trail: readonly ChainedEntry[], what: RegExp): readonly unknown[] {
  return trail.filter((entry) => what.test(entry.what));
}

async function versions({ world }: Work): Promise<Versions> {
  const [source, target, connect] = await Promise.all([
    asked(async () => await kafkaVersion(world.source)),
    asked(async () => await kafkaVersion(await world.target())),
    asked(async () => ({ known: (await (await world.engine()).check()).version })),
  ]);
  return { bot: bot.version, node: process.version, source, target, connect };
}

async function kafkaVersion(cluster: KafkaCluster): Promise<Version> {
  const { version } = await cluster.describe();
  return version.known ? { known: version.value } : { unknown: version.why };
}

/** Evidence is also wanted when a cluster is gone. */
async function asked(version: () => Promise<Version>): Promise<Version> {
  try {
    return await version();
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    return { unknown: `${code} ${message}` };
  }
}
