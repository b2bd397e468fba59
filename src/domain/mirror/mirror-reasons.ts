/**
 * Why each setting of a mirror is what it is, for people: the comments of `mm2.properties` and docs/connect.md. "The guide"
 * is the published one, "How to Migrate from Self-Hosted Kafka to Amazon MSK".
 */

const reasons: Readonly<Record<string, string>> = {
  name: "The migration, the wave and the direction: each wave has its own, so that one moves without the others.",
  "connector.class": "One copies records, the other one translates offsets for comparison.",
  "tasks.max":
    "The guide takes 10 whatever there is to copy; Connect's default is 1. One for ten partitions, at most 32, or replication.tasks.",
  "source.cluster.alias":
    "Part of the key of every copied offset: with another name the copy would start from zero. Ours alone, to tell its topics from a team's own MirrorMaker.",
  "target.cluster.alias": "In the names of MirrorMaker's own topics, which cleanup removes.",
  "replication.policy.class":
    "As in the guide: topics keep their names. It cannot see a cycle, which is why topics are listed below and never a pattern.",
  topics:
    "The guide mirrors .*, a second mirror in the other direction would then copy for ever. Regular expressions that match these names only.",
  "topics.exclude": "The default leaves out *-internal and *.replica although they are listed.",
  "key.converter": "Bytes as they are: anything else would encode keys anew.",
  "value.converter": "Bytes as they are: anything else would encode values anew.",
  "header.converter":
    "Bytes as they are: the default reads numbers and texts out of headers and writes them anew.",
  "consumer.poll.timeout.ms": "How long an idle partition holds up a stop; the default is 1 s.",
  groups: "The guide takes .*; these are the wave's.",
  "groups.exclude": "The default leaves out console-consumer-* and connect-* although they are listed.",
  "sync.group.offsets.enabled":
    "The guide's emit.consumer.offsets.* do not exist and are dropped without a word; this is the real one. It rewinds groups by thousands of records and overwrites deliberate commits (KAFKA-19794): MSK Ferry commits exact offsets itself.",
  "emit.checkpoints.interval.seconds":
    "As in the guide. Only for comparison: what MirrorMaker's own sync would commit.",
  "refresh.groups.interval.seconds": "The groups are listed by name: there is nothing to discover.",
  "checkpoints.topic.replication.factor":
    "-1 is the cluster's own; the default of 3 fails with fewer brokers.",
  "sync.topic.configs.enabled":
    "The guide turns it on: each ten minutes it would delete what was set on MSK and is a default on the source. MSK Ferry carries settings over, once, by their effective value.",
  "sync.topic.acls.enabled":
    "As in the guide. It would copy DENY of a fence, and not ALLOW WRITE; MSK Ferry carries ACLs over.",
  "refresh.topics.enabled":
    "New partitions are noticed; on the way back nothing may change behind the seeded offsets.",
  "refresh.topics.interval.seconds":
    "A change starts all tasks of the mirror again: not more often than the default.",
  "replication.factor":
    "The guide's 3 fits three brokers; -1 is the cluster's own. Topics exist before the mirror does.",
  "offset-syncs.topic.location":
    "On the source as by default; on the target where the source may not be written to. The way back keeps them where it reads.",
  "offset-syncs.topic.replication.factor":
    "-1 is the cluster's own; the default of 3 fails with fewer brokers.",
  "source.consumer.isolation.level":
    "The default copies the records of aborted transactions as if they counted; exactly-once requires it.",
  "source.consumer.max.poll.records": "The default of 500 makes small batches.",
  "transaction.boundary":
    "A transaction each second, not one for every poll: each writes a marker to every partition that it touched.",
  "transaction.boundary.interval.ms":
    "So much later at the most do readers of committed records see a record, and the lag its copy.",
  "producer.override.enable.idempotence": "A retry never writes twice; off by default in Connect.",
  "producer.override.max.in.flight.requests.per.connection":
    "Connect's default is 1. With idempotence five keep their order, and a slow line is used better.",
  "producer.override.acks":
    "A record counts as copied when all in-sync replicas have it; idempotence requires it.",
  "producer.override.compression.type":
    "Missing in the guide: MirrorMaker unpacks what it reads and would write everything uncompressed. gzip is what every client can read.",
  "producer.override.compression.gzip.level":
    "A third of the work of the default level (KIP-390, Kafka 3.8).",
  "producer.override.max.request.size":
    "Missing in the guide: checked before compression, so a record that fitted on the source would fail the task.",
  "producer.override.buffer.memory": "Two of the largest requests; what a task holds in memory at the most.",
  "producer.override.linger.ms": "Waits a little for a fuller batch, which compresses better.",
  "producer.override.batch.size": "The default of 16 KiB hardly compresses.",
  "producer.override.client.id":
    "What `/ferry replicate throttle` holds to: a client quota of this id on MSK limits all forward mirrors together.",
  "exactly.once.support":
    "The workers refuse the mirror rather than run it with less: a record and its copied offset are one transaction (KIP-618).",
  "producer.override.transaction.timeout.ms":
    "What is buffered takes long over a slow line or under a quota; after the default minute the task would fail.",
  "offsets.storage.topic":
    "Records and copied offsets are one transaction, so they are on one cluster: needed where the workers live on the other.",
  "heartbeats.replication.enabled":
    "Another MirrorMaker's heartbeats come along with every mirror otherwise (KAFKA-17534); since 4.0.",
  "emit.heartbeats.enabled":
    "The guide turns it on: nobody reads them, and the topic they make is copied back.",
};

/** Settings of a client, by what their names begin with. */
const clients: ReadonlyArray<readonly [prefix: string, why: string]> = [
  [
    "source.cluster.",
    "How the mirror reaches the cluster that it reads; certificates stand in the setting itself (KIP-651).",
  ],
  ["target.cluster.", "How it reaches the cluster that it writes to."],
  [
    "producer.override.",
    "The producer is the workers' and writes to the cluster that they live on, unless it is told otherwise: here it is.",
  ],
  [
    "consumer.override.",
    "Reads the mirror's own topic of copied offsets, where that is not the workers' cluster.",
  ],
  [
    "admin.override.",
    "Makes the mirror's own topic of copied offsets, where that is not the workers' cluster.",
  ],
];

const ofClients = /\.(?:bootstrap\.servers|security\.protocol|sasl\.[\w.]+|ssl\.truststore\.[\w.]+)$/;

/** `undefined` for what no mirror has. */
export function reasonFor(key: string): string | undefined {
  const own = reasons[key];
  if (own !== undefined || !ofClients.test(key)) return own;
  return clients.find(([prefix]) => key.startsWith(prefix))?.[1];
}
