import type { Load } from "#domain/assess/sizing-load.ts";
import type { AssessedGroup, AssessedTopic } from "#domain/assessment.ts";
import { limits, prices } from "#domain/msk/data.ts";
import { figure } from "#domain/wording.ts";

/** MSK Serverless, which is never chosen: what it would cost and which of its quotas is nearest (limits.html). */

const gib = 2 ** 30;
const apacheMessageBytes = 1_048_588;

/** What moves, as far as its quotas ask. */
export type Moving = {
  readonly topics: readonly AssessedTopic[];
  readonly groups: readonly AssessedGroup[];
};

type Use = { readonly limit: string; readonly used: number; readonly most: number };

export function serverless(
  load: Load,
  moving: Moving = { topics: [], groups: [] },
): { readonly monthlyUsd: number; readonly why: string } {
  const uses = [...usesOfLoad(load), ...usesOf(moving)].toSorted((a, b) => b.used / b.most - a.used / a.most);
  const over = uses.filter(({ used, most }) => used > most);
  const named = over.length > 0 ? over : uses.slice(0, 1);
  const text = named.map(
    ({ limit, used, most }) => `${limit}, ${figure(Math.ceil(used))} of ${figure(most)}`,
  );
  const fit = over.length > 0 ? "does not fit" : "fits";
  const all = load.ingressMBps.known && load.egressMBps.known && load.storedBytes.known;
  const partial = all ? "" : "; a lower bound, because a part of the load is not known";
  const confirmed = prices.serverless.confirmed ? "" : "; its prices are not confirmed";
  return {
    monthlyUsd: monthly(load),
    why: `${fit}: nearest limit ${text.join("; ")}; IAM only, no Kafka ACLs, no broker configuration; not planned by the bot${confirmed}${partial}`,
  };
}

function monthly({ partitions, ingressMBps, egressMBps, storedBytes }: Load): number {
  const { serverless: price, hoursPerMonth } = prices;
  const perMonth = (rate: Load["ingressMBps"]) =>
    rate.known ? ((rate.value * 1e6) / gib) * hoursPerMonth * 3600 : 0;
  const stored = storedBytes.known ? storedBytes.value / gib : 0;
  const usd =
    hoursPerMonth * (price.perClusterHour + partitions * price.perPartitionHour) +
    perMonth(ingressMBps) * price.ingressPerGiB +
    perMonth(egressMBps) * price.egressPerGiB +
    stored * price.storagePerGiBMonth;
  return Math.round(usd * 100) / 100;
}

function usesOfLoad({ partitions, ingressMBps, egressMBps }: Load): readonly Use[] {
  const most = limits.serverless;
  return [
    { limit: "partitions", used: partitions, most: most.partitions },
    { limit: "ingress", used: ingressMBps.known ? ingressMBps.value : 0, most: most.ingressMBps },
    { limit: "egress", used: egressMBps.known ? egressMBps.value : 0, most: most.egressMBps },
  ];
}

/** Rates of a topic are spread over its partitions evenly; what is not known counts for nothing here. */
function usesOf({ topics, groups }: Moving): readonly Use[] {
  const most = limits.serverless;
  const compacted = topics.filter((topic) => topic.compacted);
  const each = (rate: (topic: AssessedTopic) => AssessedTopic["bytesPerSecond"]) =>
    largest(topics, (topic) => {
      const value = rate(topic);
      return value.known ? value.value / 1e6 / topic.partitions : 0;
    });
  const onDisk = largest(compacted, ({ bytesOnDisk, partitions }) =>
    bytesOnDisk.known ? bytesOnDisk.value / 1e9 / partitions : 0,
  );
  const record = largest(topics, ({ configs }) =>
    Number(configs["max.message.bytes"]?.value ?? apacheMessageBytes),
  );
  return [
    {
      limit: "partitions of compacted topics",
      used: compacted.reduce((sum, { partitions }) => sum + partitions, 0),
      most: most.compactedPartitions,
    },
    { limit: "groups", used: groups.length, most: most.groups },
    {
      limit: "MB/s into one partition",
      used: each((topic) => topic.bytesPerSecond),
      most: most.partitionInMBps,
    },
    {
      limit: "MB/s out of one partition",
      used: each((topic) => topic.bytesOutPerSecond),
      most: most.partitionOutMBps,
    },
    { limit: "GB in a compacted partition", used: onDisk, most: most.compactedPartitionGB },
    // A setting, no load: of interest only where it is beyond.
    ...(record > most.messageBytes
      ? [{ limit: "bytes a message", used: record, most: most.messageBytes }]
      : []),
  ];
}

function largest(topics: readonly AssessedTopic[], value: (topic: AssessedTopic) => number): number {
  return topics.reduce((most, topic) => Math.max(most, value(topic)), 0);
}
