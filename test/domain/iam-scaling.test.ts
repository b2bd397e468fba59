import { expect, it } from "vitest";
import { type IamPolicy, iamPolicies } from "#domain/export/iam-policy.ts";
import { MigrationSettings } from "#domain/settings.ts";

function migration(target: object = {}) {
  const settings = MigrationSettings.parse({
    channel: "C1",
    source: { bootstrap: ["kafka:9092"] },
    target: {
      cluster: "migrated",
      region: "eu-west-1",
      auth: "iam",
      subnets: ["subnet-a", "subnet-b", "subnet-c"],
      securityGroups: ["sg-1"],
      ...target,
    },
    replication: { connect: { url: "http://connect:8083" } },
  });
  return { name: "orders", settings };
}

function actionsOf({ Statement }: IamPolicy): readonly string[] {
  return Statement.flatMap(({ Action }) => Action);
}

function resourcesFor(action: string, { Statement }: IamPolicy): readonly string[] {
  return Statement.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource);
}

it("lets volumes be scaled, their alarms and AWS's role for it be made, unless nothing is to grow", () => {
  const { whole, steps } = iamPolicies(migration());
  for (const action of ["RegisterScalableTarget", "PutScalingPolicy", "ListTagsForResource", "TagResource"]) {
    expect(resourcesFor(`application-autoscaling:${action}`, whole)).toEqual([
      "arn:aws:application-autoscaling:eu-west-1:*:scalable-target/*",
    ]);
  }
  expect(resourcesFor("iam:CreateServiceLinkedRole", whole)).toContain(
    "arn:aws:iam::*:role/aws-service-role/kafka.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_KafkaCluster",
  );
  expect(resourcesFor("cloudwatch:PutMetricAlarm", whole)).toEqual([
    "arn:aws:cloudwatch:eu-west-1:*:alarm:TargetTracking-*",
  ]);
  const features = steps.find(({ step }) => step === "features")?.policy ?? whole;
  expect(actionsOf(features)).toContain("application-autoscaling:DescribeScalableTargets");
  expect(actionsOf(features)).not.toContain("application-autoscaling:RegisterScalableTarget");
  const without = [{ storageAutoScaling: false }, { shape: { kind: "express" } }, { region: "af-south-1" }];
  for (const target of without) {
    const actions = actionsOf(iamPolicies(migration(target)).whole);
    expect(actions.filter((action) => /application-autoscaling|Alarm/.test(action))).toEqual([]);
  }
});
