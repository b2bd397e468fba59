import type { AssessedTopic, Assessment, Finding } from "./assessment.ts";
import { count } from "./wording.ts";

/**
 * What stands in the way of a migration, or deserves to be known before it. Each rule names where it comes from. A rule
 * that cannot decide says "unknown", never nothing.
 */

type Subject = Omit<Assessment, "findings">;
type Rule = (subject: Subject) => readonly Finding[];

/** How long the first copy may take: what is retained for less can expire before it is copied. */
const expectedCopyHours = 5;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * All findings, blockers first, then by code and subject: the same for an unchanged cluster. `vanished`: names of topics
 * that were deleted while it was looked at.
 */
export function findings(subject: Subject, vanished: readonly string[] = []): readonly Finding[] {
  const rank = { blocker: 0, warning: 1, info: 2 } as const;
  return [...rules.flatMap((rule) => rule(subject)), ...vanished.map(vanishedTopic)].toSorted(
    (a, b) =>
      rank[a.severity] - rank[b.severity] ||
      a.code.localeCompare(b.code) ||
      a.subject.localeCompare(b.subject),
  );
}

function vanishedTopic(name: string): Finding {
  return {
    code: "TOPIC_VANISHED",
    severity: "info",
    state: "unknown",
    subject: name,
    evidence: "it was deleted while the assessment measured; nothing is known of it, and it is left out",
    remedy: "If it is created anew, assess again before planning.",
  };
}

function userTopics(subject: Subject): readonly AssessedTopic[] {
  return subject.topics.filter(({ internal }) => !internal);
}

/** A group is told by the leader of the partition that holds its offsets. */
function hiddenBy({ name }: AssessedTopic): string {
  return name === "__consumer_offsets" ? "; groups whose offsets are there are missing from this report" : "";
}

