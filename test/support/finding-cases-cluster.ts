import { known, unknown } from "#domain/topology.ts";
import { type Case, cluster } from "./finding-cases.ts";

/** Access, and the brokers themselves. */

const acl = {
  resourceType: "TOPIC",
  resourceName: "orders",
  patternType: "LITERAL",
  principal: "User:app",
  host: "*",
  operation: "READ",
  permission: "ALLOW",
};

const user = (name: string, ...mechanisms: string[]) => ({ name, mechanisms });
const plainLogin = {
  security: { protocol: "SASL_SSL", mechanism: "PLAIN", username: "u", passwordEnv: "P" },
};

export const accessCases: readonly Case[] = [
  {
    code: "ACLS_UNKNOWN",
    subject: cluster,
    state: "unknown",
    severity: "info",
    evidence: /SECURITY_DISABLED/,
    provoked: { subject: { acls: unknown("SECURITY_DISABLED") } },
    silent: { subject: { acls: known([]) } },
  },
  {
    code: "ACLS_NOT_COPIED",
    subject: cluster,
    severity: "warning",
    evidence: /of 3 ACLs: 1 prefixed, 1 of groups, 1 WRITE on topics/,
    provoked: {
      subject: {
        acls: known([
          { ...acl, operation: "WRITE" },
          { ...acl, patternType: "PREFIXED" },
          { ...acl, resourceType: "GROUP" },
        ]),
      },
    },
    silent: { subject: { acls: known([acl]) } },
  },
  {
    code: "ACLS_ON_IAM",
    subject: cluster,
    severity: "warning",
    evidence: /1 ACL that MSK does not look at/,
    provoked: { subject: { acls: known([acl]) }, auth: "iam" },
    silent: { subject: { acls: known([acl]) }, auth: "scram" },
  },
  {
    code: "SCRAM_USERS",
    subject: cluster,
    severity: "warning",
    evidence: /2 SCRAM users: ann, ben/,
    provoked: {
      subject: { scramUsers: known([user("ben", "SCRAM-SHA-512"), user("ann", "SCRAM-SHA-512")]) },
    },
    silent: { subject: { scramUsers: known([]) } },
  },
  {
    code: "SCRAM_USERS",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /refused/,
    provoked: { subject: { scramUsers: unknown("refused") } },
    silent: { subject: { scramUsers: known([]) } },
  },
  {
    code: "SCRAM_USERS_MANY",
    subject: cluster,
    severity: "blocker",
    evidence: /1001 SCRAM users/,
    provoked: { subject: { scramUsers: users(1001) }, auth: "scram" },
    silent: { subject: { scramUsers: users(1000) }, auth: "scram" },
  },
  {
    code: "SCRAM_SHA256",
    subject: cluster,
    severity: "warning",
    evidence: /without SCRAM-SHA-512: old/,
    provoked: { subject: { scramUsers: known([user("old", "SCRAM-SHA-256")]) }, auth: "scram" },
    silent: {
      subject: { scramUsers: known([user("both", "SCRAM-SHA-256", "SCRAM-SHA-512")]) },
      auth: "scram",
    },
  },
  {
    code: "SASL_PLAIN",
    subject: cluster,
    severity: "warning",
    evidence: /SASL_SSL with PLAIN/,
    provoked: { source: plainLogin },
    silent: { source: { security: { ...plainLogin.security, mechanism: "SCRAM-SHA-512" } } },
  },
  {
    code: "QUOTAS_PRESENT",
    subject: cluster,
    severity: "warning",
    evidence: /1 client quota; client-id app: producer_byte_rate=1000/,
    provoked: {
      subject: {
        quotas: known([
          { entity: [{ type: "client-id", name: "app" }], limits: { producer_byte_rate: 1000 } },
        ]),
      },
    },
    silent: { subject: { quotas: known([]) } },
  },
  {
    code: "CLIENTS_UNKNOWN",
    subject: "producers of orders",
    state: "unknown",
    severity: "info",
    evidence: /no API tells/,
    provoked: told([{ what: "producers of orders", why: "no API tells", how: "Read the request log" }]),
    silent: told([]),
  },
  {
    code: "CLIENT_SETTINGS",
    subject: cluster,
    state: "unknown",
    severity: "info",
    evidence: /interceptors/,
    provoked: {},
    silent: { topic: { offsetsHeld: known(0) }, subject: { groups: [], ...told([]).subject } },
  },
  {
    code: "RIGHTS_MISSING",
    subject: "transactions",
    state: "unknown",
    severity: "warning",
    evidence: /TRANSACTIONAL_ID_AUTHORIZATION_FAILED/,
    provoked: { subject: { transactions: unknown("TRANSACTIONAL_ID_AUTHORIZATION_FAILED") } },
    silent: { subject: { transactions: known([]) } },
  },
];

