import { type Known, known, unknown } from "#domain/topology.ts";
import type { ApiVersions } from "./connection.ts";

/**
 * What a release was the first to speak: an API key and its lowest new version. Newest first. A release that
 * added nothing visible (3.4) reads as the one before it. Checked against running 3.9.2 and 4.1.2.
 */
const firsts: ReadonlyArray<readonly [release: string, key: number, version: number]> = [
  ["4.2", 88, 0], // StreamsGroupHeartbeat, KIP-1071
  ["4.1", 1, 18],
  ["4.0", 0, 12], // KIP-890
  ["3.9", 1, 17], // KIP-853
  ["3.8", 16, 5], // group types, KIP-848
  ["3.7", 1, 16], // KIP-951
  ["3.6", 9, 9], // KIP-848
  ["3.5", 1, 15], // KIP-903
  ["3.3", 35, 4], // KIP-827
  ["3.2", 11, 9], // KIP-814
  ["3.1", 1, 13], // KIP-516
  ["3.0", 10, 4], // KIP-699
  ["2.8", 60, 0], // KIP-700
  ["2.7", 1, 12], // KIP-595
  ["2.6", 48, 0], // KIP-546
  ["2.5", 9, 7], // KIP-447
  ["2.4", 47, 0], // KIP-496
  ["2.3", 44, 0], // KIP-339
  ["2.2", 43, 0], // KIP-183
  ["2.1", 1, 10], // KIP-110
  ["2.0", 1, 8], // KIP-219
  ["1.1", 42, 0], // KIP-229
  ["1.0", 37, 0], // KIP-195
  ["0.11", 21, 0], // KIP-107
];

/** The newest release whose APIs this broker has. Kafka does not tell its version otherwise. */
export function releaseOf(versions: ApiVersions): Known<string> {
  const found = firsts.find(([, key, version]) => (versions.get(key)?.max ?? -1) >= version);
  return found ? known(found[0]) : unknown("the broker's API versions are older than Kafka 0.11");
}
