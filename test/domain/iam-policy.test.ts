import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  brokerActions,
  iamSteps,
  mskActions,
  networkActions,
  replicatorActions,
} from "#domain/export/iam-actions.ts";
import { type IamPolicy, iamPolicies, policyCharacters, statementFor } from "#domain/export/iam-policy.ts";
import { MigrationSettings } from "#domain/settings.ts";
import { createFakeKafka } from "#support/fake-kafka.ts";

const root = new URL("../../", import.meta.url).pathname;

function migration(change: { target?: object; source?: object; replication?: object } = {}) {
  const settings = MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"], ...change.source },
    target: {
      cluster: "migrated",
      region: "eu-west-1",
      auth: "iam",
      subnets: ["subnet-a", "subnet-b", "subnet-c"],
      securityGroups: ["sg-1"],
      ...change.target,
    },
    replication: { connect: { url: "http://connect:8083" }, ...change.replication },
  });
  return { name: "orders", settings };
}

const peering = { network: { kind: "peering", vpc: "vpc-1", securityGroups: ["sg-2"] } };
const scram = {
  auth: "scram",
  scram: {
    username: "ferry",
    passwordEnv: "P",
    secretArns: ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_ferry-a1b2c3"],
  },
};

const role = "arn:aws:iam::123456789012:role/replicator";
const secretArn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_source-a1b2c3";
const replicator = { role, scram: { mechanism: "SHA512", secretArn }, logGroup: "/replicator" };

function actionsOf({ Statement }: IamPolicy): readonly string[] {
  return Statement.flatMap(({ Action }) => Action);
}

function resourcesFor(action: string, { Statement }: IamPolicy): readonly string[] {
  return Statement.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource);
}

/** Which step of the policy a file of the product belongs to. */
function stepOf(file: string): string {
  if (file === "jobs/plan.ts") return "plan";
  const [, step] = /^jobs\/aws\/(provision|features)/.exec(file) ?? [];
  if (step !== undefined) return step;
  if (/^jobs\/aws\/(create-cluster|storage-scaling)\.ts$/.test(file)) return "provision";
  if (file.startsWith("jobs/aws/")) return "network";
  return file.startsWith("jobs/cleanup/") ? "cleanup" : "replicate and after";
}

