import { FerryError } from "#domain/errors.ts";
import type { ClientQuota } from "#domain/inventory.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import { answerError, isPassing, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { createBackoff } from "./retry.ts";
import { orMissingRight } from "./rights-needed.ts";
import type { Reader, Writer } from "./wire.ts";

/** Client quotas (KIP-13), read and changed through the API of KIP-546: Kafka 2.6 and newer. */

export type Quotas = Pick<KafkaCluster, "produceQuota" | "limitProduce" | "quotas">;

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

  return {
    produceQuota,
    async quotas() {
      const node = await metadata.any();
      if (!node.versions.has(describeQuotas)) {
        const how = "kafka-configs.sh --describe --entity-type users, clients and ips tells them";
        return unknown(`the ${role} cluster has no DescribeClientQuotas (Kafka 2.6); ${how}`);
      }
      const { error, detail, quotas } = await metadata.ask(describeRequest());
      if (error === 0) return known(quotas.toSorted(byEntity));
      const refused = answerError(role, error, "DescribeClientQuotas", detail);
      return orMissingRight(refused, "DESCRIBE_CONFIGS on the cluster");
    },
    async limitProduce(clientId, bytesPerSecond) {
      const again = createBackoff(clock);
      for (;;) {
        const [result] = await metadata.ask(alterRequest(clientId, bytesPerSecond));
        const { error, detail } = result ?? { error: -1, detail: "no answer" };
        if (error !== 0 && !(isPassing(error) && (await again()))) {
          throw answerError(role, error, `AlterClientQuotas of ${clientId}`, detail);
        }
        if (error !== 0) continue;
        // The answer comes before every broker has heard of it.
        const now = await produceQuota(clientId);
        if (!now.known || now.value === bytesPerSecond) return;
        if (await again()) continue;
        const words = `${quotaKey} of ${clientId} on the ${role} was set to ${rateText(bytesPerSecond)} and still reads ${rateText(now.value)}`;
        throw new FerryError("E_INCOMPLETE", words);
      }
    },
  };
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
  return entityText(a) < entityText(b) ? -1 : 1;
}

function entityText({ entity }: ClientQuota): string {
  return JSON.stringify(entity);
}

function alterRequest(clientId: string, bytesPerSecond: number | undefined): Request<readonly Altered[]> {
  return {
    key: alterQuotas,
    name: "AlterClientQuotas",
    min: 0,
    max: 0,
    timeout: 30_000,
    encode(writer) {
      writer.array([clientId], (name) => {
        writer.array([name], () => {
          writer.text(entityType);
          writer.text(name);
        });
        writer.array([quotaKey], (key) => {
          writer.text(key);
          writeDouble(writer, bytesPerSecond ?? 0);
          writer.bool(bytesPerSecond === undefined); // remove it
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
