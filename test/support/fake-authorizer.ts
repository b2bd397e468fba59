import { FerryError } from "#domain/errors.ts";
import { type Acl, type ConfigEntry, type Known, known, type Rights, unknown } from "#domain/topology.ts";

export type AuthorizerOptions = {
  /** `allow.everyone.if.no.acl.found`. */
  readonly everyone?: boolean;
  /** `super.users`: "User:ferry". */
  readonly superUsers?: readonly string[];
};

/** What somebody wants to do: `resourceName` of the cluster is "kafka-cluster". */
export type Action = {
  readonly principal: string;
  readonly host: string;
  readonly operation: string;
  readonly resourceType: string;
  readonly resourceName: string;
};

/** The broker's authorizer in memory; none at all until it is set, as in a broker without `authorizer.class.name`. */
export type FakeAuthorizer = {
  set(options: AuthorizerOptions | undefined): void;
  /** Replaces all ACLs. */
  replace(acls: readonly Acl[]): void;
  allows(action: Action): boolean;
  /** @throws FerryError `E_KAFKA_AUTH` */
  check(action: Action): void;
  /** What a broker with it adds to its configuration. */
  configs(): readonly ConfigEntry[];
  list(principal: string): Known<readonly Acl[]>;
  /** Of the topics, those that it may describe. */
  rights(principal: string, topics: readonly string[]): Rights;
  /** @throws FerryError `E_KAFKA` without an authorizer, `E_KAFKA_AUTH` without ALTER on the cluster. */
  add(principal: string, acls: readonly Acl[]): void;
  remove(principal: string, acls: readonly Acl[]): void;
};

/** The principal of a PLAINTEXT listener. */
export const anonymous = "User:ANONYMOUS";

type Somebody = { readonly principal?: string; readonly host?: string };

export function onTopic(operation: string, resourceName: string, by: Somebody): Action {
  const { principal = anonymous, host = "10.0.0.1" } = by;
  return { principal, host, operation, resourceType: "TOPIC", resourceName };
}

export function onTransaction(resourceName: string, by: Somebody): Action {
  return { ...onTopic("WRITE", resourceName, by), resourceType: "TRANSACTIONAL_ID" };
}

const clusterResource = { resourceType: "CLUSTER", resourceName: "kafka-cluster", host: "10.0.0.9" };

/** Operations whose ALLOW includes another one (org.apache.kafka.metadata.authorizer.StandardAuthorizerData). */
const impliedBy = new Map([
  ["DESCRIBE", ["READ", "WRITE", "DELETE", "ALTER"]],
  ["DESCRIBE_CONFIGS", ["ALTER_CONFIGS"]],
]);

/** Of an id that nobody has: whoever may do that sees all of them. */
export function describesAnyTransaction(principal: string): Action {
  return { ...onTransaction("\u0000", { principal }), operation: "DESCRIBE" };
}

/** Those that there are for a resource type, in the order of the protocol's numbers. */
const clusterOperations = [
  "CREATE",
  "ALTER",
  "DESCRIBE",
  "CLUSTER_ACTION",
  "DESCRIBE_CONFIGS",
  "ALTER_CONFIGS",
  "IDEMPOTENT_WRITE",
];
const topicOperations = [
  "READ",
  "WRITE",
  "CREATE",
  "DELETE",
  "ALTER",
  "DESCRIBE",
  "DESCRIBE_CONFIGS",
  "ALTER_CONFIGS",
];

/** They stand for several things, in filters only. */
const vagueNames = new Set(["UNKNOWN", "ANY", "MATCH"]);