function users(count: number) {
  return known(Array.from({ length: count }, (_, index) => user(`u${index}`, "SCRAM-SHA-512")));
}

function told(parts: { what: string; why: string; how: string }[]) {
  return { subject: { clients: { consumers: [], producers: [], allowed: [], unknown: parts } } };
}

const setting = { name: "num.io.threads", origin: "broker-static", value: "8", default: known("8") };
const disks = (usable: number) => ({ context: { disks: known([{ broker: 1, total: 1e12, usable }]) } });

export const brokerCases: readonly Case[] = [
  {
    code: "PARTITIONS_OFFLINE",
    severity: "blocker",
    evidence: /1 of \d+ partitions have no leader$/,
    provoked: { topic: { offline: 1, underReplicated: 1 } },
    silent: { topic: { underReplicated: 1 } },
  },
  {
    code: "PARTITIONS_OFFLINE",
    subject: "__consumer_offsets",
    severity: "blocker",
    evidence: /groups whose offsets are there are missing/,
    provoked: { topic: { name: "__consumer_offsets", internal: true, offline: 2 } },
    silent: { topic: { name: "__consumer_offsets", internal: true } },
  },
  {
    code: "UNDER_REPLICATED",
    severity: "warning",
    evidence: /2 of \d+ partitions miss in-sync replicas/,
    provoked: { topic: { underReplicated: 2 } },
    silent: { topic: { underReplicated: 2, offline: 1 } },
  },
  {
    code: "REASSIGNMENT",
    severity: "warning",
    evidence: /leader\.replication\.throttled\.replicas=0:1/,
    provoked: { configs: { "leader.replication.throttled.replicas": "0:1" } },
    silent: { configs: { "leader.replication.throttled.replicas": "" } },
  },
  {
    code: "DISK_FULL",
    subject: cluster,
    severity: "blocker",
    evidence: /broker 1: 86 % of 1000 GB/,
    provoked: disks(1.4e11),
    silent: disks(1.6e11),
  },
  {
    code: "DISK_FULL",
    subject: cluster,
    state: "unknown",
    severity: "warning",
    evidence: /came with Kafka 3\.3/,
    provoked: { context: { disks: unknown("it came with Kafka 3.3") } },
    silent: disks(9e11),
  },
  {
    code: "CONTROLLER_MISSING",
    subject: cluster,
    severity: "blocker",
    evidence: /name no controller/,
    provoked: { context: { controller: null } },
    silent: { context: { controller: 0 } },
  },
  {
    code: "BROKERS_DIFFER",
    subject: cluster,
    severity: "warning",
    evidence: /num\.io\.threads=8, on broker 2 16/,
    provoked: { subject: { brokerSettings: known([{ ...setting, others: [{ broker: 2, value: "16" }] }]) } },
    silent: {
      subject: {
        brokerSettings: known([{ ...setting, name: "broker.rack", others: [{ broker: 2, value: "b" }] }]),
      },
    },
  },
  {
    code: "SINGLE_BROKER",
    subject: cluster,
    severity: "warning",
    evidence: /one broker/,
    provoked: { subject: { brokers: racks("a") } },
    silent: { subject: { brokers: racks("a", "b") } },
  },
  {
    code: "RACKS_UNKNOWN",
    subject: cluster,
    severity: "info",
    evidence: /none of 2 brokers has a rack/,
    provoked: { subject: { brokers: racks(null, null) } },
    silent: { subject: { brokers: racks(null, "b") } },
  },
  {
    code: "BROKER_PLUGINS",
    subject: cluster,
    severity: "warning",
    evidence: /authorizer\.class\.name=com\.example\.Rules/,
    provoked: { subject: { brokerConfigs: { "authorizer.class.name": "com.example.Rules" } } },
    silent: {
      subject: {
        brokerConfigs: { "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer" },
      },
    },
  },
  {
    code: "TOPIC_VANISHED",
    subject: "short-lived",
    state: "unknown",
    severity: "info",
    evidence: /was deleted/,
    provoked: { context: { vanished: ["short-lived"] } },
    silent: { context: { vanished: [] } },
  },
];

function racks(...names: (string | null)[]) {
  return names.map((rack, id) => ({ id, host: `kafka-${id}`, rack }));
}
