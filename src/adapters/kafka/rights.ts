import type { KafkaCluster } from "#domain/ports.ts";
import { known, type Rights, unknown } from "#domain/topology.ts";
import { operations } from "./acls.ts";
import type { Node, Request } from "./connection.ts";
import { answerError, code, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { Reader } from "./wire.ts";

/** What the authorizer lets the asker do (KIP-430, Kafka 2.3): bits of AclOperation in Metadata. */

type TopicRights = { readonly error: number; readonly name: string; readonly bits: number };
type Answer = { readonly cluster: number; readonly topics: readonly TopicRights[] };

/** Metadata 8 and later have it for topics, 8 to 10 for the cluster too; 8 is older than flexible versions. */
const metadataKey = 3;
const version = 8;
/** The broker's word for "not asked" or "cannot tell". */
const untold = -2_147_483_648;

/** What is asked of the cluster's brokers. */
type Brokers = { readonly any: () => Promise<Pick<Node, "versions">> } & Pick<Metadata, "ask">;

export function createRights(role: Role, metadata: Brokers): Pick<KafkaCluster, "rights"> {
  return {
    async rights(topics) {
      const offered = (await metadata.any()).versions.get(metadataKey);
      if (offered === undefined || offered.max < version || offered.min > version) {
        return unknown(`the ${role} cluster does not tell what one may do (KIP-430, Kafka 2.3)`);
      }
      const answer = await metadata.ask(request(topics));
      if (answer.cluster === untold) return unknown(`the ${role} cluster's authorizer does not tell`);
      const found = new Map<string, readonly string[]>();
      for (const { error, name, bits } of answer.topics) {
        // A topic that one may not describe looks like one that does not exist.
        if (error === code.unknownTopic || error === code.topicAuthorization) continue;
        if (error !== 0 && error !== code.leaderNotAvailable) {
          throw answerError(role, error, `Metadata of ${name}`);
        }
        found.set(name, operationsOf(bits));
      }
      const rights: Rights = { cluster: operationsOf(answer.cluster), topics: found };
      return known(rights);
    },
  };
}

function operationsOf(bits: number): readonly string[] {
  return operations.filter((_, position) => (bits & (1 << position)) !== 0);
}

function request(topics: readonly string[]): Request<Answer> {
  return {
    key: metadataKey,
    name: "Metadata",
    min: version,
    max: version,
    encode(writer) {
      writer.array(topics, writer.text);
      writer.bool(false); // never creates a topic
      writer.bool(true);
      writer.bool(true);
    },
    decode(reader) {
      reader.throttle();
      reader.array(() => readBroker(reader));
      reader.nullableText();
      reader.skip(4); // controller
      const found = reader.array(() => readTopic(reader));
      return { topics: found, cluster: reader.i32() };
    },
  };
}

function readBroker(reader: Reader): void {
  reader.skip(4);
  reader.text();
  reader.skip(4);
  reader.nullableText();
}

function readTopic(reader: Reader): TopicRights {
  const error = reader.i16();
  const name = reader.text();
  reader.bool();
  reader.array(() => {
    reader.skip(2 + 4 + 4 + 4); // error, id, leader and its epoch
    for (const _ of ["replicas", "in sync", "offline"]) reader.array(reader.i32);
  });
  return { error, name, bits: reader.i32() };
}
