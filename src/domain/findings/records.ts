import type { AssessedTopic } from "#domain/assessment.ts";
import { limits } from "#domain/msk/data.ts";
import { count, figure, took } from "#domain/wording.ts";
import {
  type Check,
  foundHit,
  kafkaPage,
  type Look,
  mskPage,
  ofTopics,
  type Verdict,
  whenKnown,
} from "./check.ts";
import { findOut } from "./find-out.ts";
import { brokerSetting, dayMs, nothingHeld, numberOf, releaseOf, settingOf, type View } from "./view.ts";

/** What is in the records and how large they are, as far as a sample of the newest tells. */

const hourMs = 3_600_000;
/** Kafka's default of max.request.size and, nearly, of max.message.bytes. */
const producerDefault = 1_048_576;
/** `producer.override.max.request.size` of the bot's own mirrors (mirror-config.ts). */
const mirrorRequestBytes = 32 * 1024 * 1024;

function judgeRecordSize(topic: AssessedTopic): Verdict {
  if (nothingHeld(topic)) return undefined;
  return whenKnown(topic.largestRecordBytes, (largest) =>
    largest > producerDefault
      ? `a record of ${figure(largest)} bytes uncompressed; max.request.size of a producer is ${figure(producerDefault)} by default, and ${figure(mirrorRequestBytes)} of the bot's mirrors`
      : undefined,
  );
}

function judgeTooLarge(topic: AssessedTopic): Verdict {
  if (nothingHeld(topic)) return undefined;
  return whenKnown(topic.largestRecordBytes, (largest) =>
    largest > mirrorRequestBytes
      ? `a record of ${figure(largest)} bytes uncompressed; the mirror's producer sends at most ${figure(mirrorRequestBytes)}`
      : undefined,
  );
}

/** What the topic takes must pass the brokers' replication and requests too. */
function judgeChain(view: View, topic: AssessedTopic): Verdict {
  return whenKnown(numberOf(settingOf(view, topic, "max.message.bytes", "1048588")), (limit) => {
    const fetch = Number(brokerSetting(view, "replica.fetch.max.bytes") ?? 1_048_576);
    const request = Number(brokerSetting(view, "socket.request.max.bytes") ?? 104_857_600);
    if (limit > request)
      return `max.message.bytes ${figure(limit)} is above socket.request.max.bytes ${figure(request)}`;
    // Both defaults differ by the twelve bytes of a batch's length; fetches make progress with one batch anyhow (KIP-74).
    return limit > fetch + 12
      ? `max.message.bytes ${figure(limit)} is above replica.fetch.max.bytes ${figure(fetch)} of the brokers`
      : undefined;
  });
}

function isCreateTime({ timestampType }: AssessedTopic): boolean {
  return !timestampType.known || timestampType.value !== "LogAppendTime";
}

/** Severity by the kind of broker: express refuses these records until the topic says otherwise. */
function lookExpressWindow(view: View): Look {
  if (view.kind === "standard" || view.kind === "serverless") {
    return { at: `records' age against Express: ${view.kind} is wanted`, hits: [] };
  }
  const look = ofTopics(view.wanted, (topic) => {
    if (nothingHeld(topic)) return undefined;
    return whenKnown(topic.oldestTimestamp, (oldest) => {
      const age = view.now - Date.parse(oldest);
      return age > dayMs ? `records from ${oldest} on; Express refuses what is older than a day` : undefined;
    });
  });
  if (view.kind === "express") return look;
  return { at: look.at, hits: look.hits.map((hit) => ({ ...hit, severity: "info" })) };
}

function judgeFuture(view: View, topic: AssessedTopic): Verdict {
  if (nothingHeld(topic) || !isCreateTime(topic)) return undefined;
  const release = releaseOf(view.targetVersion);
  const limit = view.kind === "express" || (release.known && release.value[0] < 4) ? dayMs : hourMs;
  return whenKnown(topic.newestTimestamp, (newest) => {
    const ahead = Date.parse(newest) - view.now;
    // Not by how much: the report of an unchanged cluster stays the same.
    return ahead > limit ? `a record of ${newest}, more than ${took(limit)} ahead of the clock` : undefined;
  });
}

function judgeKeys(topic: AssessedTopic): Verdict {
  if (!topic.compacted || nothingHeld(topic)) return undefined;
  return whenKnown(topic.keys, (keys) =>
    keys === "all"
      ? undefined
      : `${keys} of ${count(topic.sampledRecords, "record")} read ${keys === "none" ? "has" : "have"} a key`,
  );
}

