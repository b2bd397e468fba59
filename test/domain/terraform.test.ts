import { describe, expect, it } from "vitest";
import { z } from "zod";
import { terraformFiles } from "#domain/export/terraform.ts";
import { plannedScaling } from "#domain/msk/storage-scaling.ts";
import type { ClusterRequest } from "#domain/msk.ts";
import { drift } from "#domain/plan/drift.ts";
import { clusterRequest, configurationRequest } from "#domain/plan/provisioning.ts";
import type { Plan } from "#domain/plan.ts";
import { provision } from "#jobs/aws/provision.ts";
import { loadPlan } from "#jobs/switch/wave.ts";
import { createAwsWork } from "#support/aws-work.ts";

type Changes = Parameters<typeof createAwsWork>[0];

async function exported(changes: Changes = {}) {
  const aws = await createAwsWork(changes);
  const plan = await loadPlan(aws);
  const files = new Map(
    terraformFiles(plan, aws.migration).map(({ name, content }) => [name, JSON.parse(content)]),
  );
  return { aws, plan, files };
}

const Brokers = z.strictObject({
  instance_type: z.string(),
  client_subnets: z.array(z.string()),
  security_groups: z.array(z.string()),
  storage_info: z
    .strictObject({
      ebs_storage_info: z.strictObject({
        volume_size: z.number().optional(),
        provisioned_throughput: z
          .strictObject({ enabled: z.literal(true), volume_throughput: z.number() })
          .optional(),
      }),
    })
    .optional(),
});

/** The provider's names, read by themselves: registry.terraform.io/providers/hashicorp/aws, msk_cluster and msk_configuration. */
const ClusterFile = z.strictObject({
  resource: z.strictObject({
    aws_msk_configuration: z.strictObject({
      ferry: z.strictObject({
        name: z.string(),
        description: z.string(),
        kafka_versions: z.array(z.string()),
        server_properties: z.string(),
        lifecycle: z.object({}),
      }),
    }),
    aws_msk_cluster: z.strictObject({
      ferry: z.strictObject({
        cluster_name: z.string(),
        kafka_version: z.string(),
        number_of_broker_nodes: z.number(),
        enhanced_monitoring: z.enum([
          "DEFAULT",
          "PER_BROKER",
          "PER_TOPIC_PER_BROKER",
          "PER_TOPIC_PER_PARTITION",
        ]),
        broker_node_group_info: Brokers,
        configuration_info: z.strictObject({
          arn: z.literal("${aws_msk_configuration.ferry.arn}"),
          revision: z.literal("${aws_msk_configuration.ferry.latest_revision}"),
        }),
        client_authentication: z.strictObject({
          sasl: z.strictObject({ iam: z.boolean().optional(), scram: z.boolean().optional() }).optional(),
          tls: z.strictObject({ certificate_authority_arns: z.array(z.string()) }).optional(),
          unauthenticated: z.boolean(),
        }),
        encryption_info: z.strictObject({
          encryption_at_rest_kms_key_arn: z.string().optional(),
          encryption_in_transit: z.strictObject({
            client_broker: z.enum(["TLS", "TLS_PLAINTEXT", "PLAINTEXT"]),
            in_cluster: z.literal(true),
          }),
        }),
        open_monitoring: z.object({}).optional(),
        logging_info: z
          .strictObject({
            broker_logs: z.strictObject({
              cloudwatch_logs: z.strictObject({ enabled: z.literal(true), log_group: z.string() }),
            }),
          })
          .optional(),
        lifecycle: z.strictObject({ prevent_destroy: z.literal(true), ignore_changes: z.array(z.string()) }),
      }),
    }),
    aws_msk_scram_secret_association: z
      .strictObject({
        ferry: z.strictObject({
          cluster_arn: z.literal("${aws_msk_cluster.ferry.arn}"),
          secret_arn_list: z.array(z.string()),
        }),
      })
      .optional(),
    // appautoscaling_target and appautoscaling_policy, for Standard volumes only.
    aws_appautoscaling_target: z
      .strictObject({
        storage: z.strictObject({
          service_namespace: z.literal("kafka"),
          scalable_dimension: z.literal("kafka:broker-storage:VolumeSize"),
          resource_id: z.literal("${aws_msk_cluster.ferry.arn}"),
          min_capacity: z.literal(1),
          max_capacity: z.literal(16_384),
        }),
      })
      .optional(),
    aws_appautoscaling_policy: z
      .strictObject({
        storage: z.strictObject({
          name: z.string(),
          policy_type: z.literal("TargetTrackingScaling"),
          service_namespace: z.literal("${aws_appautoscaling_target.storage.service_namespace}"),
          scalable_dimension: z.literal("${aws_appautoscaling_target.storage.scalable_dimension}"),
          resource_id: z.literal("${aws_appautoscaling_target.storage.resource_id}"),
          target_tracking_scaling_policy_configuration: z.strictObject({
            target_value: z.literal(60),
            disable_scale_in: z.literal(true),
            predefined_metric_specification: z.strictObject({
              predefined_metric_type: z.literal("KafkaBrokerStorageUtilization"),
            }),
          }),
        }),
      })
      .optional(),
  }),
  output: z.object({}),
});

