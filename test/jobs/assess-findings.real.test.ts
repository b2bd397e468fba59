import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Assessment, assessmentKey, type Finding } from "#domain/assessment.ts";
import type { World } from "#domain/ports.ts";
import type { OffsetTable } from "#domain/topology.ts";
import { assess } from "#jobs/assess.ts";
import type { Work } from "#jobs/work.ts";
import { openRealCluster, type RealCluster } from "#support/kafkajs-under-test.ts";
import { realClock } from "#support/real-clock.ts";
import { plainAccess, realEngine } from "#support/real-engine.ts";
import { createSmallWork } from "#support/small-work.ts";
import { unique } from "#support/unique.ts";

/**
 * Findings that a real broker can be brought to: topics and groups made for them, and one assessment of all. The rest is
 * provoked by changes of a recorded inventory (test/domain/findings.test.ts).
 */

const name = unique("assess").toLowerCase();
const day = 86_400_000;
const topicOf = (ending: string) => `${name}${ending}`;
const mirrorTopic = `mm2-offset-syncs.${name}.internal`;
const unwanted = `left-${name}`;

/** Settings by the ending of the topic's name. */
const made: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "-plain": {},
  ".heartbeats": {},
  "-internal": {},
  ".replica": {},
  ".x": {},
  "-x": {},
  "-short": { "retention.ms": "3600000" },
  "-strict": { "min.insync.replicas": "2" },
  "-append": { "message.timestamp.type": "LogAppendTime" },
  "-endless": {
    "retention.ms": "-1",
    "unclean.leader.election.enable": "true",
    "segment.bytes": "100000",
    "message.timestamp.after.max.ms": "600000",
  },
  "-large": { "max.message.bytes": "9000000" },
  "-headers": {},
  "-aged": {},
  "-future": {},
  "-keyless": { "delete.retention.ms": "60000" },
  "-paid": {},
  "-trimmed": {},
  "-there": {},
  "-store-changelog": {},
  ".connect-offsets": { "cleanup.policy": "compact" },
};

let source: RealCluster;
let target: RealCluster;
let findings: readonly Finding[];
const undo: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  const clusters = inject("clusters");
  source = await openRealCluster("source", plainAccess(clusters.source.bootstrap));
  target = await openRealCluster("target", plainAccess(clusters.target.bootstrap));
  await source.cluster.createTopics(
    [
      ...Object.entries(made).map(([ending, configs]) => ({ name: topicOf(ending), configs })),
      { name: mirrorTopic, configs: {} },
      { name: unwanted, configs: {} },
    ].map((spec) => ({ ...spec, partitions: spec.name.endsWith("-trimmed") ? 2 : 1, replicationFactor: 1 })),
  );
  await target.cluster.createTopics([
    { name: topicOf("-there"), partitions: 2, replicationFactor: 1, configs: {} },
  ]);
  await write();
  await standGroups();
  await allow();
  findings = await assessed();
}, 60_000);

afterAll(async () => {
  for (const step of undo.toReversed()) await step();
  for (const side of [source, target]) {
    const own = (await side.cluster.listTopics()).filter((topic) => topic.name.includes(name));
    await side.cluster.deleteTopics(own.map((topic) => topic.name));
    await side.close();
  }
});

async function write(): Promise<void> {
  const value = "value";
  await source.append(topicOf("-plain"), 0, drafts(10));
  await source.append(topicOf("-trimmed"), 0, drafts(10));
  await source.append(topicOf("-trimmed"), 1, drafts(3));
  await source.deleteBefore(topicOf("-trimmed"), 0, 5);
  await source.append(topicOf("-keyless"), 0, [{ value }]);
  await source.append(topicOf("-aged"), 0, [{ key: "k", value, timestamp: Date.now() - 2 * day }]);
  await source.append(topicOf("-future"), 0, [{ key: "k", value, timestamp: Date.now() + 2 * day }]);
  const { GZIP, Snappy } = kafkajs.CompressionTypes;
  await source.send(topicOf("-large"), [{ key: "k", value: Buffer.alloc(2_000_000) }], GZIP);
  await source.send(topicOf("-headers"), [{ key: "k", value, headers: { trace: "1" } }], Snappy);
  const finish = await source.transaction(topicOf("-paid"), 0, drafts(2));
  undo.push(async () => finish("abort"));
  await target.append(topicOf("-there"), 0, drafts(7));
  await source.cluster.alterTopicConfigs([
    { topic: topicOf("-keyless"), name: "cleanup.policy", value: "compact" },
  ]);
}

function on(topic: string, offsets: ReadonlyArray<number | undefined>): OffsetTable {
  return new Map([[topic, offsets]]);
}

async function standGroups(): Promise<void> {
  await source.cluster.commit(
    new Map([
      [`${name}-reader`, on(topicOf("-plain"), [10])],
      [`${name}-expired`, on(topicOf("-trimmed"), [2, 3])],
      [`${name}-beyond`, on(topicOf("-trimmed"), [500, 3])],
      [`${name}-partial`, on(topicOf("-trimmed"), [10, undefined])],
      [`${name}-alone`, on(topicOf("-plain"), [0])],
      [`${name}-astray`, on(unwanted, [0])],
      [`${name}:colon`, on(topicOf("-plain"), [10])],
    ]),
  );
}

