import { entityKey, entityText, limitsText } from "#domain/access/quotas.ts";
import { FerryError } from "#domain/errors.ts";
import type { ClientQuota } from "#domain/inventory.ts";
import { type Clock, type KafkaCluster, type QuotaChange } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import { answerError, isPassing, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { createBackoff } from "./retry.ts";
import { orMissingRight } from "./rights-needed.ts";
import type { Reader, Writer } from "./wire.ts";

/** Client quotas (KIP-13), read and changed through the API of KIP-546: Kafka 2.6 and newer. */

export type Quotas = Pick<KafkaCluster, "produceQuota" | "limitProduce" | "quotas" | "alterQuotas">;

type Described = {
  readonly error: number;
  readonly detail: string | null;
  readonly quotas: readonly ClientQuota[];
};
type Altered = { readonly error: number; readonly detail: string | null };

const describeQuotas = 48;
const alterQuotas = 49;
const entityType = "client-id";
const quotaKey = "producer_byte_rate";

/** What is asked of the cluster's brokers. */
type Brokers = { readonly any: () => Promise<Pick<Node, "versions">> } & Pick<Metadata, "ask">;

/** The answer to a change comes before every broker has heard of it; `unseen` says what is not to be seen yet. */
function createAlter(role: Role, metadata: Brokers, clock: Clock) {
  return async (
    changes: readonly QuotaChange[],
    unseen: () => Promise<string | undefined>,
  ): Promise<void> => {
    const again = createBackoff(clock);
    for (;;) {
      const results = await metadata.ask(alterRequest(changes));
      const [change, { error, detail }] = firstRefused(changes, results);
      if (error !== 0 && !(isPassing(error) && (await again()))) {
        throw answerError(role, error, `AlterClientQuotas of ${change}`, detail);
      }
      if (error !== 0) continue;
      const why = await unseen();
      if (why === undefined) return;
      if (!(await again())) throw new FerryError("E_INCOMPLETE", why);
    }
  };
}

export function createQuotas(role: Role, metadata: Brokers, clock: Clock): Quotas {
  async function produceQuota(clientId: string) {
    const node = await metadata.any();
    if (!node.versions.has(describeQuotas)) {
      return unknown(`the ${role} cluster has no DescribeClientQuotas (Kafka 2.6)`);
    }
    const { error, detail, quotas } = await metadata.ask(describeRequest(clientId));
    if (error === 0) return known(quotas.find(({ limits }) => quotaKey in limits)?.limits[quotaKey]);
    const refused = answerError(role, error, `DescribeClientQuotas of ${clientId}`, detail);
    if (refused.code === "E_KAFKA_AUTH") return unknown(refused.message);
    throw refused;
  }

  async function quotas() {
    const node = await metadata.any();
    if (!node.versions.has(describeQuotas)) {
      const how = "kafka-configs.sh --describe --entity-type users, clients and ips tells them";
      return unknown(`the ${role} cluster has no DescribeClientQuotas (Kafka 2.6); ${how}`);
    }
    const { error, detail, quotas: found } = await metadata.ask(describeRequest());
    if (error === 0) return known(found.toSorted(byEntity));
    const refused = answerError(role, error, "DescribeClientQuotas", detail);
    return orMissingRight(refused, "DESCRIBE_CONFIGS on the cluster");
  }

  const alter = createAlter(role, metadata, clock);

  return {
    produceQuota,
    quotas,
    async limitProduce(clientId, bytesPerSecond) {
      const entity = [{ type: entityType, name: clientId }];
      await alter([{ entity, limits: { [quotaKey]: bytesPerSecond ?? null } }], async () => {
        const now = await produceQuota(clientId);
        if (!now.known || now.value === bytesPerSecond) return undefined;
        return `${quotaKey} of ${clientId} on the ${role} was set to ${rateText(bytesPerSecond)} and still reads ${rateText(now.value)}`;
      });
    },
    async alterQuotas(changes) {
      if (changes.length === 0) return;
      await alter(changes, async () => {
        const now = await quotas();
        if (!now.known) return undefined;
        const held = new Map(now.value.map(({ entity, limits }) => [entityKey(entity), limits]));
        const odd = changes.find(({ entity, limits }) =>
          Object.entries(limits).some(
            ([key, value]) => (held.get(entityKey(entity))?.[key] ?? null) !== value,
          ),
        );
        if (odd === undefined) return undefined;
        return `quotas of ${entityText(odd.entity)} on the ${role} were set to ${limitsText(odd.limits)} and do not read so`;
      });
    },
  };
}

/** What was asked of the first entity that was not taken; error 0 when all were. */
function firstRefused(
  changes: readonly QuotaChange[],
  results: readonly Altered[],
): readonly [string, Altered] {
  for (const [index, { entity }] of changes.entries()) {
    const result = results[index] ?? { error: -1, detail: "no answer" };
    if (result.error !== 0) return [entityText(entity), result];
  }
  return ["", { error: 0, detail: null }];
}

/** Of exactly this client id, or of every entity of any type. */
export function describeRequest(clientId?: string): Request<Described> {
  return {
    key: describeQuotas,
    name: "DescribeClientQuotas",
    min: 0,
    max: 0,
    timeout: 30_000,
    encode(writer) {
      writer.array(clientId === undefined ? [] : [clientId], (name) => {
        writer.text(entityType);
        writer.i8(0); // exactly this name
        writer.text(name);
      });
      writer.bool(clientId !== undefined); // nothing that is of a user as well
    },
    decode(reader) {
      reader.throttle();
      const error = reader.i16();
      const detail = reader.nullableText();
      const quotas = reader.array(() => {
        const entity = readEntity(reader).sort((a, b) => (a.type < b.type ? -1 : 1));
        const limits = reader.array(() => [reader.text(), reader.take(8).readDoubleBE(0)] as const);
        return { entity, limits: Object.fromEntries(limits.sort(([a], [b]) => (a < b ? -1 : 1))) };
      });
      return { error, detail, quotas };
    },
  };
}

function byEntity(a: ClientQuota, b: ClientQuota): number {
  return JSON.stringify(a.entity) < JSON.stringify(b.entity) ? -1 : 1;
}

function alterRequest(changes: readonly QuotaChange[]): Request<readonly Altered[]> {
  return {
    key: alterQuotas,
    name: "AlterClientQuotas",
    min: 0,
    max: 0,
    timeout: 30_000,
    encode(writer) {
      writer.array(changes, ({ entity, limits }) => {
        writer.array(entity, ({ type, name }) => {
          writer.text(type);
          writer.text(name);
        });
        writer.array(Object.entries(limits), ([key, value]) => {
          writer.text(key);
          writeDouble(writer, value ?? 0);
          writer.bool(value === null); // remove it
        });
      });
      writer.bool(false); // not only to validate
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => {
        const error = reader.i16();
        const detail = reader.nullableText();
        readEntity(reader);
        return { error, detail };
      });
    },
  };
}

function rateText(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined ? "no limit" : `${bytesPerSecond} bytes/s`;
}

function readEntity(reader: Reader): Array<ClientQuota["entity"][number]> {
  return reader.array(() => ({ type: reader.text(), name: reader.nullableText() }));
}

function writeDouble(writer: Writer, value: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  writer.i32(bytes.readInt32BE(0));
  writer.i32(bytes.readInt32BE(4));
}