const transit = { TLS: "tls", TLS_PLAINTEXT: "tls-plaintext", PLAINTEXT: "plaintext" } as const;

type Authentication = z.infer<
  typeof ClusterFile
>["resource"]["aws_msk_cluster"]["ferry"]["client_authentication"];

function authOf({ sasl, tls }: Authentication): ClusterRequest["auth"] {
  if (sasl?.iam === true) return "iam";
  if (sasl?.scram === true) return "scram";
  return tls === undefined ? "unauthenticated" : "tls";
}

/** What AWS would be asked for by an apply: Terraform's words in ours. */
function applied(file: unknown, kind: ClusterRequest["kind"]): ClusterRequest {
  const { ferry } = ClusterFile.parse(file).resource.aws_msk_cluster;
  const { volume_size: volume, provisioned_throughput: throughput } =
    ferry.broker_node_group_info.storage_info?.ebs_storage_info ?? {};
  const key = ferry.encryption_info.encryption_at_rest_kms_key_arn;
  const logGroup = ferry.logging_info?.broker_logs.cloudwatch_logs.log_group;
  return {
    name: ferry.cluster_name,
    kind,
    kafkaVersion: ferry.kafka_version,
    instanceType: ferry.broker_node_group_info.instance_type,
    brokers: ferry.number_of_broker_nodes,
    subnets: ferry.broker_node_group_info.client_subnets,
    securityGroups: ferry.broker_node_group_info.security_groups,
    ...(volume === undefined ? {} : { volumeGiB: volume }),
    ...(throughput === undefined ? {} : { provisionedThroughputMiBs: throughput.volume_throughput }),
    auth: authOf(ferry.client_authentication),
    transit: transit[ferry.encryption_info.encryption_in_transit.client_broker],
    ...(key === undefined ? {} : { kmsKey: key }),
    monitoring: ferry.enhanced_monitoring,
    prometheus: ferry.open_monitoring !== undefined,
    ...(logGroup === undefined ? {} : { logs: { cloudWatch: logGroup } }),
    tags: {},
  };
}

const scram = {
  auth: "scram",
  scram: {
    username: "ferry",
    passwordEnv: "P",
    secretArns: ["arn:aws:secretsmanager:us-east-1:1:secret:AmazonMSK_a"],
  },
};
const cases: ReadonlyArray<{ readonly what: string; readonly changes: Changes }> = [
  { what: "a Standard cluster", changes: {} },
  {
    what: "one with a key, a log group and provisioned throughput",
    changes: {
      target: { kmsKey: "arn:aws:kms:us-east-1:1:key/k", logGroup: "/msk" },
      shape: { instanceType: "kafka.m7g.4xlarge", provisionedThroughputMiBs: 400 },
    },
  },
  { what: "one with SCRAM", changes: { target: scram } },
  {
    what: "one without authentication",
    changes: { target: { auth: "unauthenticated", transit: "tls-plaintext" } },
  },
];

