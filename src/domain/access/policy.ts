import type { Acl } from "#domain/topology.ts";
import { anyName, isFor } from "./acl-matching.ts";
import { implied, operationsOf, type ResourceType } from "./decision.ts";

/**
 * IAM policies that allow what ACLs allow. Pure. Actions and what they correspond to: MSK developer guide,
 * kafka-actions.html; resources: msk-iam-resource-types.html.
 */

type Statement = {
  readonly Effect: "Allow" | "Deny";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: { readonly IpAddress: Readonly<Record<string, readonly string[]>> };
};

export type PolicyDocument = { readonly Version: "2012-10-17"; readonly Statement: readonly Statement[] };

/** One ACL that a policy does not express, or not exactly. */
export type PolicyGap = { readonly acl: Acl; readonly why: string; readonly lost: boolean };

export type PrincipalPolicy = {
  readonly principal: string;
  /** More than one where the whole is longer than a managed policy may be. All of them are to be attached. */
  readonly documents: readonly PolicyDocument[];
  readonly gaps: readonly PolicyGap[];
};

/** The target cluster's ARN, "arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID". */
export type ClusterArn = string;

/** IAM's quota for a managed policy, white space not counted (IAM user guide, reference_iam-quotas.html). */
const policyCharacters = 6144;

const actions: Readonly<Record<string, string>> = {
  "TOPIC READ": "ReadData",
  "TOPIC WRITE": "WriteData",
  "TOPIC CREATE": "CreateTopic",
  "TOPIC DESCRIBE": "DescribeTopic",
  "TOPIC DELETE": "DeleteTopic",
  "TOPIC ALTER": "AlterTopic",
  "TOPIC DESCRIBE_CONFIGS": "DescribeTopicDynamicConfiguration",
  "TOPIC ALTER_CONFIGS": "AlterTopicDynamicConfiguration",
  "GROUP READ": "AlterGroup",
  "GROUP DESCRIBE": "DescribeGroup",
  "GROUP DELETE": "DeleteGroup",
  "TRANSACTIONAL_ID DESCRIBE": "DescribeTransactionalId",
  "TRANSACTIONAL_ID WRITE": "AlterTransactionalId",
  "CLUSTER ALTER": "AlterCluster",
  "CLUSTER DESCRIBE": "DescribeCluster",
  "CLUSTER DESCRIBE_CONFIGS": "DescribeClusterDynamicConfiguration",
  "CLUSTER ALTER_CONFIGS": "AlterClusterDynamicConfiguration",
  "CLUSTER IDEMPOTENT_WRITE": "WriteDataIdempotently",
};

/** "kafka-cluster:ReadData"; `undefined`: IAM has no action for it. */
export function actionOf(resourceType: ResourceType, operation: string): string | undefined {
  const name = actions[`${resourceType} ${operation}`];
  return name === undefined ? undefined : `kafka-cluster:${name}`;
}

/** ARN of a resource on this cluster; `name` may hold IAM's wildcards. */
export function resourceArn(cluster: ClusterArn, type: ResourceType, name: string): string {
  if (type === "CLUSTER") return cluster;
  const kind = type === "TRANSACTIONAL_ID" ? "transactional-id" : type.toLowerCase();
  return `${cluster.replace(":cluster/", `:${kind}/`)}/${name}`;
}

/** For one principal: from the ACLs that name it and those for everybody. ACLs of others are not looked at. */
export function policyFor(principal: string, acls: readonly Acl[], cluster: ClusterArn): PrincipalPolicy {
  const own = acls.filter((acl) => isFor(acl.principal, principal));
  const isWriter = own.some((acl) => acl.resourceType === "TOPIC" && isAllowOf(acl, "WRITE"));
  const makesAll = mayCreateAnything(own);
  const gaps: PolicyGap[] = [];
  const drafts: Draft[] = [draft("Allow", ["kafka-cluster:Connect"], cluster)];
  // Kafka 3.0 and newer asks an idempotent producer for no more than WRITE on a topic (KIP-679); IAM asks for this.
  if (isWriter) drafts.push(draft("Allow", ["kafka-cluster:WriteDataIdempotently"], cluster));
  if (makesAll)
    drafts.push(draft("Allow", ["kafka-cluster:CreateTopic"], resourceArn(cluster, "TOPIC", "*")));
  for (const acl of own) {
    const { draft: found, gap } = draftOf(acl, { isWriter, makesAll, cluster });
    if (found !== undefined) drafts.push(found);
    if (gap !== undefined) gaps.push(gap);
  }
  return { principal, documents: documentsOf(merged(drafts)), gaps };
}

type Draft = {
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resource: string;
  /** CIDR block; absent: from anywhere. */
  readonly from?: string;
};

type Circumstances = { readonly isWriter: boolean; readonly makesAll: boolean; readonly cluster: ClusterArn };

function draft(effect: Draft["effect"], wanted: readonly string[], resource: string, from?: string): Draft {
  return { effect, actions: wanted, resource, ...(from === undefined ? {} : { from }) };
}

