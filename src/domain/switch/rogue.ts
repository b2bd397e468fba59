import { createHash } from "node:crypto";
import {
  type AuthorizerFacts,
  allowsWrite,
  deniesWrite,
  everybody,
  isAboutTopic,
} from "#domain/access/acl-matching.ts";
import { sameRecord } from "#domain/offsets/log-view.ts";
import type { Client } from "#domain/settings.ts";
import type {
  Acl,
  KafkaRecord,
  Known,
  OffsetTable,
  TopicPartition,
  Transaction,
  Writer,
} from "#domain/topology.ts";

import { count, figure, rate } from "#domain/wording.ts";

/**
 * Who writes where nobody should. A broker keeps little about producers: ids in the batches of the log (KIP-98),
 * transactional ids at their coordinators (KIP-664), rights in its ACLs. Everything else is said not to be known.
 */

/** A partition whose end moved from `from` to `until`, within `ms` where that was measured. */
export type Growth = TopicPartition & {
  readonly from: number;
  readonly until: number;
  readonly ms: number | undefined;
  /** How many of the records are in question, where that is known better than from who wrote. */
  readonly records?: number;
};

/** One growing partition with what its log and the coordinators tell. */
export type WriterNames = {
  readonly growth: Growth;
  /** `known: false`: the log could not be read. */
  readonly writers: Known<readonly Writer[]>;
  /** Only the newest part of the growth was looked at: who wrote it is known, how many records are not. */
  readonly sampled: boolean;
  /** Transactional ids by producer id. */
  readonly transactional: Known<ReadonlyMap<number, string>>;
  /** Principals that may write, in words. */
  readonly principals: string;
  /** Applications of ferry.yaml that say they write there. */
  readonly applications: readonly string[];
};

/** Partitions whose end differs between two reads, `ms` apart; one without an end in either is listed apart. */
export function growthsBetween(
  before: OffsetTable,
  now: OffsetTable,
  ms: number,
): { readonly grown: readonly Growth[]; readonly unread: readonly TopicPartition[] } {
  const grown: Growth[] = [];
  const unread: TopicPartition[] = [];
  for (const [topic, row] of now) {
    for (const [partition, until] of row.entries()) {
      const from = before.get(topic)?.[partition];
      if (until === undefined || from === undefined) unread.push({ topic, partition });
      else if (until !== from) grown.push({ topic, partition, from, until, ms });
    }
  }
  return { grown, unread };
}

/** What one line of a message says about one growing partition. */
export function describeWriters({
  growth,
  writers,
  sampled,
  transactional,
  principals,
  applications,
}: WriterNames): string {
  const amount = amountOf(growth, writers, sampled);
  const named = applications.length === 0 ? "none" : applications.join(", ");
  return `${amount}: ${producersIn(writers, transactional)}; may write: ${principals}; in ferry.yaml: ${named}`;
}

/** "payments-1 (12 records, 1.2 records/s)". */
function amountOf(
  { topic, partition, from, until, ms, records: counted }: Growth,
  writers: Known<readonly Writer[]>,
  sampled: boolean,
): string {
  const where = `${topic}-${partition}`;
  const per = (amount: number, unit: string) =>
    ms === undefined || ms <= 0 ? "" : `, ${rate(amount / (ms / 1000))} ${unit}/s`;
  if (until < from) return `${where} (its end went back from ${from} to ${until})`;
  if (counted === undefined && (!writers.known || sampled)) {
    return `${where} (${count(until - from, "offset")}${per(until - from, "offsets")})`;
  }
  const seen = writers.known ? writers.value.reduce((sum, writer) => sum + writer.records, 0) : 0;
  const records = counted ?? seen;
  return `${where} (${count(records, "record")}${per(records, "records")})`;
}

const producersNamed = 5;

function producersIn(
  writers: Known<readonly Writer[]>,
  transactional: Known<ReadonlyMap<number, string>>,
): string {
  if (!writers.known) return `producer unknown: ${writers.why}`;
  if (writers.value.length === 0) return "no data records, only transaction markers";
  const ids = [...new Set(writers.value.map(({ producerId }) => producerId))];
  const texts = ids.slice(0, producersNamed).map((id) => {
    if (id < 0) return "a producer without idempotence: the log keeps no id of it";
    const name = transactional.known ? transactional.value.get(id) : undefined;
    if (name !== undefined) return `producer id ${id}, transactional id ${name}`;
    const isTransactional = writers.value.some((writer) => writer.producerId === id && writer.transactional);
    if (!isTransactional) return `producer id ${id}`;
    const why = transactional.known ? "no coordinator knows it" : transactional.why;
    return `producer id ${id}, transactional id unknown: ${why}`;
  });
  const more =
    ids.length > producersNamed ? [`${figure(ids.length - producersNamed)} more producer ids`] : [];
  return [...texts, ...more].join(", ");
}

/** Transactional ids by the producer id that their coordinator gave them. */
export function transactionalIds(transactions: readonly Transaction[]): ReadonlyMap<number, string> {
  return new Map(transactions.map(({ producerId, transactionalId }) => [producerId, transactionalId]));
}