describe("the plan as Terraform", () => {
  it.each(cases)("asks AWS for what the bot would ask for: $what", async ({ changes }) => {
    const { aws, plan, files } = await exported(changes);
    const file = files.get("ferry-cluster.tf.json");
    expect(applied(file, "standard")).toEqual({ ...clusterRequest(plan, aws.migration), tags: {} });
    const { aws_msk_configuration, aws_msk_scram_secret_association, ...rest } =
      ClusterFile.parse(file).resource;
    expect(rest.aws_appautoscaling_target).toBeDefined();
    expect(rest.aws_appautoscaling_policy).toBeDefined();
    const { name, kafkaVersions, properties } = configurationRequest(plan, aws.migration);
    expect(aws_msk_configuration.ferry).toMatchObject({
      name,
      kafka_versions: kafkaVersions,
      server_properties: properties,
    });
    expect(aws_msk_scram_secret_association?.ferry.secret_arn_list).toEqual(
      aws.migration.settings.target.scram?.secretArns,
    );
  });

  it("takes no setting for a template of Terraform's", async () => {
    const { files } = await exported({
      configuration: { "custom.advertised.listeners": "A://b-${x}%{y}:1" },
    });
    const { ferry } = ClusterFile.parse(files.get("ferry-cluster.tf.json")).resource.aws_msk_configuration;
    expect(ferry.server_properties).toBe("custom.advertised.listeners=A://b-$${x}%%{y}:1\n");
  });

  it("has the values that provision registers, and none where ferry.yaml turns it off", async () => {
    const { aws, plan, files } = await exported();
    const { aws_appautoscaling_target: target, aws_appautoscaling_policy: policy } = ClusterFile.parse(
      files.get("ferry-cluster.tf.json"),
    ).resource;
    const values = plannedScaling(plan.shape, aws.migration.settings.target);
    expect(target?.storage).toMatchObject({ min_capacity: values?.minGiB, max_capacity: values?.maxGiB });
    expect(policy?.storage).toMatchObject({
      name: values?.policy,
      target_tracking_scaling_policy_configuration: { target_value: values?.percent },
    });
    const off = await exported({ target: { storageAutoScaling: false } });
    expect(JSON.stringify(off.files.get("ferry-cluster.tf.json"))).not.toContain("appautoscaling");
  });

  it("leaves the storage of Express out", async () => {
    const aws = await createAwsWork();
    const { volumeGiB: _, ...shape } = (await loadPlan(aws)).shape;
    const plan: Plan = {
      ...(await loadPlan(aws)),
      shape: { ...shape, kind: "express", instanceType: "express.m7g.large" },
    };
    const [, cluster] = terraformFiles(plan, aws.migration);
    expect(cluster?.content).not.toContain("appautoscaling");
    expect(applied(JSON.parse(cluster?.content ?? ""), "express")).toEqual({
      ...clusterRequest(plan, aws.migration),
      tags: {},
    });
  });

  it("is adopted by provision once it was applied, which makes nothing", async () => {
    const { aws, plan, files } = await exported();
    const request = applied(files.get("ferry-cluster.tf.json"), "standard");
    const { aws_msk_configuration } = ClusterFile.parse(files.get("ferry-cluster.tf.json")).resource;
    const { name, description, kafka_versions, server_properties } = aws_msk_configuration.ferry;
    const configuration = await aws.msk.msk.createConfiguration({
      name,
      description,
      kafkaVersions: kafka_versions,
      properties: server_properties,
    });
    const arn = await aws.msk.msk.createCluster(request, configuration);
    const before = [...aws.msk.changes];
    const shown = await aws.carryOut((work) =>
      provision({ name: "provision", migration: "orders", by: "UANA" }, work),
    );
    expect(aws.msk.changes).toEqual(before);
    expect(drift(clusterRequest(plan, aws.migration), await aws.msk.msk.describeCluster(arn))).toEqual([]);
    expect(JSON.stringify(shown.at(-1))).toContain("was there already");
  });

  it("is not adopted where somebody changed it before the apply", async () => {
    const { aws, files } = await exported();
    const request = applied(files.get("ferry-cluster.tf.json"), "standard");
    const configuration = await aws.msk.msk.createConfiguration({
      name: "x",
      description: "",
      kafkaVersions: ["3.9.x"],
      properties: "",
    });
    await aws.msk.msk.createCluster({ ...request, brokers: 6 }, configuration);
    const shown = await aws.carryOut((work) =>
      provision({ name: "provision", migration: "orders", by: "UANA" }, work),
    );
    expect(shown.at(-1)).toMatchObject({ tone: "waiting" });
    expect(JSON.stringify(shown.at(-1))).toContain("brokers: 6, planned 3");
  });
});
