import type { BrokerConfig, InventoryReads } from "#domain/inventory.ts";
import type { Clock } from "#domain/ports.ts";
import { type ConfigOrigin, known } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { collect, inParallel } from "./retry.ts";
import { orMissingRight } from "./rights-needed.ts";
import type { Reader } from "./wire.ts";

type Answer = { readonly error: number; readonly detail: string | null; readonly entries: BrokerConfig[] };

const broker = 4;
const brokersAtOnce = 8;
/** DescribeConfigs' source codes (KIP-226). */
const defaultSource = 5;
const origins = new Map<number, ConfigOrigin>([
  [2, "broker-dynamic"],
  [3, "broker-dynamic"],
  [4, "broker-static"],
  [defaultSource, "default"],
]);

/** Each broker answers for itself only. Synonyms (KIP-226) carry Apache's default of each key. */
export function createBrokerConfigs(
  role: Role,
  metadata: Metadata,
  clock: Clock,
): Pick<InventoryReads, "everyBrokersConfigs"> {
  return {
    async everyBrokersConfigs() {
      const { brokers } = await metadata.view();
      const found = new Map<number, readonly BrokerConfig[]>();
      const refusals: ReturnType<typeof orMissingRight>[] = [];
      await collect(
        [...brokers.keys()],
        async (pending, fail) => {
          await inParallel(pending, brokersAtOnce, async (id) => {
            try {
              const { error, detail, entries } = await (await metadata.broker(id)).send(request(id));
              if (error === 0) return void found.set(id, entries);
              if (isPassing(error)) return fail(id, codeName(error));
              const refused = answerError(role, error, `DescribeConfigs of broker ${id}`, detail);
              refusals.push(orMissingRight(refused, "DESCRIBE_CONFIGS on the cluster"));
            } catch (thrown) {
              if (!isUnreachable(thrown)) throw thrown;
              fail(id, thrown.message);
            }
          });
        },
        { clock, what: `Configurations of the ${role} cluster`, name: (id) => `broker ${id}` },
      );
      return refusals[0] ?? known(new Map([...found].sort(([a], [b]) => a - b)));
    },
  };
}

function request(id: number): Request<Answer> {
  return {
    key: 32,
    name: "DescribeConfigs",
    min: 1,
    max: 2,
    timeout: 30_000,
    encode(writer) {
      writer.array([id], () => {
        writer.i8(broker);
        writer.text(`${id}`);
        writer.array(null, () => {}); // every key
      });
      writer.bool(true); // with synonyms
    },
    decode: readBrokerConfigs,
  };
}

export function readBrokerConfigs(reader: Reader): Answer {
  reader.throttle();
  const [only] = reader.array(() => {
    const error = reader.i16();
    const detail = reader.nullableText();
    reader.i8();
    reader.text();
    return { error, detail, entries: reader.array(() => readEntry(reader)) };
  });
  return only ?? { error: code.unknownTopic, detail: "no answer", entries: [] };
}

function readEntry(reader: Reader): BrokerConfig {
  const name = reader.text();
  const value = reader.nullableText();
  reader.bool(); // read-only
  const origin = origins.get(reader.i8()) ?? "unknown";
  reader.bool(); // sensitive: then the value is null
  const synonyms = reader.array(() => {
    reader.text();
    return { value: reader.nullableText(), source: reader.i8() };
  });
  const standard = synonyms.find(({ source }) => source === defaultSource)?.value ?? null;
  return { name, value, origin, default: standard };
}
