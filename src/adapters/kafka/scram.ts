import type { InventoryReads, ScramUser } from "#domain/inventory.ts";
import { known, unknown } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { orMissingRight } from "./rights-needed.ts";

const describeScram = 50;
const mechanisms = new Map([
  [1, "SCRAM-SHA-256"],
  [2, "SCRAM-SHA-512"],
]);

type Answer = {
  readonly error: number;
  readonly detail: string | null;
  readonly users: ReadonlyArray<ScramUser & { readonly error: number }>;
};

/** DescribeUserScramCredentials (KIP-554). Salts and hashes are told to nobody: users are made anew with a password. */
export function createScram(role: Role, metadata: Metadata): Pick<InventoryReads, "scramUsers"> {
  return {
    async scramUsers() {
      const { versions } = await metadata.any();
      if (!versions.has(describeScram)) {
        const how = "kafka-configs.sh --describe --entity-type users tells them";
        return unknown(`the ${role} cluster has no DescribeUserScramCredentials (Kafka 2.7); ${how}`);
      }
      const { error, detail, users } = await metadata.ask(scramRequest);
      const failed = error === 0 ? users.find((user) => user.error !== 0)?.error : error;
      if (failed !== undefined) {
        const refused = answerError(role, failed, "DescribeUserScramCredentials", detail);
        return orMissingRight(refused, "DESCRIBE on the cluster");
      }
      const found = users.map(({ name, mechanisms }) => ({ name, mechanisms }));
      return known(found.sort((a, b) => (a.name < b.name ? -1 : 1)));
    },
  };
}

export const scramRequest: Request<Answer> = {
  key: describeScram,
  name: "DescribeUserScramCredentials",
  min: 0,
  max: 0,
  flexibleFrom: 0,
  timeout: 30_000,
  encode(writer) {
    writer.compactArray(null, () => {}); // every user
    writer.tags();
  },
  decode(reader) {
    reader.throttle();
    const error = reader.i16();
    const detail = reader.compactNullableText();
    const users = reader.compactArray(() => {
      const name = reader.compactText();
      const failed = reader.i16();
      reader.compactNullableText(); // the error in words
      const held = reader.compactArray(() => {
        const mechanism = reader.i8();
        reader.i32(); // iterations
        reader.tags();
        return mechanisms.get(mechanism) ?? `mechanism ${mechanism}`;
      });
      reader.tags();
      return { name, error: failed, mechanisms: held.sort() };
    });
    return { error, detail, users };
  },
};