/** Names of the producers of ferry.yaml that say they write to this topic. */
export function producersOfTopic(topic: string, clients: readonly Client[]): readonly string[] {
  return clients.flatMap((client) =>
    client.role === "producer" && client.topics.includes(topic) ? [client.name] : [],
  );
}

const principalsNamed = 8;

/**
 * Principals that the ACLs let write to the topic. DENY goes before ALLOW; a topic without any ACL falls to
 * `allow.everyone.if.no.acl.found`; super users are asked nothing. `facts`: as the brokers or the team told them.
 */
export function mayWrite(topic: string, acls: Known<readonly Acl[]>, facts: AuthorizerFacts): string {
  if (!acls.known) {
    return acls.why.startsWith("no authorizer") ? "anybody (no authorizer)" : `unknown: ${acls.why}`;
  }
  const own = acls.value.filter((acl) => isAboutTopic(acl, topic));
  if (own.length === 0) return byDefault(facts);
  const denied = own.filter((acl) => deniesWrite(acl) && acl.host === "*");
  const deniedTo = new Set(denied.map(({ principal }) => principal));
  const allowed = own.filter((acl) => allowsWrite(acl) && !deniedTo.has(acl.principal));
  const principals = [...new Set(allowed.map(({ principal }) => principal))];
  if (principals.length === 0 || deniedTo.has(everybody)) return `super users only${superUsers(facts)}`;
  const shown = principals.slice(0, principalsNamed).join(", ");
  const more =
    principals.length > principalsNamed ? ` and ${figure(principals.length - principalsNamed)} more` : "";
  const except = deniedTo.size === 0 ? "" : ` except ${[...deniedTo].join(", ")}`;
  return `${shown}${more}${principals.includes(everybody) ? except : ""}, and super users${superUsers(facts)}`;
}

function byDefault(facts: AuthorizerFacts): string {
  const { everyoneIfNoAcl } = facts;
  if (!everyoneIfNoAcl.known) {
    return `anybody, if allow.everyone.if.no.acl.found is set (the topic has no ACL; ${everyoneIfNoAcl.why})`;
  }
  if (everyoneIfNoAcl.value) return "anybody (the topic has no ACL)";
  return `super users only (the topic has no ACL)${superUsers(facts)}`;
}

function superUsers({ superUsers: users }: AuthorizerFacts): string {
  return users.known && users.value.length > 0 ? ` (${users.value.join(", ")})` : "";
}

/**
 * Producer ids of the tasks of a mirror that runs with exactly-once: Connect gives each task the transactional id
 * `<worker group.id>-<connector>-<task>` (KIP-618).
 */
export function mirrorProducerIds(transactions: readonly Transaction[], flow: string): readonly number[] {
  return transactions
    .filter(({ transactionalId, producerId }) => producerId >= 0 && isTaskOf(transactionalId, flow))
    .map(({ producerId }) => producerId);
}

function isTaskOf(transactionalId: string, flow: string): boolean {
  const task = /-(\d+)$/.exec(transactionalId);
  return task !== null && transactionalId.slice(0, task.index).endsWith(`-${flow}`);
}

/** Looks for copies of records, by content, while the other log is read through. */
export type Search = {
  /** Strikes out every record of which one of these is the original. */
  look(originals: readonly KafkaRecord[]): void;
  /** Every record has its original. */
  isDone(): boolean;
  /** Those of which no original was seen. */
  missing(): readonly KafkaRecord[];
  /** A newer record of this key was seen: compaction may have removed the original. */
  isSuperseded(record: KafkaRecord): boolean;
};

/**
 * `stamped`: the log of the candidates gives records a time of its own (LogAppendTime), so that times prove nothing.
 * One original may have several copies: a mirror that was killed writes its last records again.
 */
export function createSearch(
  candidates: readonly KafkaRecord[],
  { stamped }: { readonly stamped: boolean },
): Search {
  const comparable = (record: KafkaRecord) => (stamped ? { ...record, timestamp: 0 } : record);
  const buckets = new Map<string, KafkaRecord[]>();
  const keys = new Set<string>();
  for (const record of candidates) {
    const digest = digestOf(comparable(record));
    const bucket = buckets.get(digest);
    if (bucket === undefined) buckets.set(digest, [record]);
    else bucket.push(record);
  }
  return {
    look(originals) {
      for (const original of originals) {
        if (original.key !== null) keys.add(original.key.toString("latin1"));
        const digest = digestOf(comparable(original));
        const left = buckets
          .get(digest)
          ?.filter((record) => !sameRecord(comparable(record), comparable(original)));
        if (left === undefined) continue;
        if (left.length === 0) buckets.delete(digest);
        else buckets.set(digest, left);
      }
    },
    isDone: () => buckets.size === 0,
    missing: () => [...buckets.values()].flat().toSorted((a, b) => a.offset - b.offset),
    isSuperseded: ({ key }) => key !== null && keys.has(key.toString("latin1")),
  };
}

/** Narrows down which records to compare; the comparison decides. */
function digestOf({ timestamp, key, value }: KafkaRecord): string {
  const hash = createHash("sha1").update(`${timestamp}:${key?.length ?? -1}:${value?.length ?? -1}:`);
  if (key !== null) hash.update(key);
  if (value !== null) hash.update(value);
  return hash.digest("base64");
}