describe("what the policy allows", () => {
  it("is what each step really calls", () => {
    const files = [...globSync("jobs/**/*.ts", { cwd: root }), "src/world.ts"];
    const found = new Map<string, Set<string>>();
    for (const file of files) {
      const calls = readFileSync(`${root}${file}`, "utf8").matchAll(
        /\b(msk|network|atSource|atTarget)\s*\.(\w+)\(/g,
      );
      for (const [, port, method] of calls) {
        const step = stepOf(file);
        const name = port === "msk" ? port : "network";
        found.set(step, (found.get(step) ?? new Set()).add(`${name}.${method}`));
      }
    }
    const said = iamSteps.map(({ name, msk, network }) => [
      name,
      [...msk.map((method) => `msk.${method}`), ...network.map((method) => `network.${method}`)].toSorted(),
    ]);
    expect(Object.fromEntries(said)).toEqual(
      Object.fromEntries([...found].map(([step, calls]) => [step, [...calls].toSorted()])),
    );
  });

  it("knows every request that the bot makes of brokers", () => {
    const requests = Object.entries(createFakeKafka({ role: "target" }).cluster)
      .filter(([name, member]) => typeof member === "function" && name !== "close")
      .map(([name]) => name);
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.filter((name) => brokerActions[name] === undefined)).toEqual([]);
  });

  it("covers every action that an adapter names, and no other", () => {
    const adapters = globSync("src/adapters/*.ts", { cwd: root })
      .filter((file) => /\/(?:ec2|msk)(?:-\w+)*\.ts$/.test(file))
      .map((file) => [file, readFileSync(`${root}${file}`, "utf8")] as const);
    expect(adapters.length).toBeGreaterThan(4);
    const named = adapters.flatMap(([file, text]) => {
      const own = file.includes("storage-scaling") ? "application-autoscaling" : "kafka";
      const service = file.includes("/ec2") ? "ec2" : own;
      return [...text.matchAll(/\b(?:ask|change|call|called)\(\s*"(\w+)"/g)].map(
        ([, name]) => `${service}:${name}`,
      );
    });
    const literal = globSync("src/adapters/**/*.ts", { cwd: root }).flatMap((file) =>
      [...readFileSync(`${root}${file}`, "utf8").matchAll(/\baction: "(\w+:\w+)"/g)].map(
        ([, name]) => `${name}`,
      ),
    );
    const tables = [mskActions, networkActions, replicatorActions].flatMap((table) => Object.values(table));
    expect([...new Set(tables.flat())].toSorted()).toEqual([...new Set([...named, ...literal])].toSorted());
  });
});

describe("the policy of a migration", () => {
  it("names the cluster, its configuration and its brokers' topics by ARN", () => {
    const { whole } = iamPolicies(migration());
    expect(resourcesFor("kafka:UpdateBrokerStorage", whole)).toEqual([
      "arn:aws:kafka:eu-west-1:*:cluster/migrated/*",
    ]);
    expect(resourcesFor("kafka:UpdateConfiguration", whole)).toEqual([
      "arn:aws:kafka:eu-west-1:*:configuration/ferry-migrated/*",
    ]);
    expect(resourcesFor("kafka-cluster:CreateTopic", whole)).toEqual([
      "arn:aws:kafka:eu-west-1:*:topic/migrated/*/*",
    ]);
    expect(resourcesFor("kafka-cluster:DeleteTopic", whole)).toContain(
      "arn:aws:kafka:eu-west-1:*:topic/migrated/*/ferry-orders-*",
    );
    expect(actionsOf(whole)).not.toContain("kafka-cluster:WriteData");
  });

  it("asks for '*' only where the action takes nothing else", () => {
    const open = iamPolicies(
      migration({ source: peering, target: { logGroup: "/msk" } }),
    ).whole.Statement.filter(({ Resource }) => Resource.includes("*"));
    expect(open).toHaveLength(1);
    for (const action of open.flatMap(({ Action }) => Action)) {
      expect(action).toMatch(
        /^(kafka|ec2):(List|Describe|Create(Cluster|Configuration))|^(logs:|cloudwatch:(GetMetricData|DescribeAlarms)$|application-autoscaling:Describe)/,
      );
    }
  });

  it("allows no change of the network where others made the way", () => {
    const changing = /^ec2:(?!Describe)/;
    expect(actionsOf(iamPolicies(migration()).whole).filter((action) => changing.test(action))).toEqual([]);
    const peered = iamPolicies(migration({ source: peering })).whole;
    expect(
      actionsOf(peered)
        .filter((action) => changing.test(action))
        .toSorted(),
    ).toEqual([
      "ec2:AcceptVpcPeeringConnection",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateRoute",
      "ec2:CreateTags",
      "ec2:CreateTags",
      "ec2:CreateVpcPeeringConnection",
      "ec2:DeleteRoute",
      "ec2:ModifyVpcPeeringConnectionOptions",
    ]);
    expect(resourcesFor("ec2:AuthorizeSecurityGroupIngress", peered)).toEqual([
      "arn:aws:ec2:eu-west-1:*:security-group/sg-1",
      "arn:aws:ec2:eu-west-1:*:security-group/sg-2",
      "arn:aws:ec2:eu-west-1:*:security-group-rule/*",
    ]);
  });

  it("has a policy of its own for the role that accepts, in its Region, and none of that side in the bot's", () => {
    const accepter = { region: "eu-central-1", profile: "partner" };
    const settings = migration({ source: { network: { ...peering.network, accepter } } });
    const { whole, accepter: other } = iamPolicies(settings);
    const there = other ?? whole;
    expect([...new Set(actionsOf(there))].toSorted()).toEqual([
      "ec2:AcceptVpcPeeringConnection",
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateRoute",
      "ec2:CreateTags",
      "ec2:DeleteRoute",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeVpcPeeringConnections",
      "ec2:DescribeVpcs",
      "ec2:ModifyVpcPeeringConnectionOptions",
    ]);
    expect(resourcesFor("ec2:AuthorizeSecurityGroupIngress", there)).toEqual([
      "arn:aws:ec2:eu-central-1:*:security-group/sg-2",
      "arn:aws:ec2:eu-central-1:*:security-group-rule/*",
    ]);
    expect(resourcesFor("ec2:CreateTags", there)).toContain(
      "arn:aws:ec2:eu-central-1:*:vpc-peering-connection/*",
    );
    expect(JSON.stringify(whole)).not.toContain("eu-central-1");
    expect(actionsOf(whole)).not.toContain("ec2:AcceptVpcPeeringConnection");
    expect(resourcesFor("ec2:AuthorizeSecurityGroupIngress", whole)).not.toContain(
      "arn:aws:ec2:eu-west-1:*:security-group/sg-2",
    );
    expect(statementFor("ec2:CreateRoute", settings, "source")?.Resource).toEqual([
      "arn:aws:ec2:eu-central-1:*:route-table/*",
    ]);
    expect(statementFor("ec2:CreateRoute", settings)?.Resource).toEqual([
      "arn:aws:ec2:eu-west-1:*:route-table/*",
      "arn:aws:ec2:eu-central-1:*:route-table/*",
    ]);
  });

  it("gives the bot's role both Regions where no profile leads to another one", () => {
    const accepter = { region: "eu-central-1" };
    const { whole, accepter: other } = iamPolicies(
      migration({ source: { network: { ...peering.network, accepter } } }),
    );
    expect(other).toBeUndefined();
    expect(resourcesFor("ec2:CreateRoute", whole)).toEqual([
      "arn:aws:ec2:eu-west-1:*:route-table/*",
      "arn:aws:ec2:eu-central-1:*:route-table/*",
    ]);
    expect(resourcesFor("ec2:AcceptVpcPeeringConnection", whole)).toEqual([
      "arn:aws:ec2:eu-central-1:*:vpc/*",
      "arn:aws:ec2:eu-central-1:*:vpc-peering-connection/*",
    ]);
  });

  it("lets any configuration be read, since a cluster that is adopted may run on any, and only its own be changed", () => {
    const { whole } = iamPolicies(migration());
    expect(resourcesFor("kafka:DescribeConfigurationRevision", whole)).toEqual([
      "arn:aws:kafka:eu-west-1:*:configuration/*",
    ]);
  });

  it("follows the way to authenticate: secrets with scram, brokers' actions with iam", () => {
    const withSecrets = iamPolicies(migration({ target: scram })).whole;
    expect(resourcesFor("kafka:BatchAssociateScramSecret", withSecrets)).toEqual([
      "arn:aws:kafka:eu-west-1:123456789012:cluster/migrated/*",
    ]);
    expect(actionsOf(withSecrets).filter((action) => action.startsWith("kafka-cluster:"))).toEqual([]);
    expect(actionsOf(iamPolicies(migration()).whole)).not.toContain("kafka:BatchAssociateScramSecret");
  });

  it("fits IAM's size, has names once, and is the sum of its steps", () => {
    const { whole, steps } = iamPolicies(migration({ source: peering, target: { logGroup: "/msk" } }));
    expect(JSON.stringify(whole).length).toBeLessThanOrEqual(policyCharacters);
    const names = whole.Statement.map(({ Sid }) => Sid);
    expect(new Set(names).size).toBe(names.length);
    const parts = new Set(steps.flatMap(({ policy }) => actionsOf(policy)));
    expect([...parts].toSorted()).toEqual([...new Set(actionsOf(whole))].toSorted());
    const planning = steps.find(({ step }) => step === "plan")?.policy;
    expect(planning && actionsOf(planning)).toEqual(["kafka:ListKafkaVersions"]);
  });

  it("has MSK Replicator's calls only where that is the engine, each for its own ARN", () => {
    const asked = /Replicat|^kafka:ListTags|PassRole/;
    const askedBy = ({ Statement }: IamPolicy) =>
      [...new Set(actionsOf({ Version: "2012-10-17", Statement }).filter((name) => asked.test(name)))].sort();
    expect(askedBy(iamPolicies(migration()).whole)).toEqual([]);
    const engine = migration({ source: peering, replication: { engine: "replicator", replicator } });
    const { whole, steps } = iamPolicies(engine);
    expect(askedBy(whole)).toEqual([
      "iam:PassRole",
      "kafka:CreateReplicator",
      "kafka:DeleteReplicator",
      "kafka:DescribeReplicator",
      "kafka:ListReplicators",
      "kafka:ListTagsForResource",
      "kafka:UpdateReplicationInfo",
    ]);
    expect(whole.Statement.find(({ Action }) => Action.includes("iam:PassRole"))).toMatchObject({
      Action: ["iam:PassRole"],
      Resource: [role],
      Condition: { StringEquals: { "iam:PassedToService": "kafka.amazonaws.com" } },
    });
    const mine = ["arn:aws:kafka:eu-west-1:*:replicator/ferry-orders-*"];
    expect(resourcesFor("kafka:DeleteReplicator", whole)).toEqual(mine);
    expect(resourcesFor("kafka:TagResource", whole)).toContain("arn:aws:kafka:eu-west-1:*:replicator/*");
    expect(actionsOf(whole)).toContain("logs:CreateLogDelivery");
    expect(JSON.stringify(whole).length).toBeLessThanOrEqual(policyCharacters);
    const planning = steps.find(({ step }) => step === "plan")?.policy;
    expect(planning && actionsOf(planning)).toEqual(["kafka:ListClustersV2", "kafka:ListKafkaVersions"]);
  });

  it("lets Replicators be taken over, and none be made, where another engine came after", () => {
    const named = actionsOf(iamPolicies(migration({ replication: { replicator } })).whole);
    expect(named).toEqual(
      expect.arrayContaining(["kafka:ListReplicators", "kafka:DescribeReplicator", "kafka:DeleteReplicator"]),
    );
    for (const none of ["kafka:CreateReplicator", "kafka:UpdateReplicationInfo", "iam:PassRole"]) {
      expect(named).not.toContain(none);
    }
  });

  it("allows a limit on the mirrors to be read and set on brokers with IAM", () => {
    const { whole } = iamPolicies(migration());
    for (const name of ["Describe", "Alter"]) {
      expect(resourcesFor(`kafka-cluster:${name}ClusterDynamicConfiguration`, whole)).toEqual([
        "arn:aws:kafka:eu-west-1:*:cluster/migrated/*",
      ]);
    }
  });
});
