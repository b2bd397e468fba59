import { type AssessedTopic, sumKnown } from "#domain/assessment.ts";
import type { MigrationSettings } from "#domain/settings.ts";
import type { Known } from "#domain/topology.ts";
import { count } from "#domain/wording.ts";
import { compareText } from "./wave-links.ts";

/** How much can go wrong when a wave moves, as points that people can check. Fewer first. */

export type WaveRisk = {
  /** Sum of the points below; classes rather than measurements, so that noise does not reorder waves. */
  readonly score: number;
  /** The parts of the sum in words, and what is not known. */
  readonly why: string;
  readonly partitions: number;
};

const riskPoints = {
  /** For each doubling of the records per second; a rate that is not known counts as more than any that is. */
  rate: 1,
  rateUnknown: 40,
  /** For each owner beyond the first: all of them must be there at the same time. */
  owner: 2,
  /** Something writes in transactions: an open one holds the drain up. */
  transactions: 4,
  /** A compacted topic: its offsets have gaps and its old records are somebody's state. */
  compacted: 2,
} as const;

export type RiskFacts = {
  readonly carried: ReadonlyMap<string, AssessedTopic>;
  readonly transactional: Known<ReadonlySet<string>>;
  readonly clients: MigrationSettings["clients"];
};

type Part = { readonly points: number; readonly text: string };

export function riskOf(
  wave: { readonly topics: readonly string[]; readonly groups: readonly string[] },
  facts: RiskFacts,
): WaveRisk {
  const topics = wave.topics.flatMap((name) => facts.carried.get(name) ?? []);
  const parts = [
    ratePart(topics),
    ownerPart(wave, facts.clients),
    transactionPart(wave.topics, facts.transactional),
    compactionPart(topics),
  ];
  return {
    score: parts.reduce((sum, { points }) => sum + points, 0),
    why: parts.map(({ points, text }) => (points === 0 ? text : `${text} (${points})`)).join(", "),
    partitions: topics.reduce((sum, { partitions }) => sum + partitions, 0),
  };
}

function ratePart(topics: readonly AssessedTopic[]): Part {
  const { sum, unknown } = sumKnown(topics.map(({ recordsPerSecond }) => recordsPerSecond));
  if (unknown > 0) {
    return { points: riskPoints.rateUnknown, text: `rate of ${count(unknown, "topic")} unknown` };
  }
  const doublings = Math.ceil(Math.log2(sum + 1));
  const text = doublings === 0 ? "silent" : `up to ${2 ** doublings} records/s`;
  return { points: doublings * riskPoints.rate, text };
}

/** People or teams that must be there: the owner that a manual client names, else the application; a group without a client stands for somebody not known. */
function ownerPart(
  { topics, groups }: { readonly topics: readonly string[]; readonly groups: readonly string[] },
  clients: MigrationSettings["clients"],
): Part {
  const carried = new Set(topics);
  const listed = new Set(groups);
  const own = clients.filter((client) =>
    client.role === "consumer" ? listed.has(client.group) : client.topics.some((topic) => carried.has(topic)),
  );
  const covered = new Set(own.flatMap((client) => (client.role === "consumer" ? [client.group] : [])));
  const nameless = groups.filter((group) => !covered.has(group)).length;
  const named = new Set(
    own.map((client) => (client.switch.driver === "manual" ? client.switch.owner : undefined) ?? client.name),
  );
  const owners = named.size + nameless;
  const text =
    nameless === 0 ? count(owners, "owner") : `${count(owners, "owner")}, ${nameless} of them unknown`;
  return { points: Math.max(0, owners - 1) * riskPoints.owner, text };
}

function transactionPart(topics: readonly string[], transactional: Known<ReadonlySet<string>>): Part {
  if (!transactional.known) return { points: 0, text: "transactions unknown" };
  const written = topics.filter((topic) => transactional.value.has(topic)).length;
  if (written === 0) return { points: 0, text: "no transactions seen" };
  return { points: riskPoints.transactions, text: `transactions on ${count(written, "topic")}` };
}

function compactionPart(topics: readonly AssessedTopic[]): Part {
  const compacted = topics.filter(({ compacted }) => compacted).length;
  if (compacted === 0) return { points: 0, text: "nothing compacted" };
  return { points: riskPoints.compacted, text: count(compacted, "compacted topic") };
}

type Scored = { readonly name: string; readonly risk: WaveRisk };

/** Least first; then partitions, then the name. */
export function compareRisk(a: Scored, b: Scored): number {
  return a.risk.score - b.risk.score || a.risk.partitions - b.risk.partitions || compareText(a.name, b.name);
}