function draftOf(acl: Acl, circumstances: Circumstances): { draft?: Draft; gap?: PolicyGap } {
  const type = policyTypes.find((each) => each === acl.resourceType);
  if (type === undefined) {
    const why = `IAM has no resource for ${acl.resourceType.toLowerCase().replace("_", " ")}s`;
    return { gap: { acl, why, lost: true } };
  }
  const from = blockOf(acl.host);
  if (from === undefined) {
    return { gap: { acl, why: `${acl.host} is no IP address: Kafka compares addresses only`, lost: true } };
  }
  if (!/^[\t\n\r\u0020-\u00ff]*$/.test(acl.resourceName)) {
    return { gap: { acl, why: "its name holds characters that IAM policies do not take", lost: true } };
  }
  const isAllow = acl.permission === "ALLOW";
  const operations = spread(acl.operation, type, isAllow).filter((name) => !isVain(acl, name, circumstances));
  const wanted = operations.flatMap((name) => actionOf(type, name) ?? []);
  const gap = gapOf(acl, type, circumstances);
  if (wanted.length === 0) return gap === undefined ? {} : { gap };
  const resource = resourceArn(circumstances.cluster, type, pattern(acl));
  const made = draft(isAllow ? "Allow" : "Deny", wanted, resource, from === "" ? undefined : from);
  return { draft: made, ...(gap === undefined ? {} : { gap }) };
}

const policyTypes = ["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID"] as const;

/** A DENY of something that Kafka grants on another ground, and so does not deny. */
function isVain({ permission, resourceType }: Acl, operation: string, about: Circumstances): boolean {
  if (permission === "ALLOW") return false;
  if (resourceType === "CLUSTER") return operation === "IDEMPOTENT_WRITE" && about.isWriter;
  return resourceType === "TOPIC" && operation === "CREATE" && about.makesAll;
}

function gapOf(acl: Acl, type: ResourceType, { makesAll }: Circumstances): PolicyGap | undefined {
  if (type === "CLUSTER" && acl.operation === "CREATE") {
    if (acl.permission === "ALLOW" && makesAll) return undefined;
    const why =
      "IAM knows CreateTopic for topics only; CREATE on the cluster is left out where a DENY or a host limits it";
    return { acl, why, lost: acl.permission === "ALLOW" };
  }
  if (acl.operation !== "ALL" && actionOf(type, acl.operation) === undefined) {
    return { acl, why: `IAM has no action for ${acl.operation} on a ${type.toLowerCase()}`, lost: true };
  }
  if (acl.host === "*") return undefined;
  const effect = acl.permission === "ALLOW" ? "the ALLOW holds" : "the DENY holds";
  const why = `only nearly: ${effect} where AWS knows the client as aws:SourceIp, which is another address behind NAT, and absent through a VPC endpoint`;
  return { acl, why, lost: false };
}

/** ALL as each operation; an ALLOW with what it includes. */
function spread(operation: string, type: ResourceType, isAllow: boolean): readonly string[] {
  if (operation === "ALL") return operationsOf[type];
  return isAllow ? [operation, ...implied(operation)] : [operation];
}

/** CREATE on the cluster, from anywhere and not denied, lets create any topic, whatever ACLs of the topic say. */
export function mayCreateAnything(own: readonly Acl[]): boolean {
  const mine = own.filter(({ resourceType }) => resourceType === "CLUSTER");
  const isDenied = mine.some(
    ({ permission, operation }) => permission === "DENY" && isOneOf(operation, "CREATE"),
  );
  return !isDenied && mine.some((acl) => acl.host === "*" && isAllowOf(acl, "CREATE"));
}

function isAllowOf({ permission, operation }: Acl, wanted: string): boolean {
  return permission === "ALLOW" && isOneOf(operation, wanted);
}

function isOneOf(operation: string, wanted: string): boolean {
  return operation === wanted || operation === "ALL";
}

/** Name with IAM's own wildcards escaped (reference_policies_variables.html), and "*" for a prefix's rest. */
function pattern({ resourceName, patternType }: Acl): string {
  if (resourceName === anyName && patternType === "LITERAL") return "*";
  const escaped = resourceName.replaceAll(/[*?$]/g, (sign) => `\${${sign}}`);
  return patternType === "PREFIXED" ? `${escaped}*` : escaped;
}

/** "": from anywhere; `undefined`: no address. */
function blockOf(host: string): string | undefined {
  if (host === "*") return "";
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return `${host}/32`;
  return /^[0-9a-f:]+$/i.test(host) && host.includes(":") ? `${host}/128` : undefined;
}

/** Statements of equal effect, origin and actions together. */
function merged(drafts: readonly Draft[]): readonly Statement[] {
  const alike = Map.groupBy(drafts, ({ effect, actions: wanted, from = "" }) =>
    JSON.stringify([effect, from, [...new Set(wanted)].toSorted()]),
  );
  return [...alike.values()].flatMap((group): readonly Statement[] => {
    const [first] = group;
    if (first === undefined) return [];
    const { effect, from } = first;
    return [
      {
        Effect: effect,
        Action: [...new Set(first.actions)].toSorted(),
        Resource: [...new Set(group.map(({ resource }) => resource))].toSorted(),
        ...(from === undefined ? {} : { Condition: { IpAddress: { "aws:SourceIp": [from] } } }),
      },
    ];
  });
}

/** Cut where the next resource would be too much. */
function documentsOf(statements: readonly Statement[]): readonly PolicyDocument[] {
  const documents: Statement[][] = [[]];
  let room = policyCharacters - 40;
  for (const statement of statements) {
    let resources: string[] = [];
    const empty = JSON.stringify({ ...statement, Resource: [] }).length + 1;
    const close = () => {
      if (resources.length > 0) documents.at(-1)?.push({ ...statement, Resource: resources });
      resources = [];
    };
    room -= empty;
    for (const resource of statement.Resource) {
      const size = JSON.stringify(resource).length + 1;
      if (room < size) {
        close();
        documents.push([]);
        room = policyCharacters - 40 - empty;
      }
      resources.push(resource);
      room -= size;
    }
    close();
  }
  return documents
    .filter((each) => each.length > 0)
    .map((Statement) => ({ Version: "2012-10-17", Statement }));
}
