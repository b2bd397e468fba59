import { limits } from "#domain/msk/data.ts";
import { count, short } from "#domain/wording.ts";
import {
  type Check,
  kafkaPage,
  type Look,
  mskPage,
  ofCluster,
  unknownHit,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import type { View } from "./view.ts";

/** Who may do what, and what of it does not come along. */

type Acl = Extract<View["acls"], { known: true }>["value"][number];

/**
 * MirrorMaker 2 copies ACLs of topics by their literal name, without WRITE, and turns ALL into READ
 * (MirrorSourceConnector). The rest is these.
 */
const notCopied: ReadonlyArray<readonly [string, (acl: Acl) => boolean]> = [
  ["prefixed", ({ patternType }) => patternType === "PREFIXED"],
  ["of groups", ({ resourceType }) => resourceType === "GROUP"],
  ["of transactional ids", ({ resourceType }) => resourceType === "TRANSACTIONAL_ID"],
  ["of the cluster", ({ resourceType }) => resourceType === "CLUSTER"],
  ["WRITE on topics", ({ resourceType, operation }) => resourceType === "TOPIC" && operation === "WRITE"],
  ["ALL on topics", ({ resourceType, operation }) => resourceType === "TOPIC" && operation === "ALL"],
];

function judgeNotCopied(view: View): Verdict {
  return whenKnown(view.acls, (acls) => {
    const parts = notCopied.flatMap(([name, isOne]) => {
      const own = acls.filter(isOne);
      return own.length === 0 ? [] : [`${own.length} ${name}`];
    });
    return parts.length === 0 ? undefined : `of ${count(acls.length, "ACL")}: ${parts.join(", ")}`;
  });
}

function authOf(view: View): string | undefined {
  return view.context.settings?.target.auth;
}

function judgeScram(view: View): Verdict {
  return whenKnown(view.scramUsers, (users) =>
    users.length === 0
      ? undefined
      : `${count(users.length, "SCRAM user")}: ${short(users.map(({ name }) => name).toSorted())}`,
  );
}

function judgeManyUsers(view: View): Verdict {
  if (authOf(view) !== "scram") return undefined;
  return whenKnown(view.scramUsers, (users) =>
    users.length > limits.scramUsers
      ? `${users.length} SCRAM users; an MSK cluster takes ${limits.scramUsers}`
      : undefined,
  );
}

function judgeSha256(view: View): Verdict {
  if (authOf(view) === "iam") return undefined;
  return whenKnown(view.scramUsers, (users) => {
    const own = users.filter(
      ({ mechanisms }) => mechanisms.length > 0 && !mechanisms.includes("SCRAM-SHA-512"),
    );
    return own.length === 0
      ? undefined
      : `without SCRAM-SHA-512: ${short(own.map(({ name }) => name).toSorted())}`;
  });
}

function judgePlain(view: View): Verdict {
  const source = view.context.settings?.source;
  if (source === undefined) return undefined;
  const { security } = source.applications ?? source;
  if (!("mechanism" in security) || security.mechanism !== "PLAIN") return undefined;
  return `clients reach the source by ${security.protocol} with PLAIN; MSK has IAM, SCRAM-SHA-512 and mutual TLS`;
}

function judgeQuotas(view: View): Verdict {
  return whenKnown(view.quotas, (quotas) => {
    const each = quotas.map(({ entity, limits }) => {
      const who = entity.map(({ type, name }) => `${type} ${name ?? "(default)"}`).join(", ");
      return `${who}: ${Object.entries(limits)
        .map(([key, value]) => `${key}=${value}`)
        .toSorted()
        .join(" ")}`;
    });
    return each.length === 0
      ? undefined
      : `${count(each.length, "client quota")}; ${short(each.toSorted(), 4)}`;
  });
}

function lookUntold(view: View): Look {
  return {
    at: "what the cluster tells of its clients",
    hits: view.clients.unknown.map(({ what, why, how }) => ({ ...unknownHit(what, why), remedy: how })),
  };
}

/** Parts of the inventory that take a right of their own. */
function lookRights(view: View): Look {
  const parts = [
    ["settings of the brokers", view.brokerSettings],
    ["transactions", view.transactions],
    ["features", view.features],
  ] as const;
  return {
    at: "what the bot may read",
    hits: parts.flatMap(([what, value]) => (value.known ? [] : [unknownHit(what, value.why)])),
  };
}

function judgeClients(view: View): Verdict {
  const quiet =
    view.clients.consumers.length === 0 && view.clients.producers.length === 0 && view.groups.length === 0;
  const written = view.wanted.some(({ offsetsHeld }) => !offsetsHeld.known || offsetsHeld.value > 0);
  if (quiet && !written) return undefined;
  return {
    unknown:
      "no request of Kafka tells interceptors, serializers, acks, compression, max.request.size or auto.offset.reset of a client",
  };
}

export const accessChecks: readonly Check[] = [
  {
    code: "ACLS_UNKNOWN",
    severity: "info",
    seen: "DescribeAcls was refused, or the source has no authorizer.",
    remedy: "Without an authorizer there are none; otherwise grant the bot DESCRIBE on the cluster",
    find: findOut.acls,
    page: kafkaPage("security_authz"),
    look: (view) =>
      view.acls.known
        ? { at: count(view.acls.value.length, "ACL"), hits: [] }
        : { at: "ACLs", hits: [unknownHit("cluster", view.acls.why)] },
  },
  {
    code: "ACLS_NOT_COPIED",
    severity: "warning",
    seen: "ACLs that MirrorMaker 2 does not copy: WRITE and ALL on topics, prefixed ones, those of groups, transactional ids and the cluster.",
    remedy: "Look at /ferry access; /ferry access copy or replicate start carries all seven fields over",
    find: findOut.acls,
    page: mskPage("msk-acls"),
    look: (view) => ofCluster("ACLs", judgeNotCopied(view)),
  },
  {
    code: "ACLS_ON_IAM",
    severity: "warning",
    seen: "The source has ACLs and target.auth is iam: MSK decides by IAM policies for such clients and does not look at ACLs.",
    remedy: "Attach the policies that /ferry access writes for each principal",
    find: findOut.acls,
    page: mskPage("iam-access-control"),
    look: (view) => {
      if (authOf(view) !== "iam") return { at: "ACLs: IAM is not wanted", hits: [] };
      const verdict = whenKnown(view.acls, (acls) =>
        acls.length === 0
          ? undefined
          : `${count(acls.length, "ACL")} that MSK does not look at for IAM clients`,
      );
      return ofCluster("ACLs against IAM", verdict);
    },
  },
  {
    code: "SCRAM_USERS",
    severity: "warning",
    seen: "DescribeUserScramCredentials names users. Their salted passwords cannot be read, so they cannot be copied.",
    remedy:
      "Make each anew with a password, as a secret AmazonMSK_NAME under a key of your own; /ferry access keeps the list",
    find: findOut.users,
    page: mskPage("msk-password"),
    look: (view) => ofCluster("SCRAM users", judgeScram(view)),
  },
  {
    code: "SCRAM_USERS_MANY",
    severity: "blocker",
    seen: "Only where target.auth is scram: more users than the 1,000 that an MSK cluster takes.",
    remedy: "Let applications share users, or choose target.auth iam",
    find: findOut.users,
    page: mskPage("msk-password"),
    look: (view) => ofCluster("SCRAM users against MSK's limit", judgeManyUsers(view)),
  },
  {
    code: "SCRAM_SHA256",
    severity: "warning",
    seen: "Users that have credentials for SCRAM-SHA-256 only: MSK takes SCRAM-SHA-512 alone. Clients name the mechanism in sasl.mechanism.",
    remedy: "Set sasl.mechanism=SCRAM-SHA-512 in these clients when they move",
    find: findOut.users,
    page: mskPage("msk-password"),
    look: (view) => ofCluster("mechanisms of SCRAM users", judgeSha256(view)),
  },
  {
    code: "SASL_PLAIN",
    severity: "warning",
    seen: "Clients reach the source by SASL PLAIN, as source.applications or source.security says: MSK does not have it.",
    remedy: "Prepare secrets for SCRAM or roles for IAM, and change the clients' settings when they move",
    page: mskPage("kafka_apis_iam"),
    look: (view) => ofCluster("how clients authenticate", judgePlain(view)),
  },
  {
    code: "QUOTAS_PRESENT",
    severity: "warning",
    seen: "DescribeClientQuotas names limits of users, client ids or addresses. No mirror copies them, and one for the mirror's own user slows the copy.",
    remedy: "Look at /ferry access; /ferry access copy carries them over; see that none holds for the mirror",
    find: "Grant the bot DESCRIBE_CONFIGS on the cluster, or run kafka-configs.sh --describe for users, clients and ips; before Kafka 2.6 with --zookeeper",
    page: kafkaPage("design_quotas"),
    look: (view) => ofCluster("client quotas", judgeQuotas(view)),
  },
  {
    code: "CLIENTS_UNKNOWN",
    severity: "info",
    seen: "Something that the cluster cannot tell of who uses what, each with its reason and how to find out.",
    remedy: "Find out who they are before the wave that holds their topics",
    find: "Read the brokers' request log, or ask the owners of the topics",
    page: kafkaPage("monitoring"),
    look: lookUntold,
  },
  {
    code: "CLIENT_SETTINGS",
    severity: "info",
    seen: "Settings of clients stay in the clients: interceptors, serializers, acks, sizes and resets. Always unknown where something writes or reads.",
    remedy:
      "Ask each owner for interceptor.classes, max.request.size, acks and auto.offset.reset before the client's wave",
    find: "Ask each owner, or read the application's configuration and the lines that its clients log at the start",
    page: kafkaPage("producerconfigs_interceptor.classes"),
    look: (view) => ofCluster("clients' settings: there is no client", judgeClients(view)),
  },
  {
    code: "RIGHTS_MISSING",
    severity: "warning",
    seen: "A part of the inventory could not be read: settings of the brokers (DESCRIBE_CONFIGS on the cluster), transactions (DESCRIBE on transactional ids) or features. What hangs on it is unknown too.",
    remedy:
      "Grant the bot's principal DESCRIBE and DESCRIBE_CONFIGS on the cluster, topics, groups and transactional ids, then assess again",
    find: "Grant the bot's principal DESCRIBE and DESCRIBE_CONFIGS on the cluster and DESCRIBE on transactional ids, then assess again",
    page: kafkaPage("security_authz"),
    look: lookRights,
  },
];
