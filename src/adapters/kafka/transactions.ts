import { randomUUID } from "node:crypto";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { known, type Transaction, unknown } from "#domain/topology.ts";
import type { Node, Request } from "./connection.ts";
import { answerError, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect } from "./retry.ts";
import type { Reader } from "./wire.ts";

type Described = { readonly error: number; readonly transaction: Transaction };
type Listed = { readonly error: number; readonly ids: readonly string[] };

const listTransactions = 66;
const describeTransactions = 65;
const idsPerCall = 500;
/** TRANSACTIONAL_ID_NOT_FOUND: it expired between the two questions. */
const notFound = 105;
/** States in which a transaction is under way; afterwards the broker still tells when the last one began. */
const underWay = new Set(["Ongoing", "PrepareCommit", "PrepareAbort"]);

/** TRANSACTIONAL_ID_AUTHORIZATION_FAILED. */
const notAuthorized = 53;

/**
 * ListTransactions and DescribeTransactions (KIP-664): each broker is asked for those that it coordinates. Brokers leave out
 * transactional ids, and topics in them, that the principal has no DESCRIBE for, without a word. So an id that nobody has is
 * asked for, too: who may not describe that one has no right to all of them.
 */
export function createTransactions(
  role: Role,
  metadata: Metadata,
  clock: Clock,
): Pick<KafkaCluster, "transactions"> {
  /** Error code of the broker as a whole, 0 when all are in `found`. */
  async function askCoordinator(id: number, node: Node, found: Map<string, Transaction>): Promise<number> {
    const { error, ids } = await node.send(listRequest);
    if (error !== 0 && !isPassing(error)) throw answerError(role, error, `ListTransactions of broker ${id}`);
    if (error !== 0) return error;
    for (const batch of batches(ids, idsPerCall)) {
      for (const described of await node.send(describeRequest(batch))) {
        if (isPassing(described.error)) return described.error;
        take(described, found);
      }
    }
    return 0;
  }

  function take({ error, transaction }: Described, found: Map<string, Transaction>): void {
    const { transactionalId } = transaction;
    if (error === 0) found.set(transactionalId, transaction);
    else if (error !== notFound) throw answerError(role, error, `DescribeTransactions of ${transactionalId}`);
  }

  return {
    async transactions() {
      const { brokers } = await metadata.view();
      const blind = await isBlind(metadata);
      if (blind)
        return unknown(`the ${role} cluster shows only some transactional ids: DESCRIBE on all is needed`);
      const found = new Map<string, Transaction>();
      let lacking: number | undefined;
      await collect(
        [...brokers.keys()],
        async (pending, fail) => {
          const asking = pending.map(async (id) => {
            try {
              const node = await metadata.broker(id);
              if (!hasThem(node)) {
                lacking ??= id;
                return;
              }
              const error = await askCoordinator(id, node, found);
              if (error !== 0) fail(id, codeName(error));
            } catch (thrown) {
              if (!isUnreachable(thrown)) throw thrown;
              fail(id, thrown.message);
            }
          });
          await Promise.all(asking);
        },
        { clock, what: `Transactions of the ${role} cluster`, name: (id) => `broker ${id}` },
      );
      if (lacking === undefined) return known([...found.values()].sort(byId));
      return unknown(`broker ${lacking} of the ${role} cluster has no ListTransactions (Kafka 3.0)`);
    },
  };
}

async function isBlind(metadata: Metadata): Promise<boolean> {
  if (!hasThem(await metadata.any())) return false;
  const [described] = await metadata.ask(describeRequest([`msk-ferry-${randomUUID()}`]));
  return described?.error === notAuthorized;
}

function hasThem({ versions }: Node): boolean {
  return versions.has(listTransactions) && versions.has(describeTransactions);
}

function byId(a: Transaction, b: Transaction): number {
  return a.transactionalId < b.transactionalId ? -1 : 1;
}

const listRequest: Request<Listed> = {
  key: listTransactions,
  name: "ListTransactions",
  min: 0,
  max: 0,
  flexibleFrom: 0,
  encode(writer) {
    writer.compactArray([], () => {}); // every state
    writer.compactArray([], () => {}); // every producer
    writer.tags();
  },
  decode(reader) {
    reader.throttle();
    const error = reader.i16();
    reader.compactArray(reader.compactText); // states it does not know
    const ids = reader.compactArray(() => {
      const id = reader.compactText();
      reader.i64();
      reader.compactText();
      reader.tags();
      return id;
    });
    return { error, ids };
  },
};

function describeRequest(ids: readonly string[]): Request<readonly Described[]> {
  return {
    key: describeTransactions,
    name: "DescribeTransactions",
    min: 0,
    max: 0,
    flexibleFrom: 0,
    encode(writer) {
      writer.compactArray(ids, writer.compactText);
      writer.tags();
    },
    decode(reader) {
      reader.throttle();
      return reader.compactArray(() => readDescribed(reader));
    },
  };
}

function readDescribed(reader: Reader): Described {
  const error = reader.i16();
  const transactionalId = reader.compactText();
  const state = reader.compactText();
  const timeoutMs = reader.i32();
  const startedAt = reader.i64();
  const producerId = reader.i64();
  reader.i16(); // producer epoch
  const partitions = reader.compactArray(() => {
    const topic = reader.compactText();
    const ids = reader.compactArray(reader.i32);
    reader.tags();
    return ids.map((partition) => ({ topic, partition }));
  });
  reader.tags();
  const since = underWay.has(state) && startedAt >= 0 ? { startedAt } : {};
  return {
    error,
    transaction: { transactionalId, producerId, state, ...since, timeoutMs, partitions: partitions.flat() },
  };
}
