import { asFerryError } from "#domain/errors.ts";
import type { KafkaCluster } from "#domain/ports.ts";
import { type ActiveProducer, type Known, known, unknown } from "#domain/topology.ts";

export type ProducersSeen = {
  /** Of the topics that could be asked for. */
  readonly producers: Known<readonly ActiveProducer[]>;
  /** By topic, why its leaders were not asked. */
  readonly withheld: ReadonlyMap<string, string>;
};

/**
 * Producers that leaders remember. DescribeProducers is refused for all topics where one of them is without READ: so the
 * bot looks first which ones it may read (KIP-430), and only the others are unknown.
 */
export async function activeProducers(
  topics: readonly string[],
  source: KafkaCluster,
): Promise<ProducersSeen> {
  const rights = await allowed("DESCRIBE on the topics", () => source.rights(topics));
  const told = rights.known ? rights.value.topics : new Map<string, readonly string[]>();
  const closed = topics.filter((name) => told.get(name)?.includes("READ") === false);
  const withheld = new Map(closed.map((name) => [name, `The bot has no READ on ${name}.`]));
  const open = topics.filter((name) => !withheld.has(name));
  if (open.length === 0 && closed.length > 0) return { producers: known([]), withheld };
  return { producers: await allowed("READ on its topics", () => source.producers(open)), withheld };
}

/** What a missing right hides is unknown, and the right is named. */
export async function allowed<T>(right: string, ask: () => Promise<Known<T>>): Promise<Known<T>> {
  try {
    return await ask();
  } catch (thrown) {
    const { code, message } = asFerryError(thrown);
    if (code !== "E_KAFKA_AUTH") throw thrown;
    return unknown(`${message} The bot needs ${right}.`);
  }
}
