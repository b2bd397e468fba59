import type { Known } from "#domain/topology.ts";

/**
 * What AWS itself reports of a Replicator (CloudWatch, namespace AWS/Kafka). It stands beside the bot's own lag and
 * opens no gate: MessageLag counts what the Replicator has not read yet, not what has not arrived on the target.
 */
export type ReplicatorReading = {
  /** Records produced to the source and not yet read by the Replicator, summed over partitions. */
  readonly messageLag: Known<Sample>;
  /** From production to arrival, of the slowest partition, in ms. */
  readonly replicationLatencyMs: Known<Sample>;
  /** 1 while it fails. */
  readonly replicatorFailure: Known<Sample>;
  readonly authErrors: Known<Sample>;
  /** How long brokers held it back, in ms. */
  readonly throttleTimeMs: Known<Sample>;
};

export type Sample = {
  readonly value: number;
  /** Milliseconds since the epoch: the beginning of the minute it stands for. */
  readonly at: number;
};

/** Port to CloudWatch. Errors: `E_AWS_*`. */
export type ReplicatorMetrics = {
  /** The newest readings of the last quarter of an hour. */
  read(replicator: string): Promise<ReplicatorReading>;
};

/** AWS's words for people; `trouble` while it reports that copying fails, though the Replicator's state is RUNNING. */
export type ReplicatorNote = { readonly note: string; readonly trouble?: string };

/** AWS's own numbers, each with its name, or why there is none; what should be zero is named where it is not. */
export function noteOf(reading: ReplicatorReading): ReplicatorNote {
  const lag = sampleText(reading.messageLag, (value) => `${value} records`);
  const latency = sampleText(reading.replicationLatencyMs, (value) => `${value} ms`);
  const failing = [
    ...aboveZero("ReplicatorFailure", reading.replicatorFailure),
    ...aboveZero("AuthError", reading.authErrors),
  ];
  const held = aboveZero("ThrottleTime", reading.throttleTimeMs).map((text) => `${text} ms`);
  const numbers = [`MessageLag ${lag}`, `ReplicationLatency ${latency}`, ...failing, ...held];
  const note = `AWS's own numbers: ${numbers.join(", ")}`;
  if (failing.length === 0) return { note };
  return { note, trouble: `AWS reports ${failing.join(" and ")}, though the Replicator is RUNNING` };
}

function aboveZero(name: string, sample: Known<Sample>): readonly string[] {
  return sample.known && sample.value.value > 0 ? [`${name} ${sample.value.value}`] : [];
}

function sampleText(sample: Known<Sample>, show: (value: number) => string): string {
  return sample.known ? show(sample.value.value) : `unknown (${sample.why})`;
}
