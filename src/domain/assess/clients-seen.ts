import { isAboutTopic } from "#domain/access/acl-matching.ts";
import type { AssessedGroup, AssessedTransaction, Clients } from "#domain/assessment.ts";
import type { Acl, ActiveProducer, Known, Rights } from "#domain/topology.ts";
import { count, short } from "#domain/wording.ts";

/** Who uses what, as far as a cluster tells, and what it cannot tell. */

type Unknowns = Clients["unknown"];

const jmx = "the brokers' JMX metrics by user and client-id, where quotas are set";
const requestLog = "the brokers' kafka.request.logger at DEBUG for some minutes, or flow logs of the network";

/** What Kafka has no request for, whatever the rights. */
const never: Unknowns = [
  {
    what: "client ids, hosts and principals of producers",
    why: "leaders remember producer ids only, and those of idempotent producers only",
    how: `${requestLog}; ${jmx}`,
  },
  {
    what: "principals of consumers",
    why: "a group's description holds client id and host of its members",
    how: "the authorizer's log (kafka.authorizer.logger), or the table of allowed principals",
  },
  {
    what: "readers that do not commit, such as those with assign() and offsets of their own",
    why: "a fetch leaves no trace",
    how: requestLog,
  },
];

export function clientsSeen({
  groups,
  producers,
  withheld,
  transactions,
  acls,
  rights,
  topics,
}: {
  readonly groups: readonly AssessedGroup[];
  readonly producers: Known<readonly ActiveProducer[]>;
  /** Topics whose leaders were not asked for their producers: the bot may not read them. */
  readonly withheld: readonly string[];
  readonly transactions: Known<readonly AssessedTransaction[]>;
  readonly acls: Known<readonly Acl[]>;
  readonly rights: Known<Rights>;
  readonly topics: readonly string[];
}): Clients {
  return {
    consumers: groups.flatMap(consumersOf),
    producers: producers.known ? producersOf(producers.value, transactions) : [],
    allowed: acls.known
      ? [...allowed(acls.value, topics, "READ"), ...allowed(acls.value, topics, "WRITE")]
      : [],
    unknown: [
      ...never,
      ...unread({ producers, withheld, transactions, acls }),
      ...hidden(rights),
      ...sharing(groups),
    ],
  };
}

function consumersOf({ id, members }: AssessedGroup): Clients["consumers"] {
  const byClient = Map.groupBy(members, ({ clientId, host }) => `${clientId}\n${host}`);
  return [...byClient.values()].flatMap((mine) => {
    const [first] = mine;
    if (first === undefined) return [];
    const topics = new Set(mine.flatMap(({ assignment }) => assignment.map(({ topic }) => topic)));
    return [{ group: id, clientId: first.clientId, host: first.host, topics: [...topics].sort() }];
  });
}

function producersOf(
  producers: readonly ActiveProducer[],
  transactions: Known<readonly AssessedTransaction[]>,
): Clients["producers"] {
  const ids = new Map(
    (transactions.known ? transactions.value : []).map((each) => [each.producerId, each.transactionalId]),
  );
  return [...Map.groupBy(producers, ({ producerId }) => producerId)]
    .toSorted(([a], [b]) => a - b)
    .map(([producerId, rows]) => ({
      producerId,
      transactionalId: ids.get(producerId) ?? null,
      topics: [...new Set(rows.map(({ topic }) => topic))].sort(),
      lastWrite: new Date(Math.max(...rows.map(({ lastTimestamp }) => lastTimestamp))).toISOString(),
    }));
}

/** A DENY for the same principal and every host takes a topic away; one for a single host leaves the others. */
function allowed(
  acls: readonly Acl[],
  topics: readonly string[],
  operation: "READ" | "WRITE",
): Clients["allowed"] {
  const mine = acls.filter((acl) => acl.operation === operation || acl.operation === "ALL");
  const byPrincipal = Map.groupBy(mine, ({ principal }) => principal);
  const denied = mine.filter(({ permission, host }) => permission === "DENY" && host === "*");
  return [...byPrincipal]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([principal, rows]) => {
      const allows = rows.filter(({ permission }) => permission === "ALLOW");
      const denies = denied.filter((acl) => acl.principal === principal || acl.principal === "User:*");
      const reached = topics.filter(
        (topic) =>
          allows.some((acl) => isAboutTopic(acl, topic)) && !denies.some((acl) => isAboutTopic(acl, topic)),
      );
      return reached.length === 0 ? [] : [{ principal, operation, topics: reached }];
    });
}

function unread({
  producers,
  withheld,
  transactions,
  acls,
}: {
  readonly producers: Known<unknown>;
  readonly withheld: readonly string[];
  readonly transactions: Known<unknown>;
  readonly acls: Known<unknown>;
}): Unknowns {
  const rows: Unknowns = [];
  if (!producers.known) {
    rows.push({ what: "idempotent producers by topic", why: producers.why, how: requestLog });
  }
  if (withheld.length > 0) {
    const why = `the bot has no READ on ${short([...withheld].toSorted())}`;
    const how = `give the bot READ on them; or ${requestLog}`;
    rows.push({ what: `idempotent producers of ${count(withheld.length, "topic")}`, why, how });
  }
  if (!transactions.known) {
    const how = "ask the applications' owners for transactional.id and transaction.id.prefix";
    rows.push({ what: "transactional ids", why: transactions.why, how });
  }
  if (!acls.known) {
    const how =
      "without an authorizer everybody may do everything; otherwise give the bot DESCRIBE on the cluster";
    rows.push({ what: "who may read and write", why: acls.why, how });
  }
  return rows;
}

/** Brokers leave out what the asker may not see, without a word. */
function hidden(rights: Known<Rights>): Unknowns {
  if (!rights.known || rights.value.cluster.includes("DESCRIBE") || rights.value.cluster.includes("ALL")) {
    return [];
  }
  const why = "brokers list only groups that the bot may DESCRIBE: it has no DESCRIBE on the cluster";
  return [{ what: "whether these are all groups", why, how: "give the bot DESCRIBE on the cluster" }];
}

function sharing(groups: readonly AssessedGroup[]): Unknowns {
  const shared = groups.filter(({ type }) => type.known && type.value === "share");
  if (shared.length === 0) return [];
  const why = `${shared.map(({ id }) => id).join(", ")}: share groups commit no offsets (KIP-932)`;
  return [{ what: "what share groups have read", why, how: "kafka-share-groups.sh --describe --offsets" }];
}
