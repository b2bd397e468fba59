import { randomUUID } from "node:crypto";
import { FerryError } from "#domain/errors.ts";
import type { Clock, KafkaCluster } from "#domain/ports.ts";
import { type Acl, known, unknown } from "#domain/topology.ts";
import type { Request } from "./connection.ts";
import { answerError, code, codeName, isPassing, isUnreachable, type Role } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import { batches, collect, createBackoff } from "./retry.ts";
import type { Reader, Writer } from "./wire.ts";

/** One ACL of a request, in its order; `matched` are those that a filter of DeleteAcls found. */
type Result = { readonly error: number; readonly detail: string | null; readonly matched: readonly Acl[] };

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
/** AclOperation. */
export const operations = [
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

/**
 * Far below the 10,000 changes that a KRaft controller takes in one request. It compares each filter of a removal with each
 * ACL it has: 500 among 10,000 took about a second (3.9, 4.1).
 */
const addedPerCall = 2000;
const removedPerCall = 500;

export type Acls = Pick<KafkaCluster, "acls" | "addAcls" | "removeAcls">;

/**
 * A broker answers before all brokers enforce the change (2.8: 28 ms later), so each one is asked. What DescribeAcls
 * lists is what the authorizer goes by.
 */
function createReadBack(role: Role, metadata: Metadata, clock: Clock) {
  async function outOfStep(
    id: number,
    wanted: readonly Acl[],
    present: boolean,
  ): Promise<string | undefined> {
    try {
      const { error, detail, acls } = await (await metadata.broker(id)).send(describeRequest);
      if (isPassing(error)) return codeName(error);
      if (error === code.clusterAuthorization && !present && wanted.some(letsIn)) return undefined;
      if (error !== 0) throw answerError(role, error, `DescribeAcls of broker ${id}`, detail);
      const held = new Set(acls.map(textOf));
      const odd = wanted.find((acl) => held.has(textOf(acl)) !== present);
      return odd && `${textOf(odd)} is ${present ? "not" : "still"} in force`;
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown;
      return thrown.message;
    }
  }

  return async (acls: readonly Acl[], present: boolean): Promise<void> => {
    const { brokers } = await metadata.view();
    await collect(
      [...brokers.keys()],
      async (pending, fail) => {
        const asking = pending.map(async (id) => {
          const why = await outOfStep(id, acls, present);
          if (why !== undefined) fail(id, why);
        });
        await Promise.all(asking);
      },
      { clock, what: `ACLs of the ${role} cluster`, name: (id) => `broker ${id}` },
    );
  };
}

/**
 * An ACL that may be the asker's own right to see ACLs. Whoever removed one could see it: ALTER on the cluster includes
 * DESCRIBE. So a broker that refuses to list them afterwards enforces the removal.
 */
function letsIn({ resourceType, permission }: Acl): boolean {
  return resourceType === "CLUSTER" && permission === "ALLOW";
}

export function createAcls(role: Role, metadata: Metadata, clock: Clock): Acls {
  async function send(
    groups: ReadonlyArray<readonly Acl[]>,
    what: string,
    request: (batch: readonly Acl[]) => Request<readonly Result[]>,
  ): Promise<void> {
    for (const batch of groups) {
      const again = createBackoff(clock);
      for (;;) {
        const results = await metadata.ask(request(batch));
        const refused = firstRefusal(role, what, batch, results);
        if (!refused) break;
        if (!isPassing(refused.value) || !(await again())) throw refused.error;
      }
    }
  }

  const inForce = createReadBack(role, metadata, clock);

  return {
    async acls() {
      const { error, detail, acls } = await metadata.ask(describeRequest);
      if (error === 0) return known([...acls].sort(byText));
      if (error === code.securityDisabled)
        return unknown(`no authorizer: the ${role} cluster answers SECURITY_DISABLED`);
      const refused = answerError(role, error, "DescribeAcls", detail);
      if (refused.code === "E_KAFKA_AUTH") return unknown(refused.message);
      throw refused;
    },
    async addAcls(acls) {
      if (acls.length === 0) return mayAlter(role, metadata);
      await send(batches(acls, addedPerCall), "CreateAcls", createRequest);
      await inForce(acls, true);
    },
    async removeAcls(acls) {
      if (acls.length === 0) return;
      await send(batches(acls, removedPerCall), "DeleteAcls", deleteRequest);
      await inForce(acls, false);
    },
  };
}

/**
 * A CreateAcls without ACLs is answered without an error to whomever (3.9, 4.1): each error has its place beside an ACL.
 * Deleting one that nobody has changes nothing and needs the same right, ALTER on the cluster.
 */
async function mayAlter(role: Role, metadata: Metadata): Promise<void> {
  const name = `msk-ferry-${randomUUID()}`;
  const nobodys: Acl = {
    resourceType: "TOPIC",
    resourceName: name,
    patternType: "LITERAL",
    principal: `User:${name}`,
    host: "*",
    operation: "WRITE",
    permission: "DENY",
  };
  const [result] = await metadata.ask(deleteRequest([nobodys]));
  if (result?.error === 0) return;
  const what =
    "DeleteAcls of an ACL that nobody has, to ask for the right to change ACLs (ALTER on the cluster)";
  throw answerError(role, result?.error ?? -1, what, result?.detail);
}

type Refusal = { readonly value: number; readonly error: FerryError };

function firstRefusal(
  role: Role,
  what: string,
  asked: readonly Acl[],
  results: readonly Result[],
): Refusal | undefined {
  for (const [index, acl] of asked.entries()) {
    const result = results[index];
    const object = `${what} of ${textOf(acl)}`;
    if (!result) throw new FerryError("E_KAFKA", `The ${role} cluster gave no answer to ${object}.`);
    const { error, detail, matched } = result;
    if (error !== 0) return { value: error, error: answerError(role, error, object, detail) };
    const other = matched.find((each) => textOf(each) !== textOf(acl));
    if (other) {
      throw new FerryError("E_KAFKA", `The ${role} cluster removed ${textOf(other)} in answer to ${object}.`);
    }
  }
  return undefined;
}

/** "ALLOW ALL on TOPIC LITERAL orders to User:* from *": all seven fields. */
function textOf(acl: Acl): string {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = acl;
  return `${permission} ${operation} on ${resourceType} ${patternType} ${resourceName} to ${principal} from ${host}`;
}

function byText(a: Acl, b: Acl): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}

