/**
 * Every failure that a person can meet. `docs/errors.md` has one heading per code; a test keeps them equal.
 * `retryable` says whether the same call may succeed later without anybody changing anything.
 */
export const catalogue = {
  E_USAGE: { retryable: false, remedy: "Check the command with `/ferry help`." },
  E_SETTINGS: {
    retryable: false,
    remedy: "Correct the key in ferry.yaml or the environment and start again.",
  },
  E_CHANNEL: { retryable: false, remedy: "Use the channel that ferry.yaml names for this migration." },
  E_QUEUE: {
    retryable: true,
    remedy: "Check Redis (REDIS_URL), then repeat the command. Nothing was queued.",
  },
  E_STORE: {
    retryable: true,
    remedy: "Check Redis (REDIS_URL). The job goes on by itself when Redis answers.",
  },
  E_LEASE: {
    retryable: true,
    remedy: "Another run works on this migration. It goes on when that run has ended.",
  },
  E_LEASE_LOST: { retryable: false, remedy: "A newer attempt has taken over; look at its message." },
  E_SLACK: { retryable: true, remedy: "Check the bot's token and scopes; it tries again by itself." },
  E_MESSAGE_GONE: {
    retryable: false,
    remedy: "Somebody deleted the message. Ask again with the same command.",
  },
  E_SOURCE_UNREACHABLE: {
    retryable: true,
    remedy: "Check source.bootstrap, security groups and listeners; it tries again by itself.",
  },
  E_TARGET_UNREACHABLE: {
    retryable: true,
    remedy: "Check the network path to MSK with `/ferry network`; it tries again by itself.",
  },
  E_KAFKA: { retryable: false, remedy: "Look up the Kafka error named here; nothing else was changed." },
  E_KAFKA_AUTH: { retryable: false, remedy: "Check the credentials and ACLs of the bot on this cluster." },
  E_UNKNOWN_TOPIC: { retryable: false, remedy: "Check the topic's name; the nearest known one is named." },
  E_UNKNOWN_GROUP: { retryable: false, remedy: "Check the name; the nearest known group is named." },
  E_UNKNOWN_WAVE: { retryable: false, remedy: "Check the wave's name; the known ones are listed." },
  E_SPLIT_BRAIN: {
    retryable: false,
    remedy: "Stop the group on one of the two clusters; the run went back to where it began.",
  },
  E_OFFSETS_MOVED: {
    retryable: false,
    remedy: "Something else commits for this group; find it by the topic-partitions named and stop it.",
  },
  E_GROUP_ALIVE: { retryable: false, remedy: "Stop the members that are named, then repeat the command." },
  E_INCOMPLETE: {
    retryable: true,
    remedy: "A part of the cluster did not answer; no number is shown for it.",
  },
  E_CONNECT_UNREACHABLE: {
    retryable: true,
    remedy: "Check replication.connect.url and the Connect workers; it tries again by itself.",
  },
  E_CONNECT: {
    retryable: false,
    remedy: "Read the answer in the message; correct the connector, the worker or the mirror's process.",
  },
  E_CONNECT_PLUGIN: {
    retryable: false,
    remedy:
      "Correct what is named: Kafka 3.9.2 or newer with MirrorMaker 2 on the Connect workers, settings as in docs/connect.md.",
  },
  E_REPLICATOR: {
    retryable: false,
    remedy: "Correct what is named, or change the engine: Connect can do what a Replicator cannot.",
  },
  E_TASK_FAILED: {
    retryable: false,
    remedy: "Correct the cause in the trace, then `/ferry replicate resume`.",
  },
  E_SEED_BOUNDS: {
    retryable: false,
    remedy: "The origin's log does not hold this offset; starting there would copy everything again.",
  },
  E_LOOP: {
    retryable: false,
    remedy: "Stop one direction first: two mirrors on one topic copy for ever.",
  },
  E_TARGET_PARTITIONS: {
    retryable: false,
    remedy: "Make the partition counts equal on MSK while the topic is empty there.",
  },
  E_TARGET_NOT_EMPTY: {
    retryable: false,
    remedy: "This topic has records on MSK that the mirror did not write; rename or remove it there.",
  },
  E_NOT_CAUGHT_UP: { retryable: true, remedy: "Wait until `/ferry lag` shows the mirror caught up." },
  E_TRANSLATION: {
    retryable: false,
    remedy: "This offset could not be proved on the other cluster; nothing was committed for the group.",
  },
  E_NO_ASSESSMENT: { retryable: false, remedy: "Run `/ferry assess` first." },
  E_NO_PLAN: { retryable: false, remedy: "Run `/ferry plan` first." },
  E_PLAN_STALE: { retryable: false, remedy: "Run `/ferry plan` again; what changed is named." },
  E_ANSWER_NEEDED: {
    retryable: false,
    remedy: "Answer it with `/ferry plan answer`, or correct ferry.yaml; then repeat the command.",
  },
  E_PHASE: { retryable: false, remedy: "`/ferry status` names what comes next." },
  E_APPROVAL: { retryable: false, remedy: "Ask again with the same command." },
  E_CLIENT_DRIVER: {
    retryable: false,
    remedy: "Look at the switch command of this client; call it by hand as docs/settings.md says.",
  },
  E_CLIENT_CLAIM: {
    retryable: false,
    remedy: "The driver's claim does not match what Kafka shows; look at the application.",
  },
  E_ROGUE_PRODUCER: {
    retryable: false,
    remedy: "Something still writes to the topics named; stop it, then ask again.",
  },
  E_TARGET_ABSENT: { retryable: false, remedy: "Run `/ferry provision` first." },
  E_TARGET_FAILED: {
    retryable: false,
    remedy: "AWS reports the reason; remove the cluster or fix the cause.",
  },
  E_TARGET_FOREIGN: {
    retryable: false,
    remedy: "A cluster of this name exists and differs from the plan; rename one or change the plan.",
  },
  E_AWS_REFUSED: { retryable: false, remedy: "AWS refuses this request; the correction is proposed here." },
  E_AWS_QUOTA: {
    retryable: false,
    remedy: "Free what AWS counts, or have the quota raised in Service Quotas; then repeat the command.",
  },
  E_AWS_ACCESS: {
    retryable: false,
    remedy: "Grant the action named here to the bot's role, then repeat the command.",
  },
  E_AWS_CREDENTIALS: { retryable: false, remedy: "Renew the AWS credentials of the bot." },
  E_AWS_THROTTLED: { retryable: true, remedy: "AWS asks to slow down; it tries again by itself." },
  E_AWS_UNREACHABLE: { retryable: true, remedy: "AWS does not answer; it tries again by itself." },
  E_CIDR_OVERLAP: {
    retryable: false,
    remedy: "Overlapping networks cannot be peered; use a transit gateway with NAT or PrivateLink.",
  },
  E_NETWORK: { retryable: false, remedy: "The first failing layer is named; repair it and run it again." },
  E_NOT_SILENT: { retryable: false, remedy: "Something still uses the source; find it before cleaning up." },
  E_VERIFY: { retryable: false, remedy: "The two clusters differ at the offsets named; do not go on." },
  E_UNDO_FAILED: {
    retryable: false,
    remedy: "A way back failed half-way. Read what is left and call the owner of the cluster now.",
  },
  E_INTERNAL: { retryable: false, remedy: "This is a bug in MSK Ferry; report it with the id named here." },
} as const satisfies Record<`E_${string}`, { retryable: boolean; remedy: string }>;

export type ErrorCode = keyof typeof catalogue;

/** The one error of this product. The message says what happened, with values and without secrets. */
export class FerryError extends Error {
  override readonly name = "FerryError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get retryable(): boolean {
    return catalogue[this.code].retryable;
  }

  get remedy(): string {
    return catalogue[this.code].remedy;
  }
}

/** Gives every thrown thing a code. Total: never throws, keeps the origin as `cause`. */
export function asFerryError(thrown: unknown): FerryError {
  if (thrown instanceof FerryError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new FerryError("E_INTERNAL", message, { cause: thrown });
}
