import type { AssessedConnector } from "./assessment.ts";

/** What a Kafka Connect cluster of a team runs. The bot only looks at it. */
export type ConnectInventory = {
  /** Sorted by name. @throws FerryError `E_CONNECT`, `E_CONNECT_UNREACHABLE` */
  connectors(): Promise<readonly AssessedConnector[]>;
};

/** Settings whose values are shown; any other may be a secret, whatever its name, since each connector has its own. */
const shown =
  /^(?:name|connector\.class|tasks\.max|topics|topics\.regex|topic\.prefix|(?:key|value|header)\.converter|transforms|predicates|errors\.(?:tolerance|deadletterqueue\.topic\.name)|consumer\.override\.(?:group\.id|auto\.offset\.reset)|offsets\.storage\.topic|exactly\.once\.support)$/;

/** Every key, and the values that are safe to show. Connect puts secrets into its answers in full. */
export function safeSettings(config: Readonly<Record<string, string | null>>): AssessedConnector["settings"] {
  const keys = Object.keys(config).toSorted();
  return Object.fromEntries(keys.map((key) => [key, shown.test(key) ? (config[key] ?? null) : null]));
}

/** What a sink was told to read; a regular expression or a source tells no topics. */
export function namedTopics(config: Readonly<Record<string, string | null>>): readonly string[] | undefined {
  return config["topics"]
    ?.split(",")
    .map((topic) => topic.trim())
    .filter((topic) => topic !== "")
    .toSorted();
}
