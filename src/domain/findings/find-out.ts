/**
 * How people find out what a check could not tell, by what is missing: without a full stop, since the check's page
 * follows. What one check alone needs stands with it.
 */
export const findOut = {
  release: "Run kafka-topics.sh --version on a broker's machine, or look at the version of its packages",
  acls: "Grant the bot DESCRIBE on the cluster, or run kafka-acls.sh --list; brokers without authorizer.class.name have no ACLs",
  users:
    "Grant the bot DESCRIBE on the cluster, or run kafka-configs.sh --describe --entity-type users; before Kafka 2.7 with --zookeeper",
  records:
    "Grant the bot READ on the topic and assess again, or read its newest segment with kafka-dump-log.sh",
  ages: "Assess again when every partition answers, or read the first segment of each partition with kafka-dump-log.sh",
  topicSettings:
    "Grant the bot DESCRIBE_CONFIGS on the topic, or run kafka-configs.sh --describe --all --entity-type topics",
  brokerSettings:
    "Grant the bot DESCRIBE_CONFIGS on the cluster, or compare server.properties of the brokers",
  sizes:
    "Grant the bot DESCRIBE on the cluster and DESCRIBE_CONFIGS on topics, or run kafka-log-dirs.sh and kafka-configs.sh",
  rates:
    "Read BytesInPerSec of kafka.server:type=BrokerTopicMetrics by topic on the brokers, or assess again while records are written",
  positions:
    "Assess again when all groups and partitions answer, or run kafka-consumer-groups.sh --describe --all-groups",
  groupTypes: "Run kafka-groups.sh --list of Kafka 4.0 or newer, or ask the group's owner for group.protocol",
  target: "Let the bot reach the target and assess again, or run kafka-topics.sh --describe there",
  producers:
    "Grant the bot READ on the topic where brokers are of 2.8 or newer; else read the newest segments with kafka-dump-log.sh, or ask the owners",
  transactions:
    "Grant the bot READ on the topic and DESCRIBE on transactional ids, or run kafka-transactions.sh list and find-hanging; brokers before 2.8 tell only by kafka-dump-log.sh",
} as const;
