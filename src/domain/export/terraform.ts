import { plannedScaling, scalingNames } from "#domain/msk/storage-scaling.ts";
import type { BrokerLogs, ClusterRequest } from "#domain/msk.ts";
import { clusterRequest, configurationRequest } from "#domain/plan/provisioning.ts";
import type { Plan } from "#domain/plan.ts";
import type { Migration } from "#domain/settings.ts";
import { type Block, literal } from "./terraform-json.ts";
import { hasSourceProvider, networkFiles } from "./terraform-network.ts";

/**
 * The plan for teams that create infrastructure only by review, in Terraform's JSON syntax for the provider
 * hashicorp/aws. The cluster carries no owner tag of the bot: it stays theirs, and `/ferry provision` adopts it only
 * where it is exactly as planned.
 */
export type TerraformFile = { readonly name: string; readonly content: string };

export function terraformFiles(plan: Plan, migration: Migration): readonly TerraformFile[] {
  const request = clusterRequest(plan, migration);
  const documents: ReadonlyArray<readonly [string, Block]> = [
    ["versions", versions(migration)],
    ["cluster", cluster(plan, request, migration)],
    ...networkFiles(migration),
  ];
  return documents.map(([name, document]) => ({
    name: `ferry-${name}.tf.json`,
    content: `${JSON.stringify(document, undefined, 2)}\n`,
  }));
}

function versions({ settings }: Migration): Block {
  return {
    terraform: {
      required_version: ">= 1.5",
      required_providers: { aws: { source: "hashicorp/aws", version: ">= 5.31" } },
    },
    provider: { aws: providers(settings) },
  };
}

/** The source's account or Region gets a provider of its own, as the bot has a client of its own for it. */
function providers({ source, target }: Migration["settings"]): Block | readonly Block[] {
  const own = { region: target.region };
  if (!hasSourceProvider(source)) return own;
  const { region = target.region, profile } = source.network.accepter ?? {};
  return [own, { alias: "source", region, ...(profile === undefined ? {} : { profile }) }];
}

function cluster(plan: Plan, request: ClusterRequest, migration: Migration): Block {
  const { name, description, kafkaVersions, properties } = configurationRequest(plan, migration);
  const secrets = migration.settings.target.scram?.secretArns ?? [];
  const association =
    request.auth === "scram" && secrets.length > 0
      ? {
          aws_msk_scram_secret_association: {
            ferry: { cluster_arn: "${aws_msk_cluster.ferry.arn}", secret_arn_list: secrets },
          },
        }
      : {};
  return {
    resource: {
      aws_msk_configuration: {
        ferry: {
          name,
          description: literal(description),
          kafka_versions: kafkaVersions,
          server_properties: literal(properties),
          lifecycle: { create_before_destroy: true },
        },
      },
      aws_msk_cluster: { ferry: clusterBlock(request) },
      ...association,
      ...scaling(request, migration),
    },
    output: { cluster_arn: { value: "${aws_msk_cluster.ferry.arn}" } },
  };
}

/** CreateCluster cannot turn it on: the two calls that `/ferry provision` makes. */
function scaling(request: ClusterRequest, { settings }: Migration): Block {
  const values = plannedScaling(request, settings.target);
  if (values === undefined) return {};
  const target = "aws_appautoscaling_target.storage";
  return {
    aws_appautoscaling_target: {
      storage: {
        service_namespace: scalingNames.namespace,
        scalable_dimension: scalingNames.dimension,
        resource_id: "${aws_msk_cluster.ferry.arn}",
        min_capacity: values.minGiB,
        max_capacity: values.maxGiB,
      },
    },
    aws_appautoscaling_policy: {
      storage: {
        name: values.policy,
        policy_type: scalingNames.policyType,
        service_namespace: `\${${target}.service_namespace}`,
        scalable_dimension: `\${${target}.scalable_dimension}`,
        resource_id: `\${${target}.resource_id}`,
        target_tracking_scaling_policy_configuration: {
          target_value: values.percent,
          disable_scale_in: true,
          predefined_metric_specification: { predefined_metric_type: scalingNames.metric },
        },
      },
    },
  };
}

const clientBroker = { tls: "TLS", "tls-plaintext": "TLS_PLAINTEXT", plaintext: "PLAINTEXT" } as const;

function clusterBlock(request: ClusterRequest): Block {
  return {
    cluster_name: request.name,
    kafka_version: request.kafkaVersion,
    number_of_broker_nodes: request.brokers,
    enhanced_monitoring: request.monitoring,
    broker_node_group_info: {
      instance_type: request.instanceType,
      client_subnets: request.subnets,
      security_groups: request.securityGroups,
      ...storage(request),
    },
    configuration_info: {
      arn: "${aws_msk_configuration.ferry.arn}",
      revision: "${aws_msk_configuration.ferry.latest_revision}",
    },
    client_authentication: authentication(request),
    encryption_info: {
      ...(request.kmsKey === undefined ? {} : { encryption_at_rest_kms_key_arn: request.kmsKey }),
      encryption_in_transit: { client_broker: clientBroker[request.transit], in_cluster: true },
    },
    ...(request.prometheus
      ? {
          open_monitoring: {
            prometheus: {
              jmx_exporter: { enabled_in_broker: true },
              node_exporter: { enabled_in_broker: true },
            },
          },
        }
      : {}),
    ...(request.logs === undefined ? {} : { logging_info: { broker_logs: logs(request.logs) } }),
    // Storage grows only, and `/ferry features` may raise it and the monitoring: an apply must not take that back.
    lifecycle: {
      prevent_destroy: true,
      ignore_changes: [
        "enhanced_monitoring",
        ...(request.kind === "express"
          ? []
          : ["broker_node_group_info[0].storage_info[0].ebs_storage_info[0].volume_size"]),
      ],
    },
  };
}

function logs({ cloudWatch, s3, firehose }: BrokerLogs): Block {
  return {
    ...(cloudWatch === undefined ? {} : { cloudwatch_logs: { enabled: true, log_group: cloudWatch } }),
    ...(s3 === undefined
      ? {}
      : {
          s3: { enabled: true, bucket: s3.bucket, ...(s3.prefix === undefined ? {} : { prefix: s3.prefix }) },
        }),
    ...(firehose === undefined ? {} : { firehose: { enabled: true, delivery_stream: firehose } }),
  };
}

function storage({ kind, volumeGiB, provisionedThroughputMiBs: rate }: ClusterRequest): Block {
  if (kind === "express") return {};
  return {
    storage_info: {
      ebs_storage_info: {
        ...(volumeGiB === undefined ? {} : { volume_size: volumeGiB }),
        ...(rate === undefined ? {} : { provisioned_throughput: { enabled: true, volume_throughput: rate } }),
      },
    },
  };
}

function authentication({ auth, certificateAuthorities = [] }: ClusterRequest): Block {
  switch (auth) {
    case "iam":
      return { sasl: { iam: true }, unauthenticated: false };
    case "scram":
      return { sasl: { scram: true }, unauthenticated: false };
    case "tls":
      return { tls: { certificate_authority_arns: certificateAuthorities }, unauthenticated: false };
    case "unauthenticated":
      return { unauthenticated: true };
  }
}
