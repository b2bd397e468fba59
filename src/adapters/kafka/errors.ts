import { errorCodes } from "kafkajs/src/protocol/error.js";
import { z } from "zod";
import { type ErrorCode, FerryError } from "#domain/errors.ts";

/** The one map from what Kafka and KafkaJS say to FerryError. */

export type Role = "source" | "target";

/** Kafka's codes that this adapter acts on. https://kafka.apache.org/protocol#protocol_error_codes */
export const code = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  loading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  invalidTopic: 17,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAuthorization: 29,
  clusterAuthorization: 31,
  unsupportedVersion: 35,
  topicExists: 36,
  securityDisabled: 54,
  groupIdNotFound: 69,
  fencedInstance: 82,
  staleMemberEpoch: 113,
} as const;

const later = new Map([
  [89, "THROTTLING_QUOTA_EXCEEDED"],
  [90, "PRODUCER_FENCED"],
  [91, "RESOURCE_NOT_FOUND"],
  [100, "UNKNOWN_TOPIC_ID"],
  [110, "FENCED_MEMBER_EPOCH"],
  [113, "STALE_MEMBER_EPOCH"],
]);
const names = new Map<number, string>([
  ...errorCodes.map((entry) => [entry.code, entry.type] as const),
  ...later,
]);

/** 5, 6: leader moves. 7, 13: a broker is slow or leaves. 14-16: the coordinator moves. 56, 72, 74-76, 78: epochs. */
const passing = new Set([3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 56, 72, 74, 75, 76, 78, 89]);
const refusals = new Set([29, 30, 31, 33, 34, 53, 58, 65]);

/** "NOT_COORDINATOR_FOR_GROUP (16)". */
export function codeName(value: number): string {
  return `${names.get(value) ?? "UNKNOWN_ERROR_CODE"} (${value})`;
}

/** Whether the same request may succeed in a moment, after a refresh of metadata or coordinator. */
export function isPassing(value: number): boolean {
  return passing.has(value);
}

/** A code in an answer. `what` names the call and its object: "ListOffsets of orders-3". */
export function answerError(role: Role, value: number, what: string, detail?: string | null): FerryError {
  const known: ErrorCode = refusals.has(value)
    ? "E_KAFKA_AUTH"
    : value === code.unknownTopic || value === code.invalidTopic
      ? "E_UNKNOWN_TOPIC"
      : "E_KAFKA";
  const more = detail ? `: ${detail}` : "";
  return new FerryError(known, `The ${role} cluster answered ${codeName(value)} to ${what}${more}.`);
}

const Thrown = z.looseObject({
  name: z.string(),
  message: z.string(),
  type: z.string().optional(),
  code: z.union([z.string(), z.number()]).optional(),
});

const unreachable = new Set([
  "KafkaJSConnectionError",
  "KafkaJSConnectionClosedError",
  "KafkaJSRequestTimeoutError",
  "KafkaJSLockTimeout",
  "KafkaJSBrokerNotFound",
]);

/** What KafkaJS throws while it talks to `address`. */
export function thrownError(role: Role, address: string, thrown: unknown): FerryError {
  if (thrown instanceof FerryError) return thrown;
  const parsed = Thrown.safeParse(thrown);
  const cause = { cause: thrown };
  if (!parsed.success) {
    return new FerryError("E_KAFKA", `Broker ${address} of the ${role} cluster: ${String(thrown)}`, cause);
  }
  const { name, message, type, code } = parsed.data;
  const label = typeof code === "string" ? ` (${code})` : type ? ` (${type})` : "";
  const text = `Broker ${address} of the ${role} cluster: ${message}${label}`;
  if (name.includes("SASL") || (typeof code === "number" && refusals.has(code))) {
    return new FerryError("E_KAFKA_AUTH", text, cause);
  }
  if (unreachable.has(name)) return new FerryError(unreachableCode(role), text, cause);
  return new FerryError("E_KAFKA", text, cause);
}

export function unreachableCode(role: Role): ErrorCode {
  return role === "source" ? "E_SOURCE_UNREACHABLE" : "E_TARGET_UNREACHABLE";
}

export function isUnreachable(thrown: unknown): thrown is FerryError {
  return (
    thrown instanceof FerryError &&
    (thrown.code === "E_SOURCE_UNREACHABLE" || thrown.code === "E_TARGET_UNREACHABLE")
  );
}