const rules: readonly Rule[] = [
  // MSK and MirrorMaker: 4.x clients need brokers of 2.1 or newer (KIP-896).
  function oldVersion({ version }) {
    if (!version.known) {
      return [
        {
          code: "SOURCE_VERSION",
          severity: "warning",
          state: "unknown",
          subject: "cluster",
          evidence: version.why,
          remedy: "Run kafka-broker-api-versions on a broker.",
        },
      ];
    }
    const [major = 0, minor = 0] = version.value.split(".").map(Number);
    if (major > 2 || (major === 2 && minor >= 1)) return [];
    return [
      {
        code: "SOURCE_VERSION",
        severity: "blocker",
        state: "found",
        subject: "cluster",
        evidence: `Kafka ${version.value}; MirrorMaker 2 of Kafka 4 needs 2.1 or newer (KIP-896)`,
        remedy: "Use Connect workers of Kafka 3.9, or upgrade the source.",
      },
    ];
  },

  // IdentityReplicationPolicy.looksLikeHeartbeat: such a name gets the source's alias in front.
  function heartbeatNames(subject) {
    return userTopics(subject)
      .filter(({ name }) => name.endsWith("heartbeats"))
      .map(
        ({ name }): Finding => ({
          code: "TOPIC_RENAMED",
          severity: "blocker",
          state: "found",
          subject: name,
          evidence: 'the name ends in "heartbeats"; MirrorMaker 2 would call it source.' + name,
          remedy: "Rename the topic, or exclude it from replication.topics.",
        }),
      );
  },

  // ReplicationPolicy.isInternalTopic up to 3.9: never replicated.
  function internalNames(subject) {
    return userTopics(subject)
      .filter(({ name }) => /[.-]internal$/.test(name) || name.startsWith("."))
      .map(
        ({ name }): Finding => ({
          code: "TOPIC_NOT_MIRRORED",
          severity: "warning",
          state: "found",
          subject: name,
          evidence: "MirrorMaker 2 up to 3.9 takes this name for one of its own topics and leaves it out",
          remedy: "Use Connect workers of Kafka 4.0 or newer (KIP-1074), rename it, or exclude it.",
        }),
      );
  },

  // What expires before it is copied is lost to the target.
  function shortRetention(subject) {
    return userTopics(subject).flatMap((topic): readonly Finding[] => {
      const retention = Number(topic.configs["retention.ms"]?.value ?? Number.NaN);
      const short = retention > 0 && retention < expectedCopyHours * hourMs && !topic.compacted;
      if (!short) return [];
      return [
        {
          code: "RETENTION_SHORT",
          severity: "warning",
          state: "found",
          subject: topic.name,
          evidence: `retention ${(retention / hourMs).toFixed(1)} h, a first copy is allowed ${expectedCopyHours} h`,
          remedy: `Raise it until the copy is complete: retention.ms=${12 * hourMs}.`,
        },
      ];
    });
  },

  function unhealthyPartitions(subject) {
    return subject.topics.flatMap((topic): readonly Finding[] => {
      if (topic.offline > 0) {
        return [
          {
            code: "PARTITIONS_OFFLINE",
            severity: "blocker",
            state: "found",
            subject: topic.name,
            evidence: `${topic.offline} of ${topic.partitions} partitions have no leader${hiddenBy(topic)}`,
            remedy: "Bring the brokers back; nothing can be copied from an offline partition.",
          },
        ];
      }
      if (topic.underReplicated === 0) return [];
      return [
        {
          code: "UNDER_REPLICATED",
          severity: "warning",
          state: "found",
          subject: topic.name,
          evidence: `${topic.underReplicated} of ${topic.partitions} partitions miss in-sync replicas`,
          remedy: "Let replication recover before the copy adds load.",
        },
      ];
    });
  },

  // The mirror's producer checks max.request.size on the uncompressed record (KafkaProducer.ensureValidRecordSize).
  function largeMessages(subject) {
    return userTopics(subject).flatMap((topic): readonly Finding[] => {
      const limit = Number(topic.configs["max.message.bytes"]?.value ?? Number.NaN);
      if (!(limit > 8_388_608)) return [];
      return [
        {
          code: "MESSAGE_SIZE",
          severity: "warning",
          state: "found",
          subject: topic.name,
          evidence: `max.message.bytes is ${limit}; MSK Serverless allows 8388608, clients need max.request.size`,
          remedy: "Keep it on MSK Provisioned; the mirror is set to this size.",
        },
      ];
    });
  },

  // Records older than the target's timestamp window are refused there (Express: one day by default).
  function logAppendTime(subject) {
    return userTopics(subject).flatMap((topic): readonly Finding[] =>
      topic.configs["message.timestamp.type"]?.value === "LogAppendTime"
        ? [
            {
              code: "LOG_APPEND_TIME",
              severity: "info",
              state: "found",
              subject: topic.name,
              evidence: "timestamps are set by the source's broker; copies keep them as CreateTime",
              remedy: "The topic is created with CreateTime on MSK until the producers have moved.",
            },
          ]
        : [],
    );
  },

  function groupsWithoutOffsets(subject) {
    return subject.groups
      .filter(({ protocolType, topics }) => protocolType === "consumer" && topics.length === 0)
      .map(
        ({ id, members }): Finding => ({
          code: "GROUP_WITHOUT_OFFSETS",
          severity: members.length > 0 ? "warning" : "info",
          state: "found",
          subject: id,
          evidence: `no committed offset, ${count(members.length, "member")}`,
          remedy: "It starts on MSK where its auto.offset.reset says; or let it commit first.",
        }),
      );
  },

  // Where a partition is offline, that is the finding.
  function unknownMeasurements(subject) {
    const missing = userTopics(subject).filter(
      ({ bytesOnDisk, offline }) => !bytesOnDisk.known && offline === 0,
    );
    const [first] = missing;
    if (first === undefined || first.bytesOnDisk.known) return [];
    return [
      {
        code: "DISK_UNKNOWN",
        severity: "warning",
        state: "unknown",
        subject: count(missing.length, "topic"),
        evidence: first.bytesOnDisk.why,
        remedy: "Grant the bot DESCRIBE on the cluster, or set target.shape.volumeGiB by hand.",
      },
    ];
  },

  function aclsUnknown({ acls }) {
    if (acls.known) return [];
    return [
      {
        code: "ACLS_UNKNOWN",
        severity: "info",
        state: "unknown",
        subject: "cluster",
        evidence: acls.why,
        remedy: "Without an authorizer there are none; otherwise grant the bot DESCRIBE on the cluster.",
      },
    ];
  },

  // Retention of hours on the broker is not copied by MirrorMaker's own config sync (static broker settings).
  function brokerRetention(subject) {
    const inherited = userTopics(subject).filter((topic) => {
      const entry = topic.configs["retention.ms"];
      return entry?.origin === "broker-static" && Number(entry.value) !== 7 * dayMs;
    });
    const [first] = inherited;
    if (first === undefined) return [];
    return [
      {
        code: "BROKER_SETTINGS",
        severity: "info",
        state: "found",
        subject: count(inherited.length, "topic"),
        evidence: `retention.ms ${first.configs["retention.ms"]?.value} comes from server.properties`,
        remedy: "The plan writes it to the topics on MSK; MirrorMaker 2 would not copy it.",
      },
    ];
  },
];
