import { known, unknown } from "#domain/topology.ts";
import type { Case } from "./finding-cases.ts";

/** Records: their size, their times, and how long they stay. */

const day = 86_400_000;
/** So many milliseconds before (or after, if negative) the moment of the recorded assessment. */
export type Ago = (ms: number) => string;

export function recordCases(ago: Ago): readonly Case[] {
  return [
    {
      code: "MESSAGE_SIZE",
      severity: "warning",
      evidence: /max\.message\.bytes is 8388609; MSK Serverless allows 8388608/,
      provoked: { configs: { "max.message.bytes": "8388609" } },
      silent: { configs: { "max.message.bytes": "8388608" } },
    },
    {
      code: "MESSAGE_SIZE_CHAIN",
      severity: "warning",
      evidence: /max\.message\.bytes 2,000,000 is above replica\.fetch\.max\.bytes 1,048,576/,
      provoked: { configs: { "max.message.bytes": "2000000" } },
      silent: {
        configs: { "max.message.bytes": "2000000" },
        subject: { brokerConfigs: { "replica.fetch.max.bytes": "2000000" } },
      },
    },
    {
      code: "MESSAGE_SIZE_CHAIN",
      severity: "warning",
      evidence: /above socket\.request\.max\.bytes 104,857,600/,
      provoked: { configs: { "max.message.bytes": "104857601" } },
      silent: { configs: { "max.message.bytes": "1048588" } },
    },
    {
      code: "RECORD_LARGE",
      severity: "warning",
      evidence: /a record of 1,048,577 bytes uncompressed/,
      provoked: { topic: { largestRecordBytes: known(1_048_577) } },
      silent: { topic: { largestRecordBytes: known(1_048_576) } },
    },
    {
      code: "RECORD_LARGE",
      state: "unknown",
      severity: "warning",
      evidence: /not read/,
      provoked: { topic: { largestRecordBytes: unknown("not read") } },
      silent: { topic: { largestRecordBytes: unknown("the topic holds no record"), offsetsHeld: known(0) } },
    },
    {
      code: "RECORD_TOO_LARGE",
      severity: "blocker",
      evidence: /33,554,433 bytes/,
      provoked: { topic: { largestRecordBytes: known(33_554_433) } },
      silent: { topic: { largestRecordBytes: known(33_554_432) } },
    },
    {
      code: "LOG_APPEND_TIME",
      severity: "info",
      evidence: /copies keep them as CreateTime/,
      provoked: { configs: { "message.timestamp.type": "LogAppendTime" } },
      silent: { configs: { "message.timestamp.type": "CreateTime" } },
    },
    {
      code: "EXPRESS_TIMESTAMP_WINDOW",
      severity: "warning",
      evidence: /Express refuses what is older than a day/,
      provoked: { topic: { oldestTimestamp: known(ago(day + 1)) }, shape: { kind: "express" } },
      silent: { topic: { oldestTimestamp: known(ago(day - 1)) }, shape: { kind: "express" } },
    },
    {
      code: "EXPRESS_TIMESTAMP_WINDOW",
      severity: "info",
      evidence: /Express refuses/,
      provoked: { topic: { oldestTimestamp: known(ago(day + 1)) }, shape: { kind: undefined } },
      silent: { topic: { oldestTimestamp: known(ago(day + 1)) } },
    },
    {
      code: "TIMESTAMPS_FUTURE",
      severity: "warning",
      evidence: /ahead of the clock/,
      provoked: { topic: { newestTimestamp: known(ago(-day - 1)) } },
      silent: { topic: { newestTimestamp: known(ago(-day)) } },
    },
    {
      code: "TIMESTAMPS_FUTURE",
      severity: "warning",
      evidence: /ahead of the clock/,
      provoked: {
        topic: { newestTimestamp: known(ago(-3_600_001)) },
        shape: { kafkaVersion: "4.1.x.kraft" },
      },
      silent: { topic: { newestTimestamp: known(ago(-3_600_001)) } },
    },
    {
      code: "TIMESTAMPS_MISSING",
      severity: "warning",
      evidence: /1969-12-31T23:59:59\.999Z/,
      provoked: { topic: { oldestTimestamp: known("1969-12-31T23:59:59.999Z") } },
      silent: { topic: { oldestTimestamp: known("1971-01-02T00:00:00.000Z") } },
    },
    {
      code: "COMPACTED_WITHOUT_KEYS",
      severity: "blocker",
      evidence: /none of \d+ records read has a key/,
      provoked: { topic: { compacted: true, keys: known("none") } },
      silent: { topic: { compacted: false, keys: known("none") } },
    },
    {
      code: "COMPACTED_WITHOUT_KEYS",
      state: "unknown",
      severity: "warning",
      evidence: /not read/,
      provoked: { topic: { compacted: true, keys: unknown("not read") } },
      silent: { topic: { compacted: true, keys: known("all") } },
    },
    {
      code: "HEADERS_USED",
      severity: "info",
      evidence: /some of \d+ records read have headers/,
      provoked: { topic: { headers: known("some") } },
      silent: { topic: { headers: known("none") } },
    },
    {
      code: "COMPRESSION_CHANGES",
      severity: "info",
      evidence: /compressed with zstd/,
      provoked: { topic: { compression: known(["gzip", "zstd"]) } },
      silent: { topic: { compression: known(["gzip", "none"]) } },
    },
    {
      code: "DISK_UNKNOWN",
      subject: "1 topic",
      state: "unknown",
      severity: "warning",
      evidence: /broker 1 refused DescribeLogDirs/,
      provoked: { topic: { bytesOnDisk: unknown("broker 1 refused DescribeLogDirs") } },
      silent: { topic: { bytesOnDisk: unknown("1 of 3 partitions have no leader"), offline: 1 } },
    },
  ];
}

