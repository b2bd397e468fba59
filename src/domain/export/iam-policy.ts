import { mayScaleStorage } from "#domain/msk/storage-scaling.ts";
import type { Migration } from "#domain/settings.ts";
import {
  brokerActions,
  type IamResource,
  type IamStep,
  iamSteps,
  mskActions,
  networkActions,
  type ReplicatorCall,
  replicatorActions,
  resourceOf,
} from "./iam-actions.ts";
import { arnsOf, type Side, sids, site } from "./iam-arns.ts";

/** The least that the bot's role must be allowed for this migration, as IAM takes it. */

export type Statement = {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

export type IamPolicy = { readonly Version: "2012-10-17"; readonly Statement: readonly Statement[] };

/** IAM's quota for a managed policy, white space not counted (IAM user guide, reference_iam-quotas.html). */
export const policyCharacters = 6144;

type IamPolicies = {
  /** For all steps together. */
  readonly whole: IamPolicy;
  /** For the role that the profile of source.network.accepter leads to; absent where no other one is used. */
  readonly accepter: IamPolicy | undefined;
  /** For a role of its own per step, or one that is widened when the step comes. */
  readonly steps: ReadonlyArray<{ readonly step: IamStep["name"]; readonly policy: IamPolicy }>;
};

/** One permission, before it is put together with others of the same resource. */
type Grant = Omit<Statement, "Effect" | "Action" | "Sid"> & { readonly action: string; readonly sid: string };

export function iamPolicies(migration: Migration): IamPolicies {
  const apart = migration.settings.source.network.accepter?.profile !== undefined;
  const steps = iamSteps.map((step) => ({
    step: step.name,
    grants: [...grantsOf(step, migration), ...(apart ? [] : accepterGrants(step, migration))],
  }));
  return {
    whole: policyOf(steps.flatMap(({ grants }) => grants)),
    accepter: apart ? policyOf(iamSteps.flatMap((step) => accepterGrants(step, migration))) : undefined,
    steps: steps.map(({ step, grants }) => ({ step, policy: policyOf(grants) })),
  };
}

function grantsOf(step: IamStep, migration: Migration): readonly Grant[] {
  const scram = migration.settings.target.auth === "scram";
  const scales = mayScaleStorage(migration.settings.target);
  const msk = step.msk
    .filter((method) => scram || (method !== "scramSecrets" && method !== "associateScram"))
    .filter((method) => scales || !ofScaling.has(method))
    .flatMap((method) => mskActions[method]);
  const found = step.brokers ? [...mskActions.findCluster, ...mskActions.bootstrap] : [];
  const own = [...msk, ...found, ...replicatorCalls(step, migration)].map((action) =>
    grant(action, resourceOf(action), migration),
  );
  const side = migration.settings.source.network.accepter === undefined ? "both" : "target";
  return [
    ...own,
    ...networkGrants(step, migration, side),
    ...(step.brokers ? brokerGrants(migration) : []),
    ...(step.name === "provision" ? creationGrants(migration) : []),
    ...(scales && step.name === "provision" ? scalingGrants(migration) : []),
    ...(step.replicator.includes("create") ? replicatorGrants(migration) : []),
  ];
}

/** What is done on the source's side where it is another account or Region; the bot's role where no profile leads there. */
function accepterGrants(step: IamStep, migration: Migration): readonly Grant[] {
  if (migration.settings.source.network.accepter === undefined) return [];
  return networkGrants(step, migration, "source");
}

/** What only one of two sides is asked; everything else is asked of both. */
const onlyAt: Readonly<Record<string, Side>> = {
  vpc: "source",
  acceptPeering: "source",
  tagPeering: "source",
  createPeering: "target",
  vpcOfSubnets: "target",
};

function networkGrants(step: IamStep, migration: Migration, side: Side): readonly Grant[] {
  // On the source's side the plan, the brokers and the mirror ask nothing of the network.
  if (side === "source" && step.name !== "network" && step.name !== "cleanup") return [];
  const { kind } = migration.settings.source.network;
  const actions = step.network
    .filter((method) => isOfKind(method, kind) && isAskedAt(side, method, migration))
    .flatMap((method) => networkActions[method]);
  return [
    ...actions.map((action) => grant(action, resourceOf(action), migration, side)),
    ...(step.name === "network" && kind === "peering" ? tagGrants(migration, side) : []),
  ];
}

function isOfKind(method: string, kind: Migration["settings"]["source"]["network"]["kind"]): boolean {
  if (changesNetwork.has(method)) return kind === "peering";
  return !looksAtGateways.has(method) || kind === "transit-gateway" || kind === "vpn";
}

function isAskedAt(side: Side, method: string, { settings }: Migration): boolean {
  if (side === "both") return method !== "tagPeering";
  if (side === "target") return onlyAt[method] !== "source";
  const { kind, securityGroups } = settings.source.network;
  if (method === "ingress" || method === "allowIngress") return securityGroups.length > 0;
  // Those of an attachment.
  if (method === "subnets") return kind === "transit-gateway";
  return onlyAt[method] !== "target";
}

/** Of an engine whose section is left only so that its mirrors can be taken over, none is created any more. */
function replicatorCalls(step: IamStep, { settings: { replication } }: Migration): readonly string[] {
  if (replication.replicator === undefined) return [];
  const isEngine = replication.engine === "replicator";
  const calls = step.replicator.filter((call) => isEngine || !makesReplicators.has(call));
  // The plan asks the engine whether it could run, and this one looks at the target.
  const looked = isEngine && step.name === "plan" ? mskActions.findCluster : [];
  return [...calls.flatMap((call) => replicatorActions[call]), ...looked];
}

const makesReplicators = new Set<ReplicatorCall>(["create", "update"]);

/** What AWS asks of the caller of CreateReplicator beside it: guide, msk-replicator-create-iam-perms.html. */
function replicatorGrants(migration: Migration): readonly Grant[] {
  const { engine, replicator } = migration.settings.replication;
  if (engine !== "replicator" || replicator === undefined) return [];
  const lookups = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
  const logs = replicator.logGroup === undefined ? [] : logDelivery;
  return [
    grant("kafka:TagResource", "new-replicator", migration),
    grant("kafka:ListTagsForResource", "replicator", migration),
    grant("kafka:DescribeClusterV2", "cluster", migration),
    { action: "iam:CreateServiceLinkedRole", sid: "ServiceRole", Resource: [serviceRole(migration)] },
    {
      action: "iam:PassRole",
      sid: "PassRole",
      Resource: [replicator.role],
      Condition: { StringEquals: { "iam:PassedToService": "kafka.amazonaws.com" } },
    },
    ...[...lookups, ...logs].map((action) => grant(action, "any", migration)),
  ];
}

/** Others made the way already: the bot looks only. */
const changesNetwork = new Set<string>([
  "createPeering",
  "acceptPeering",
  "tagPeering",
  "resolveDns",
  "createRoute",
  "deleteRoute",
  "allowIngress",
]);

/** The bot makes the way itself, or there is none to look at. */
const looksAtGateways = new Set<string>(["attachments", "vpnConnections"]);

function brokerGrants(migration: Migration): readonly Grant[] {
  if (migration.settings.target.auth !== "iam") return [];
  const all = Object.values(brokerActions).flat();
  return all.map(({ action, resource }) => grant(action, resource, migration));
}

/** What AWS asks of the caller while it creates: dependent actions of CreateClusterV2 and BatchAssociateScramSecret. */
function creationGrants(migration: Migration): readonly Grant[] {
  const { target } = migration.settings;
  const role = serviceRole(migration);
  const lookups = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
  const role4 = ["iam:CreateServiceLinkedRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"];
  const keys = [
    ...(target.kmsKey === undefined ? [] : ["kms:CreateGrant", "kms:DescribeKey"]),
    ...(target.auth === "scram" ? ["kms:CreateGrant", "kms:RetireGrant"] : []),
  ];
  const { logGroup, logs: places } = target;
  const logs = [
    ...(logGroup === undefined && places.s3 === undefined && places.firehose === undefined
      ? []
      : logDelivery),
    ...(places.s3 === undefined ? [] : ["s3:GetBucketPolicy", "s3:PutBucketPolicy"]),
    ...(places.firehose === undefined ? [] : ["firehose:TagDeliveryStream"]),
  ];
  return [
    grant("kafka:TagResource", "cluster", migration),
    ...lookups.map((action) => grant(action, "any", migration)),
    ...role4.map((action) => ({ action, sid: "ServiceRole", Resource: [role] })),
    ...keys.map((action) => ({
      action,
      sid: "Keys",
      Resource: [target.auth === "scram" ? "*" : (target.kmsKey ?? "*")],
    })),
    ...logs.map((action) => grant(action, "any", migration)),
  ];
}

/** Storage that grows by itself: neither asked for nor made where ferry.yaml turns it off or AWS manages the storage. */
const ofScaling = new Set<string>(["storageScaling", "registerStorage", "putStoragePolicy"]);

/**
 * What AWS asks of the caller of RegisterScalableTarget and PutScalingPolicy beside them: the tags, its role for MSK, and
 * what that role does (Application Auto Scaling user guide, security_iam_id-based-policy-examples.html;
 * AWSApplicationAutoscalingKafkaClusterPolicy).
 */
function scalingGrants(migration: Migration): readonly Grant[] {
  const { partition } = site(migration);
  const service = "kafka.application-autoscaling.amazonaws.com";
  const role = `arn:${partition}:iam::*:role/aws-service-role/${service}/AWSServiceRoleForApplicationAutoScaling_KafkaCluster`;
  const onCluster = ["kafka:DescribeCluster", "kafka:DescribeClusterOperation", "kafka:UpdateBrokerStorage"];
  const onAlarms = ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"];
  return [
    grant("application-autoscaling:TagResource", "scalable-target", migration),
    { action: "iam:CreateServiceLinkedRole", sid: "ScalingRole", Resource: [role] },
    ...onCluster.map((action) => grant(action, "cluster", migration)),
    ...onAlarms.map((action) => grant(action, "alarm", migration)),
    grant("cloudwatch:DescribeAlarms", "any", migration),
  ];
}

function serviceRole(migration: Migration): string {
  const { partition } = site(migration);
  return `arn:${partition}:iam::*:role/aws-service-role/kafka.amazonaws.com/AWSServiceRoleForKafka*`;
}

/** For a CloudWatch log group as destination of logs, the brokers' or the Replicator's: guide, msk-logging.html. */
const logDelivery = [
  "logs:CreateLogDelivery",
  "logs:GetLogDelivery",
  "logs:UpdateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:DescribeResourcePolicies",
  "logs:DescribeLogGroups",
];

/** The tags go with the requests that make the peering and the rules, and with no other. */
function tagGrants(migration: Migration, side: Side): readonly Grant[] {
  const { partition, region, account } = site(migration, side);
  const ec2 = `arn:${partition}:ec2:${region}:${account}`;
  const ofPeering: Grant = {
    action: "ec2:CreateTags",
    sid: "TagPeering",
    Resource: [`${ec2}:vpc-peering-connection/*`],
    Condition: { StringEquals: { "ec2:CreateAction": "CreateVpcPeeringConnection" } },
  };
  const ofRules: Grant = {
    action: "ec2:CreateTags",
    sid: "TagRules",
    Resource: [`${ec2}:security-group-rule/*`],
    Condition: { StringEquals: { "ec2:CreateAction": "AuthorizeSecurityGroupIngress" } },
  };
  return side === "source" ? [ofRules] : [ofPeering, ofRules];
}

/**
 * The one statement that lets this action pass, on the resources of this migration. `side`: whose role lacks it, where
 * that is known.
 */
export function statementFor(
  action: string,
  migration: Migration,
  side?: "target" | "source",
): Statement | undefined {
  const own = side === "source" ? [] : iamSteps.flatMap((step) => grantsOf(step, migration));
  const others = side === "target" ? [] : iamSteps.flatMap((step) => accepterGrants(step, migration));
  const [first, ...more] = policyOf([...own, ...others].filter((each) => each.action === action)).Statement;
  if (first === undefined) return undefined;
  const { Condition: _, ...plain } = first;
  const Resource = [...new Set([first, ...more].flatMap((each) => each.Resource))];
  return more.length === 0 ? first : { ...plain, Resource };
}

function grant(action: string, resource: IamResource, migration: Migration, side: Side = "both"): Grant {
  return { action, sid: sids[resource], Resource: arnsOf(resource, migration, side) };
}

/** Statements by resource and condition, actions sorted. */
function policyOf(grants: readonly Grant[]): IamPolicy {
  const alike = Map.groupBy(grants, ({ Resource, Condition }) => JSON.stringify([Resource, Condition]));
  const used = new Map<string, number>();
  const statements = [...alike.values()].flatMap((group): readonly Statement[] => {
    const [first] = group;
    if (first === undefined) return [];
    const { sid, Resource, Condition } = first;
    const number = (used.get(sid) ?? 0) + 1;
    used.set(sid, number);
    const Sid = number === 1 ? sid : `${sid}${number}`;
    const Action = [...new Set(group.map(({ action }) => action))].toSorted();
    return [{ Sid, Effect: "Allow", Action, Resource, ...(Condition === undefined ? {} : { Condition }) }];
  });
  return { Version: "2012-10-17", Statement: statements };
}