function keyOf({ resourceType, resourceName, patternType, ...rest }: Acl): string {
  const { principal, host, operation, permission } = rest;
  return [resourceType, resourceName, patternType, principal, host, operation, permission].join("\n");
}

function nameOf(names: readonly string[], value: number): string {
  return names[value] ?? `UNKNOWN_${value}`;
}

/** @throws FerryError `E_INTERNAL` for what names no single thing: in a filter it would match others too. */
function numberOf(names: readonly string[], name: string): number {
  const value = names.indexOf(name);
  if (value > any && name !== "MATCH") return value;
  throw new FerryError("E_INTERNAL", `An ACL cannot be written with ${name} in it.`);
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
    const detail = readDetail(reader);
    const acls = reader.array(() => {
      const resource = readResource(reader);
      return reader.array(() => ({ ...resource, ...readEntry(reader) }));
    });
    return { error, detail, acls: acls.flat() };
  },
};

function createRequest(acls: readonly Acl[]): Request<readonly Result[]> {
  return changeRequest(30, "CreateAcls", acls, (reader) => ({
    error: reader.i16(),
    detail: readDetail(reader),
    matched: [],
  }));
}

/** All seven fields are given, none as ANY or MATCH: a filter can match one ACL only. */
function deleteRequest(acls: readonly Acl[]): Request<readonly Result[]> {
  return changeRequest(31, "DeleteAcls", acls, readDeleted);
}

/** Answered by one result per ACL, in the order asked. */
function changeRequest(
  key: number,
  name: string,
  acls: readonly Acl[],
  read: (reader: Reader) => Result,
): Request<readonly Result[]> {
  return {
    key,
    name,
    min: 1,
    max: 1,
    timeout: 30_000,
    encode(writer) {
      writer.array(acls, (acl) => writeAcl(writer, acl));
    },
    decode(reader) {
      reader.throttle();
      return reader.array(() => read(reader));
    },
  };
}

function readDeleted(reader: Reader): Result {
  const error = reader.i16();
  const detail = readDetail(reader);
  const found = reader.array(() => ({
    error: reader.i16(),
    detail: readDetail(reader),
    acl: { ...readResource(reader), ...readEntry(reader) },
  }));
  const failed = found.find((each) => each.error !== 0);
  const matched = found.map(({ acl }) => acl);
  return failed && error === 0
    ? { error: failed.error, detail: failed.detail, matched }
    : { error, detail, matched };
}

/** A refusal's text is the broker's own notes on the request: sockets, sessions and buffers. */
function readDetail(reader: Reader): string | null {
  const detail = reader.nullableText();
  return detail?.startsWith("Request Request(") ? null : detail;
}

function readResource(reader: Reader): Pick<Acl, "resourceType" | "resourceName" | "patternType"> {
  return {
    resourceType: nameOf(resourceTypes, reader.i8()),
    resourceName: reader.text(),
    patternType: nameOf(patternTypes, reader.i8()),
  };
}

function readEntry(reader: Reader): Pick<Acl, "principal" | "host" | "operation" | "permission"> {
  return {
    principal: reader.text(),
    host: reader.text(),
    operation: nameOf(operations, reader.i8()),
    permission: nameOf(permissions, reader.i8()),
  };
}

/** ACLs and exact filters look the same on the wire. */
function writeAcl(writer: Writer, acl: Acl): void {
  writer.i8(numberOf(resourceTypes, acl.resourceType));
  writer.text(acl.resourceName);
  writer.i8(numberOf(patternTypes, acl.patternType));
  writer.text(acl.principal);
  writer.text(acl.host);
  writer.i8(numberOf(operations, acl.operation));
  writer.i8(numberOf(permissions, acl.permission));
}
