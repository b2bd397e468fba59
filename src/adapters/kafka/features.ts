import type { Feature, InventoryReads } from "#domain/inventory.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { Reader } from "./wire.ts";

const apiVersions = 18;
/** Tagged field of an ApiVersions answer (KIP-584). */
const finalizedFeatures = 2;

type Answer = { readonly error: number; readonly features: readonly Feature[] | undefined };

/** Finalized features, which ApiVersions carries since version 3. KafkaJS asks for version 2 at most. */
export function createFeatures(role: Role, metadata: Metadata): Pick<InventoryReads, "features"> {
  return {
    async features() {
      const { versions } = await metadata.any();
      if ((versions.get(apiVersions)?.max ?? 0) < 3) {
        return unknown(`the ${role} cluster tells no features (KIP-584, Kafka 2.7)`);
      }
      const { error, features } = await metadata.ask(featuresRequest);
      if (error !== 0) throw answerError(role, error, "ApiVersions");
      return known((features ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1)));
    },
  };
}

/** Its answer has the oldest header whatever its version (KIP-511), so the tags of the request's are written here. */
export const featuresRequest: Request<Answer> = {
  key: apiVersions,
  name: "ApiVersions",
  min: 3,
  max: 3,
  encode(writer) {
    writer.tags();
    writer.compactText("msk-ferry");
    writer.compactText("1");
    writer.tags();
  },
  decode(reader) {
    const error = reader.i16();
    reader.compactArray(() => {
      reader.skip(6); // an API and its versions, which are known from the connection's beginning
      reader.tags();
    });
    reader.throttle();
    let features: readonly Feature[] | undefined;
    for (let left = reader.uvarint(); left > 0; left -= 1) {
      const tag = reader.uvarint();
      const length = reader.uvarint();
      if (tag === finalizedFeatures) features = readFeatures(reader);
      else reader.skip(length);
    }
    return { error, features };
  },
};

function readFeatures(reader: Reader): readonly Feature[] {
  return reader.compactArray(() => {
    const name = reader.compactText();
    const level = reader.i16();
    reader.i16(); // the lowest level that is in force
    reader.tags();
    return { name, level };
  });
}
