#!/bin/sh
# Writes the worker's properties from the environment and starts a distributed Kafka Connect worker.
# `connect.sh --print` writes them to standard output and ends.
set -eu

# The four clients of a worker log in alike: its own, and those it gives its connectors.
security() {
  for prefix in "" "producer." "consumer." "admin."; do
    for line in "$@"; do printf '%s%s\n' "$prefix" "$line"; done
  done
}

login() {
  case "$CONNECT_AUTH" in
    iam)
      security 'security.protocol=SASL_SSL' 'sasl.mechanism=AWS_MSK_IAM' \
        'sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;' \
        'sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler'
      ;;
    scram)
      module=org.apache.kafka.common.security.scram.ScramLoginModule
      security 'security.protocol=SASL_SSL' 'sasl.mechanism=SCRAM-SHA-512' \
        "sasl.jaas.config=$module required username=\"${CONNECT_USERNAME:?}\" password=\"${CONNECT_PASSWORD:?}\";"
      ;;
    tls | unauthenticated) security 'security.protocol=SSL' ;;
    plaintext) security 'security.protocol=PLAINTEXT' ;;
    *)
      echo "CONNECT_AUTH: saw \"$CONNECT_AUTH\"; allowed are iam, scram, tls, unauthenticated and plaintext." >&2
      exit 1
      ;;
  esac
}

properties() {
  group=${CONNECT_GROUP:-ferry-connect}
  cat <<END
bootstrap.servers=${CONNECT_BOOTSTRAP:?brokers of the target cluster, host:port}
group.id=$group
listeners=HTTP://:8083
rest.advertised.host.name=$(hostname -i 2>/dev/null | cut -d' ' -f1)
key.converter=org.apache.kafka.connect.converters.ByteArrayConverter
value.converter=org.apache.kafka.connect.converters.ByteArrayConverter
header.converter=org.apache.kafka.connect.converters.ByteArrayConverter
offset.storage.topic=$group-offsets
offset.storage.replication.factor=${CONNECT_REPLICATION:-3}
config.storage.topic=$group-configs
config.storage.replication.factor=${CONNECT_REPLICATION:-3}
status.storage.topic=$group-status
status.storage.replication.factor=${CONNECT_REPLICATION:-3}
offset.flush.interval.ms=${CONNECT_FLUSH_MS:-5000}
exactly.once.source.support=enabled
connector.client.config.override.policy=All
topic.creation.enable=false
scheduled.rebalance.max.delay.ms=0
END
  login
}

CONNECT_AUTH=${CONNECT_AUTH:-iam}

if [ "${1:-}" = "--print" ]; then
  properties
  exit
fi

umask 077
properties >/tmp/worker.properties
exec /opt/kafka/bin/connect-distributed.sh /tmp/worker.properties