export function retentionCases(ago: Ago): readonly Case[] {
  return [
    {
      code: "PAST_RETENTION",
      severity: "info",
      evidence: /with a retention of 3 d/,
      provoked: {
        configs: { "retention.ms": `${3 * day}` },
        topic: { oldestTimestamp: known(ago(4 * day)) },
      },
      silent: { configs: { "retention.ms": "-1" }, topic: { oldestTimestamp: known(ago(4 * day)) } },
    },
    {
      code: "RETENTION_SHORT",
      severity: "warning",
      evidence: /retention 1\.0 h, a first copy is allowed 5 h/,
      provoked: { configs: { "retention.ms": "3600000" } },
      silent: { configs: { "retention.ms": "18000000" } },
    },
    {
      code: "RETENTION_SHORT",
      severity: "warning",
      evidence: /retention 0\.0 h/,
      provoked: { configs: { "retention.ms": "1" } },
      silent: { configs: { "retention.ms": "-1" } },
    },
    {
      code: "RETENTION_SHORT",
      severity: "warning",
      evidence: /retention 24\.0 h, the first copy is expected to take 27\.8 h at 20 MB\/s/,
      provoked: { configs: { "retention.ms": `${day}` }, topic: { bytesOnDisk: known(2e12) } },
      silent: { configs: { "retention.ms": `${2 * day}` }, topic: { bytesOnDisk: known(2e12) } },
    },
    {
      code: "RETENTION_SHORT",
      state: "unknown",
      severity: "warning",
      evidence: /how long a first copy takes is not known/,
      provoked: { configs: { "retention.ms": `${day}` }, topic: { bytesOnDisk: unknown("refused") } },
      silent: { configs: { "retention.ms": "-1" }, topic: { bytesOnDisk: unknown("refused") } },
    },
    {
      code: "RETENTION_BYTES_SHORT",
      severity: "warning",
      evidence: /retention\.bytes 1,000,000 is reached in 50 s at 20,000 bytes\/s/,
      provoked: {
        configs: { "retention.bytes": "1000000" },
        topic: { partitions: 1, bytesPerSecond: known(20_000) },
      },
      silent: { configs: { "retention.bytes": "1000000" }, topic: { bytesPerSecond: known(0) } },
    },
    {
      code: "TOMBSTONES_SHORT",
      severity: "warning",
      evidence: /delete\.retention\.ms is 60 s/,
      provoked: { configs: { "delete.retention.ms": "60000" }, topic: { compacted: true } },
      silent: { configs: { "delete.retention.ms": "60000" }, topic: { compacted: false } },
    },
  ];
}

export function transactionCases(ago: Ago): readonly Case[] {
  const open = { partition: 0, producerId: 7, transactionalId: "pay-1", firstOffset: 3, since: ago(60_000) };
  const listed = (timeoutMs: number) =>
    known([
      { transactionalId: "pay-1", producerId: 7, state: "Ongoing", since: ago(day), timeoutMs, topics: [] },
    ]);
  return [
    {
      code: "TRANSACTIONAL_WRITERS",
      severity: "warning",
      evidence: /transactional writers/,
      provoked: { topic: { writers: writers({ transactional: known(true) }) } },
      silent: { topic: { writers: writers({ idempotent: known(true) }) } },
    },
    {
      code: "TRANSACTIONAL_WRITERS",
      state: "unknown",
      severity: "warning",
      evidence: /DescribeProducers came with 2\.8/,
      provoked: {
        topic: { writers: writers({ transactional: unknown("DescribeProducers came with 2.8") }) },
      },
      silent: {
        topic: { writers: writers({ transactional: unknown("no batch") }), offsetsHeld: known(0) },
      },
    },
    {
      code: "OPEN_TRANSACTIONS",
      severity: "warning",
      evidence: /1 open transaction: .*-0: pay-1, since/,
      provoked: { topic: { openTransactions: known([open]) } },
      silent: { topic: { openTransactions: known([]) } },
    },
    {
      code: "HANGING_TRANSACTION",
      severity: "blocker",
      evidence: /producer 7, no transactional id known/,
      provoked: { topic: { openTransactions: known([{ ...open, transactionalId: null, since: ago(day) }]) } },
      silent: { topic: { openTransactions: known([open]) } },
    },
    {
      code: "HANGING_TRANSACTION",
      severity: "blocker",
      evidence: /pay-1/,
      provoked: {
        topic: { openTransactions: known([{ ...open, since: ago(3_600_000) }]) },
        subject: { transactions: listed(60_000) },
      },
      silent: {
        topic: { openTransactions: known([{ ...open, since: ago(3_600_000) }]) },
        subject: { transactions: listed(7_200_000) },
      },
    },
    {
      code: "TRANSACTION_TIMEOUT",
      subject: "cluster",
      severity: "warning",
      evidence: /pay-1: 15 min 1 s/,
      provoked: { subject: { transactions: listed(901_000) } },
      silent: { subject: { transactions: listed(900_000) } },
    },
    {
      code: "IDEMPOTENT_WRITERS",
      severity: "info",
      evidence: /idempotent writers on Kafka 2\.7/,
      provoked: {
        subject: { version: known("2.7") },
        topic: { writers: writers({ idempotent: known(true) }) },
      },
      silent: { topic: { writers: writers({ idempotent: known(true) }) } },
    },
  ];
}

type Writers = NonNullable<NonNullable<Case["provoked"]["topic"]>["writers"]>;

function writers(change: Partial<Writers>): Writers {
  return { idempotent: known(false), transactional: known(false), plain: known(true), ...change };
}