export const recordChecks: readonly Check[] = [
  {
    code: "MESSAGE_SIZE",
    severity: "warning",
    seen: "max.message.bytes of a topic above 8 MiB, the most that MSK Serverless takes. Clients need max.request.size, max.partition.fetch.bytes and buffers to match.",
    remedy: "Keep it on MSK Provisioned; the mirror is set to this size",
    page: mskPage("limits"),
    look: (view) =>
      ofTopics(view.wanted, ({ configs }) => {
        const limit = Number(configs["max.message.bytes"]?.value ?? Number.NaN);
        const most = limits.serverless.messageBytes;
        return limit > most
          ? `max.message.bytes is ${limit}; MSK Serverless allows ${most}, clients need max.request.size`
          : undefined;
      }),
  },
  {
    code: "MESSAGE_SIZE_CHAIN",
    severity: "warning",
    seen: "max.message.bytes of a topic against replica.fetch.max.bytes and socket.request.max.bytes of the brokers: each must pass what the one before lets in.",
    remedy:
      "Raise replica.fetch.max.bytes and socket.request.max.bytes with it; the plan carries them to MSK",
    find: findOut.topicSettings,
    page: kafkaPage("brokerconfigs_replica.fetch.max.bytes"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeChain(view, topic)),
  },
  {
    code: "RECORD_LARGE",
    severity: "warning",
    seen: "The largest of the newest records, uncompressed. Producers check max.request.size before they compress (KafkaProducer.ensureValidRecordSize): a record that fitted compressed on the source fails a mirror with Kafka's default.",
    remedy:
      "Nothing is needed for the bot's own mirror; another one needs max.request.size, and so may producers that move",
    find: findOut.records,
    page: kafkaPage("producerconfigs_max.request.size"),
    look: (view) => ofTopics(view.wanted, judgeRecordSize),
  },
  {
    code: "RECORD_TOO_LARGE",
    severity: "blocker",
    seen: "The largest of the newest records, uncompressed, against what the bot's mirror sends at most: its task would fail and stay so.",
    remedy: "Leave the topic out of replication.topics and move it by other means",
    find: findOut.records,
    page: kafkaPage("producerconfigs_max.request.size"),
    look: (view) => ofTopics(view.wanted, judgeTooLarge),
  },
  {
    code: "LOG_APPEND_TIME",
    severity: "info",
    seen: "message.timestamp.type is LogAppendTime: the source's brokers set the timestamps. Copies keep them, as CreateTime.",
    remedy: "The topic is created with CreateTime on MSK until the producers have moved",
    find: findOut.topicSettings,
    page: kafkaPage("topicconfigs_message.timestamp.type"),
    look: (view) =>
      ofTopics(view.wanted, (topic) =>
        whenKnown(settingOf(view, topic, "message.timestamp.type", "CreateTime"), (type) =>
          type === "LogAppendTime"
            ? "timestamps are set by the source's broker; copies keep them as CreateTime"
            : undefined,
        ),
      ),
  },
  {
    code: "EXPRESS_TIMESTAMP_WINDOW",
    severity: "warning",
    seen: "The first record held is older than a day. Express brokers refuse records more than a day off the clock by default, copies too. A warning where Express is wanted, of information where the kind is left to the plan.",
    remedy:
      "The plan sets message.timestamp.before.max.ms on each topic of Express; do so yourself for topics made by other means",
    find: findOut.ages,
    page: mskPage("msk-configuration-express-read-write"),
    look: lookExpressWindow,
  },
  {
    code: "TIMESTAMPS_FUTURE",
    severity: "warning",
    seen: "The newest record is ahead of the clock by more than the target takes: an hour from Kafka 4.0 on (message.timestamp.after.max.ms), a day on Express; on older ones it is a day here, since no segment expires before its newest record.",
    remedy:
      "Correct the producer's clock; set message.timestamp.after.max.ms on the target's topic for what is written already",
    find: findOut.records,
    page: kafkaPage("topicconfigs_message.timestamp.after.max.ms"),
    look: (view) => ofTopics(view.wanted, (topic) => judgeFuture(view, topic)),
  },
  {
    code: "COMPACTED_WITHOUT_KEYS",
    severity: "blocker",
    seen: "A compacted topic with records that have no key. Brokers refuse such records on a compacted topic: the copy fails at the first.",
    remedy:
      "Create the topic on MSK without compact, or let the records without a key expire, before it is mirrored",
    find: findOut.records,
    page: kafkaPage("compaction"),
    look: (view) => ofTopics(view.wanted, judgeKeys),
  },
  {
    code: "HEADERS_USED",
    severity: "info",
    seen: "Records of the sample have headers. They stay as they are only with ByteArrayConverter for headers; Kafka Connect's default reads and writes them anew, null ones too.",
    remedy: "Nothing is needed for the bot's own mirror, which is set so; verify compares headers",
    find: findOut.records,
    page: kafkaPage("georeplication"),
    look: (view) =>
      ofTopics(view.wanted, (topic) => {
        if (nothingHeld(topic)) return undefined;
        return whenKnown(topic.headers, (use) =>
          use === "none" ? undefined : `${use} of ${count(topic.sampledRecords, "record")} read have headers`,
        );
      }),
  },
  {
    code: "COMPRESSION_CHANGES",
    severity: "info",
    seen: "Batches of the sample are compressed with something other than gzip. A mirror unpacks records and its producer decides anew: with Kafka's default all would land uncompressed. The bot's mirror writes gzip, which every client reads.",
    remedy: "Size MSK's storage with gzip's ratio; records are as before when producers have moved",
    find: findOut.records,
    page: kafkaPage("producerconfigs_compression.type"),
    look: (view) =>
      ofTopics(view.wanted, (topic) => {
        if (nothingHeld(topic)) return undefined;
        return whenKnown(topic.compression, (codecs) => {
          const other = codecs.filter((codec) => codec !== "none" && codec !== "gzip");
          return other.length === 0 ? undefined : `compressed with ${other.join(", ")}`;
        });
      }),
  },
  {
    code: "DISK_UNKNOWN",
    severity: "warning",
    seen: "The brokers do not tell the bytes on disk of a topic. Where a partition is offline, that is the finding.",
    remedy: "Grant the bot DESCRIBE on the cluster, or set target.shape.volumeGiB by hand",
    find: "Grant the bot DESCRIBE on the cluster, or run kafka-log-dirs.sh --describe",
    page: kafkaPage("security_authz"),
    look: lookSizes,
  },
];

function lookSizes(view: View): Look {
  const at = count(view.wanted.length, "topic");
  const missing = view.wanted.filter(({ bytesOnDisk, offline }) => !bytesOnDisk.known && offline === 0);
  const [first] = missing;
  if (first === undefined || first.bytesOnDisk.known) return { at, hits: [] };
  const { why } = first.bytesOnDisk;
  return { at, hits: [{ ...foundHit(count(missing.length, "topic"), why), state: "unknown" }] };
}
