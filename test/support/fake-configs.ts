import { FerryError } from "#domain/errors.ts";
import type { ConfigEntry } from "#domain/topology.ts";
import { bytesOf, type RecordDraft, sizeOf } from "./fake-log.ts";

const maxBytes = "max.message.bytes";

const topicDefaults = new Map([
  ["cleanup.policy", "delete"],
  ["compression.type", "producer"],
  ["max.message.bytes", "1048588"],
  ["message.timestamp.type", "CreateTime"],
  ["min.insync.replicas", "1"],
  ["retention.bytes", "-1"],
  ["retention.ms", "604800000"],
]);

/** A topic's own values, then the defaults. */
export function configsOf(configs: ReadonlyMap<string, string>): readonly ConfigEntry[] {
  const own = [...configs].map(([name, value]) => ({ name, value, origin: "topic" }) as const);
  const rest = [...topicDefaults].filter(([name]) => !configs.has(name));
  return [...own, ...rest.map(([name, value]) => ({ name, value, origin: "default" }) as const)];
}

/** What a test said, and the rest. */
export function withDefaults(
  said: readonly ConfigEntry[],
  rest: readonly ConfigEntry[],
): readonly ConfigEntry[] {
  return [...said, ...rest.filter(({ name }) => said.every((entry) => entry.name !== name))];
}

/** The value, if the broker would take it. */
export function checkedConfig(role: string, topic: string, name: string, value: string): string {
  if (name !== maxBytes || /^\d+$/.test(value)) return value;
  const text = `The ${role} cluster answered INVALID_CONFIG (40) to IncrementalAlterConfigs of ${topic}`;
  throw new FerryError("E_KAFKA", `${text}: invalid value ${value} for configuration ${name}.`);
}

/** The broker's limit on a batch. */
export function checkSize(
  role: string,
  where: string,
  configs: ReadonlyMap<string, string>,
  { key = null, value = null }: RecordDraft,
): void {
  const limit = Number(configs.get(maxBytes) ?? topicDefaults.get(maxBytes));
  const size = sizeOf({ key: bytesOf(key), value: bytesOf(value) });
  if (size <= limit) return;
  const text = `The ${role} cluster answered MESSAGE_TOO_LARGE (10) to Produce to ${where}`;
  throw new FerryError("E_KAFKA", `${text}: ${size} bytes, max.message.bytes is ${limit}.`);
}