/** An ACL of a topic that nobody has, and a quota of a client that nobody is. */
async function allow(): Promise<void> {
  const acl = {
    resourceType: "TOPIC",
    resourceName: `${name}-nobody`,
    patternType: "LITERAL",
    principal: "User:nobody",
    host: "*",
    operation: "WRITE",
    permission: "ALLOW",
  };
  await source.cluster.addAcls([acl]);
  undo.push(async () => source.cluster.removeAcls([acl]));
  await source.cluster.limitProduce(`${name}-app`, 1_000_000);
  undo.push(async () => source.cluster.limitProduce(`${name}-app`, undefined));
}

/** While it measures, a group without members goes on committing, as one that uses assign() does. */
async function assessed(): Promise<readonly Finding[]> {
  const work = realWork();
  const job = { name: "assess", migration: name, by: "UANA" } as const;
  let offset = 1;
  for (;;) {
    const outcome = await assess(job, work);
    if (outcome.kind === "done") break;
    await source.cluster.commit(new Map([[`${name}-alone`, new Map([[topicOf("-plain"), [offset]]])]]));
    offset += 1;
    await realClock.sleep(outcome.ms);
  }
  const found = Assessment.parse((await work.store.read(assessmentKey(name)))?.value);
  return found.findings;
}

function realWork(): Work {
  const small = createSmallWork();
  const { settings } = small.migration;
  const engine = realEngine(inject("clusters"));
  const world: World = Object.create(small.world, {
    source: { value: source.cluster },
    target: { value: async () => target.cluster },
    engine: { value: async () => engine },
  });
  const replication = { ...settings.replication, topics: [`${name}.*`, mirrorTopic] };
  const migration = { name, settings: { ...settings, replication, assess: { window: 1000 } } };
  return { ...small, clock: realClock, world, migration };
}

function drafts(count: number): ReadonlyArray<{ key: string; value: string }> {
  return Array.from({ length: count }, (_, index) => ({ key: `${index}`, value: `value ${index}` }));
}

/** Codes that were found of a subject. */
function codesOf(subject: string): readonly string[] {
  return findings
    .filter((finding) => finding.state === "found" && finding.subject === subject)
    .map(({ code }) => code)
    .toSorted();
}

describe("what a real source is found to have", () => {
  it.each([
    [".heartbeats", ["TOPIC_RENAMED"]],
    ["-internal", ["TOPIC_NOT_MIRRORED"]],
    [".replica", ["TOPIC_EXCLUDED"]],
    [".x", ["TOPIC_PATTERN"]],
    ["-short", ["RETENTION_SHORT"]],
    ["-strict", ["EXPRESS_SETTING_REFUSED", "MIN_ISR_HIGH"]],
    ["-append", ["LOG_APPEND_TIME"]],
    [
      "-endless",
      [
        "EXPRESS_SETTING_REFUSED",
        "RETENTION_UNLIMITED",
        "SEGMENT_SMALL",
        "TIMESTAMP_LIMITS",
        "UNCLEAN_ELECTION",
      ],
    ],
    ["-large", ["MESSAGE_SIZE", "MESSAGE_SIZE_CHAIN", "RECORD_LARGE"]],
    ["-headers", ["COMPRESSION_CHANGES", "HEADERS_USED"]],
    ["-aged", ["EXPRESS_TIMESTAMP_WINDOW"]],
    ["-future", ["TIMESTAMPS_FUTURE"]],
    ["-keyless", ["COMPACTED_WITHOUT_KEYS", "TOMBSTONES_SHORT"]],
    ["-paid", ["OPEN_TRANSACTIONS", "TRANSACTIONAL_WRITERS"]],
    ["-there", ["TARGET_PARTITIONS_DIFFER", "TARGET_TOPIC_EXISTS"]],
    ["-store-changelog", ["STREAMS_INTERNALS"]],
    [".connect-offsets", ["CONNECT_INTERNALS"]],
    ["-plain", []],
  ])("of the topic …%s: %j", (ending, codes) => {
    expect(codesOf(topicOf(ending))).toEqual(codes);
  });

  it("a topic of another MirrorMaker", () => {
    expect(codesOf(mirrorTopic)).toEqual(["MIRRORMAKER_PRESENT"]);
  });

  it.each([
    ["-expired", ["GROUP_OFFSET_EXPIRED"]],
    ["-beyond", ["GROUP_OFFSET_BEYOND_END"]],
    ["-partial", ["GROUP_PARTITION_UNCOMMITTED"]],
    ["-astray", ["GROUP_READS_UNMIRRORED"]],
    ["-alone", ["GROUP_USES_ASSIGN"]],
    [":colon", ["GROUP_NAME"]],
    ["-reader", []],
  ])("of the group …%s: %j", (ending, codes) => {
    expect(codesOf(`${name}${ending}`)).toEqual(codes);
  });

  it("of the cluster: what ACLs, quotas, brokers and settings say", () => {
    const codes = codesOf("cluster");
    for (const code of ["ACLS_NOT_COPIED", "ACLS_ON_IAM", "QUOTAS_PRESENT", "SINGLE_BROKER"]) {
      expect(codes).toContain(code);
    }
    expect(codes).not.toContain("SOURCE_VERSION");
    expect(codes).not.toContain("CONTROLLER_MISSING");
    const untold = findings.filter(({ state }) => state === "unknown").map(({ code }) => code);
    expect(untold).not.toContain("DISK_FULL");
  });

  it("nothing of a topic that is not to be copied", () => {
    expect(codesOf(unwanted)).toEqual([]);
  });
});
