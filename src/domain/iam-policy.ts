import { aliases } from "./flow.ts";
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
import type { Migration } from "./settings.ts";

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
  /** For a role of its own per step, or one that is widened when the step comes. */
  readonly steps: ReadonlyArray<{ readonly step: IamStep["name"]; readonly policy: IamPolicy }>;
};

/** One permission, before it is put together with others of the same resource. */
type Grant = Omit<Statement, "Effect" | "Action" | "Sid"> & { readonly action: string; readonly sid: string };

export function iamPolicies(migration: Migration): IamPolicies {
  const steps = iamSteps.map((step) => ({ step: step.name, grants: grantsOf(step, migration) }));
  return {
    whole: policyOf(steps.flatMap(({ grants }) => grants)),
    steps: steps.map(({ step, grants }) => ({ step, policy: policyOf(grants) })),
  };
}

function grantsOf(step: IamStep, migration: Migration): readonly Grant[] {
  const { kind, accepter } = migration.settings.source.network;
  const peering = kind === "peering";
  const looks = kind === "transit-gateway" || kind === "vpn";
  const scram = migration.settings.target.auth === "scram";
  const msk = step.msk
    .filter((method) => scram || (method !== "scramSecrets" && method !== "associateScram"))
    .flatMap((method) => mskActions[method]);
  const network = step.network
    .filter((method) => peering || !changesNetwork.has(method))
    .filter((method) => looks || !looksAtGateways.has(method))
    .filter((method) => accepter !== undefined || method !== "tagPeering")
    .flatMap((method) => networkActions[method]);
  const found = step.brokers ? [...mskActions.findCluster, ...mskActions.bootstrap] : [];
  const own = [...msk, ...network, ...found, ...replicatorCalls(step, migration)].map((action) =>
    grant(action, resourceOf(action), migration),
  );
  return [
    ...own,
    ...(step.brokers ? brokerGrants(migration) : []),
    ...(step.name === "provision" ? creationGrants(migration) : []),
    ...(step.name === "network" && peering ? tagGrants(migration) : []),
    ...(step.replicator.includes("create") ? replicatorGrants(migration) : []),
  ];
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
function tagGrants(migration: Migration): readonly Grant[] {
  const { partition, account } = site(migration);
  const { region } = migration.settings.target;
  const ec2 = `arn:${partition}:ec2:${region}:${account}`;
  return [
    {
      action: "ec2:CreateTags",
      sid: "TagPeering",
      Resource: [`${ec2}:vpc-peering-connection/*`],
      Condition: { StringEquals: { "ec2:CreateAction": "CreateVpcPeeringConnection" } },
    },
    {
      action: "ec2:CreateTags",
      sid: "TagRules",
      Resource: [`${ec2}:security-group-rule/*`],
      Condition: { StringEquals: { "ec2:CreateAction": "AuthorizeSecurityGroupIngress" } },
    },
  ];
}

/** The one statement that lets this action pass, on the resources of this migration. */
export function statementFor(action: string, migration: Migration): Statement | undefined {
  const all = iamSteps.flatMap((step) => grantsOf(step, migration)).filter((each) => each.action === action);
  return policyOf(all).Statement[0];
}

function grant(action: string, resource: IamResource, migration: Migration): Grant {
  return { action, sid: sids[resource], Resource: arnsOf(resource, migration) };
}

const sids: Readonly<Record<IamResource, string>> = {
  any: "Any",
  cluster: "Cluster",
  configuration: "Configuration",
  peering: "Peering",
  "route-table": "Routes",
  "security-group": "SecurityGroups",
  replicator: "Replicators",
  "new-replicator": "NewReplicators",
  "broker-cluster": "BrokerCluster",
  "broker-topic": "BrokerTopics",
  "broker-own-topic": "BrokerOwnTopics",
  "broker-group": "BrokerGroups",
  "broker-transaction": "BrokerTransactions",
};

type Site = { readonly partition: string; readonly account: string };

/** The account stands in ferry.yaml only within ARNs; "*" there still means the account of the role. */
function site({ settings: { target } }: Migration): Site {
  const { region, kmsKey, scram } = target;
  const [arn] = [kmsKey, ...(scram?.secretArns ?? [])].filter((each) => each?.startsWith("arn:") === true);
  const account = arn?.split(":")[4];
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return { partition, account: account === undefined || account === "" ? "*" : account };
}

function arnsOf(resource: IamResource, migration: Migration): readonly string[] {
  const { partition, account } = site(migration);
  const { target, source } = migration.settings;
  const kafka = `arn:${partition}:kafka:${target.region}:${account}`;
  const ec2 = `arn:${partition}:ec2:${target.region}:${account}`;
  const own = `${kafka}:topic/${target.cluster}/*`;
  const cluster = [`${kafka}:cluster/${target.cluster}/*`];
  const groups = [...new Set([...target.securityGroups, ...source.network.securityGroups])];
  const arns: Readonly<Record<IamResource, readonly string[]>> = {
    any: ["*"],
    cluster,
    configuration: [`${kafka}:configuration/ferry-${target.cluster}/*`],
    peering: [`${ec2}:vpc/*`, `${ec2}:vpc-peering-connection/*`],
    "route-table": [`${ec2}:route-table/*`],
    "security-group": groups.map((group) => `${ec2}:security-group/${group}`),
    replicator: [`${kafka}:replicator/ferry-${migration.name}-*`],
    // The guide names no narrower one: whether the ARN of one to be made holds its name is not said.
    "new-replicator": [`${kafka}:replicator/*`],
    "broker-cluster": cluster,
    "broker-topic": [`${own}/*`],
    "broker-own-topic": [
      `${own}/ferry-${migration.name}-*`,
      ...Object.values(aliases).flatMap((alias) => [
        `${own}/mm2-offset-syncs.${alias}.internal`,
        `${own}/${alias}.checkpoints.internal`,
      ]),
    ],
    "broker-group": [`${kafka}:group/${target.cluster}/*/*`],
    "broker-transaction": [`${kafka}:transactional-id/${target.cluster}/*/*`],
  };
  return arns[resource];
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