export function createFakeAuthorizer(
  role: "source" | "target",
  options: AuthorizerOptions | undefined,
): FakeAuthorizer {
  let current = options;
  let held = new Map<string, Acl>();

  function allows(action: Action): boolean {
    if (!current) return true;
    if (current.superUsers?.includes(action.principal)) return true;
    const onResource = [...held.values()].filter((acl) => covers(acl, action));
    if (onResource.length === 0) return current.everyone ?? true;
    const mine = onResource.filter((acl) => concerns(acl, action));
    if (mine.some((acl) => acl.permission === "DENY" && isOperation(acl, action.operation))) return false;
    return mine.some((acl) => acl.permission === "ALLOW" && grants(acl, action.operation));
  }

  function check(action: Action): void {
    if (allows(action)) return;
    const { principal, operation, resourceType, resourceName } = action;
    throw new FerryError(
      "E_KAFKA_AUTH",
      `The ${role} cluster answered ${resourceType}_AUTHORIZATION_FAILED: ${principal} has no ${operation} on ${resourceName}.`,
    );
  }

  function mayAlter(principal: string, what: string): void {
    if (!current) {
      throw new FerryError("E_KAFKA", `The ${role} cluster answered SECURITY_DISABLED (54) to ${what}.`);
    }
    check({ ...clusterResource, principal, operation: "ALTER" });
  }

  return {
    set(next) {
      current = next;
    },
    replace(acls) {
      held = new Map(acls.map((acl) => [keyOf(acl), acl]));
    },
    allows,
    check,
    configs: () => (current ? configsOf(current) : []),
    list(principal) {
      if (!current) return unknown(`no authorizer: the ${role} cluster answers SECURITY_DISABLED`);
      if (!allows({ ...clusterResource, principal, operation: "DESCRIBE" })) {
        return unknown(`The ${role} cluster answered CLUSTER_AUTHORIZATION_FAILED (31) to DescribeAcls.`);
      }
      return known([...held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, acl]) => acl));
    },
    rights(principal, topics) {
      const by = { principal };
      const ofCluster = clusterOperations.filter((operation) =>
        allows({ ...clusterResource, principal, operation }),
      );
      const ofTopics = topics
        .filter((name) => allows(onTopic("DESCRIBE", name, by)))
        .map(
          (name) =>
            [name, topicOperations.filter((operation) => allows(onTopic(operation, name, by)))] as const,
        );
      return { cluster: ofCluster, topics: new Map(ofTopics) };
    },
    add(principal, acls) {
      for (const acl of acls) checkWritable(acl);
      mayAlter(principal, "CreateAcls");
      for (const acl of acls) held.set(keyOf(acl), acl);
    },
    remove(principal, acls) {
      for (const acl of acls) checkWritable(acl);
      if (acls.length > 0) mayAlter(principal, "DeleteAcls");
      for (const acl of acls) held.delete(keyOf(acl));
    },
  };
}

function checkWritable({ resourceType, patternType, operation, permission }: Acl): void {
  const vague = [resourceType, patternType, operation, permission].find((name) => vagueNames.has(name));
  if (vague === undefined) return;
  throw new FerryError("E_INTERNAL", `An ACL cannot be written with ${vague} in it.`);
}

/** The authorizer's own keys are listed without a value, as the broker does not know their type; absent: not configured. */
function configsOf({ everyone = true, superUsers = [] }: AuthorizerOptions): readonly ConfigEntry[] {
  const origin = "broker-static";
  const value = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
  return [
    { name: "authorizer.class.name", value, origin },
    ...(everyone ? [{ name: "allow.everyone.if.no.acl.found", value: null, origin } as const] : []),
    ...(superUsers.length > 0 ? [{ name: "super.users", value: null, origin } as const] : []),
  ];
}

/** All seven fields: two ACLs are the same only when all are. */
function keyOf(acl: Acl): string {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = acl;
  return [resourceType, resourceName, patternType, principal, host, operation, permission].join("\n");
}

/** Whether it is about this resource. That alone ends "everybody may", whoever it names. */
function covers({ resourceType, resourceName, patternType }: Acl, action: Action): boolean {
  if (resourceType !== action.resourceType) return false;
  if (patternType === "PREFIXED") return action.resourceName.startsWith(resourceName);
  return resourceName === "*" || resourceName === action.resourceName;
}

function concerns({ principal, host }: Acl, action: Action): boolean {
  return (principal === "User:*" || principal === action.principal) && (host === "*" || host === action.host);
}

function isOperation(acl: Acl, operation: string): boolean {
  return acl.operation === "ALL" || acl.operation === operation;
}

function grants(acl: Acl, operation: string): boolean {
  return isOperation(acl, operation) || (impliedBy.get(operation)?.includes(acl.operation) ?? false);
}
