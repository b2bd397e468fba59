import type { KafkaCluster } from "#domain/ports.ts";
import { type Acl, known, unknown } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";

type Answer = { readonly error: number; readonly detail: string | null; readonly acls: readonly Acl[] };

/** Positions are the protocol's numbers: org.apache.kafka.common.acl and .resource. */
const resourceTypes = [
  "UNKNOWN",
  "ANY",
  "TOPIC",
  "GROUP",
  "CLUSTER",
  "TRANSACTIONAL_ID",
  "DELEGATION_TOKEN",
  "USER",
];
const patternTypes = ["UNKNOWN", "ANY", "MATCH", "LITERAL", "PREFIXED"];
const permissions = ["UNKNOWN", "ANY", "DENY", "ALLOW"];
const operations = [
  "UNKNOWN",
  "ANY",
  "ALL",
  "READ",
  "WRITE",
  "CREATE",
  "DELETE",
  "ALTER",
  "DESCRIBE",
  "CLUSTER_ACTION",
  "DESCRIBE_CONFIGS",
  "ALTER_CONFIGS",
  "IDEMPOTENT_WRITE",
  "CREATE_TOKENS",
  "DESCRIBE_TOKENS",
  "TWO_PHASE_COMMIT",
];

const any = 1;

export function createAcls(role: Role, metadata: Metadata): Pick<KafkaCluster, "acls"> {
  return {
    async acls() {
      const { error, detail, acls } = await metadata.ask(describeRequest);
      if (error === 0) return known(acls);
      if (error === code.securityDisabled)
        return unknown(`no authorizer: the ${role} cluster answers SECURITY_DISABLED`);
      const refused = answerError(role, error, "DescribeAcls", detail);
      if (refused.code === "E_KAFKA_AUTH") return unknown(refused.message);
      throw refused;
    },
  };
}

function nameOf(names: readonly string[], value: number): string {
  return names[value] ?? `UNKNOWN_${value}`;
}

const describeRequest: Request<Answer> = {
  key: 29,
  name: "DescribeAcls",
  min: 1,
  max: 1,
  encode(writer) {
    writer.i8(any); // resource type
    writer.text(null);
    writer.i8(any); // pattern type
    writer.text(null); // principal
    writer.text(null); // host
    writer.i8(any); // operation
    writer.i8(any); // permission
  },
  decode(reader) {
    reader.throttle();
    const error = reader.i16();
    const detail = reader.nullableText();
    const acls = reader.array(() => {
      const resourceType = nameOf(resourceTypes, reader.i8());
      const resourceName = reader.text();
      const patternType = nameOf(patternTypes, reader.i8());
      return reader.array(() => ({
        resourceType,
        resourceName,
        patternType,
        principal: reader.text(),
        host: reader.text(),
        operation: nameOf(operations, reader.i8()),
        permission: nameOf(permissions, reader.i8()),
      }));
    });
    return { error, detail, acls: acls.flat() };
  },
};
