import {
  BatchAssociateScramSecretCommand,
  CreateClusterV2Command,
  CreateConfigurationCommand,
  DescribeClusterOperationV2Command,
  DescribeClusterV2Command,
  DescribeConfigurationRevisionCommand,
  GetBootstrapBrokersCommand,
  KafkaClient,
  paginateListClustersV2,
  paginateListConfigurations,
  paginateListKafkaVersions,
  paginateListScramSecrets,
  UpdateBrokerStorageCommand,
  UpdateConfigurationCommand,
  UpdateMonitoringCommand,
} from "@aws-sdk/client-kafka";
import { FerryError } from "#domain/errors.ts";
import type { ConfigurationRequest, Msk, MskCluster, MskConfiguration } from "#domain/msk.ts";
import type { Clock, Log } from "#domain/ports.ts";
import { type AwsCall, awsSettings, callAws } from "./aws.ts";
import { systemClock } from "./clock.ts";
import { clusterOf } from "./msk-cluster-shape.ts";
import { createMskDisks } from "./msk-disks.ts";
import { bootstrapOf, creationInput, operationOf } from "./msk-shapes.ts";
import { createMskStorageScaling } from "./msk-storage-scaling.ts";

type Options = { readonly region: string; readonly log: Log; readonly clock?: Pick<Clock, "now"> };
type Connection = {
  readonly kafka: KafkaClient;
  /**
   * Sends once: for calls that take effect each time they are sent, or that AWS refuses the second time. Whoever calls
   * looks at what is there before it sends again.
   */
  readonly once: KafkaClient;
  readonly ask: <T>(
    operation: string,
    resource: string,
    send: () => Promise<T>,
    onAbsent?: () => Promise<T>,
  ) => Promise<T>;
  readonly change: <T>(
    operation: string,
    resource: string,
    send: () => Promise<T>,
    onConflict?: () => Promise<T>,
  ) => Promise<T>;
};

function call(operation: string, resource: string): AwsCall {
  return { action: `kafka:${operation}`, resource };
}

/** Secrets that one BatchAssociateScramSecret may name. */
const secretsPerCall = 10;

/** Amazon MSK in one Region. Names are unique there and in the account, which is what makes creation repeatable. */
export function createMsk({ region, log, clock = systemClock }: Options): Msk {
  const aws = connect(region, log);
  const disks = createMskDisks({ region, log, clock });
  const scaling = createMskStorageScaling({ region, log });
  return { ...reading(aws), ...configurations(aws), ...clusters(aws), ...updates(aws), ...disks, ...scaling };
}

function connect(region: string, log: Log): Connection {
  return {
    kafka: new KafkaClient(awsSettings(region)),
    once: new KafkaClient({ ...awsSettings(region), maxAttempts: 1 }),
    ask: (operation, resource, send, onAbsent) =>
      callAws(log, call(operation, resource), send, (name) =>
        name === "NotFoundException" ? onAbsent : undefined,
      ),
    change: (operation, resource, send, onConflict) =>
      callAws(log, { ...call(operation, resource), changes: true }, send, (name) =>
        name === "ConflictException" ? onConflict : undefined,
      ),
  };
}

function reading(aws: Connection): Pick<Msk, "versions" | "bootstrap" | "operation" | "scramSecrets"> {
  const { kafka, ask } = aws;
  return {
    versions: () =>
      ask("ListKafkaVersions", "the Region", async () => {
        const found = new Set<string>();
        for await (const page of paginateListKafkaVersions({ client: kafka }, {})) {
          for (const { Version, Status } of page.KafkaVersions ?? []) {
            if (Version !== undefined && Status === "ACTIVE") found.add(Version);
          }
        }
        return [...found];
      }),
    bootstrap: async (arn, auth, transit) => {
      const answer = await ask("GetBootstrapBrokers", arn, () =>
        kafka.send(new GetBootstrapBrokersCommand({ ClusterArn: arn })),
      );
      return bootstrapOf(answer, auth, transit);
    },
    operation: async (arn) => {
      const { ClusterOperationInfo } = await ask("DescribeClusterOperationV2", arn, () =>
        kafka.send(new DescribeClusterOperationV2Command({ ClusterOperationArn: arn })),
      );
      return operationOf(ClusterOperationInfo);
    },
    scramSecrets: (arn) =>
      ask("ListScramSecrets", arn, async () => {
        const found: string[] = [];
        for await (const page of paginateListScramSecrets({ client: kafka }, { ClusterArn: arn }))
          found.push(...(page.SecretArnList ?? []));
        return found;
      }),
  };
}

async function findConfiguration(aws: Connection, name: string): Promise<MskConfiguration | undefined> {
  const { kafka, ask } = aws;
  const found = await ask("ListConfigurations", name, async () => {
    for await (const page of paginateListConfigurations({ client: kafka }, {})) {
      const match = page.Configurations?.find((each) => each.Name === name && each.State !== "DELETING");
      if (match !== undefined) return match;
    }
    return undefined;
  });
  const { Arn, LatestRevision } = found ?? {};
  const revision = LatestRevision?.Revision;
  if (Arn === undefined || revision === undefined) return undefined;
  return await revisionOf(aws, Arn, revision);
}

async function revisionOf(
  { kafka, ask }: Connection,
  arn: string,
  revision: number,
): Promise<MskConfiguration> {
  const { ServerProperties, Description } = await ask("DescribeConfigurationRevision", arn, () =>
    kafka.send(new DescribeConfigurationRevisionCommand({ Arn: arn, Revision: revision })),
  );
  const properties = Buffer.from(ServerProperties ?? []).toString();
  return { arn, revision, properties, description: Description ?? "" };
}

function configurations(
  aws: Connection,
): Pick<Msk, "findConfiguration" | "describeConfiguration" | "createConfiguration" | "reviseConfiguration"> {
  const { kafka, once, change } = aws;
  return {
    findConfiguration: (name) => findConfiguration(aws, name),
    describeConfiguration: (arn, revision) => revisionOf(aws, arn, revision),
    createConfiguration: (request) =>
      change(
        "CreateConfiguration",
        request.name,
        async () => {
          const { Arn, LatestRevision } = await kafka.send(
            new CreateConfigurationCommand(configurationInput(request)),
          );
          return configurationOf(Arn, LatestRevision?.Revision, request);
        },
        async () => (await findConfiguration(aws, request.name)) ?? notListed("configuration", request.name),
      ),
    reviseConfiguration: (arn, description, properties) =>
      change("UpdateConfiguration", arn, async () => {
        const ServerProperties = Buffer.from(properties);
        const { LatestRevision } = await once.send(
          new UpdateConfigurationCommand({ Arn: arn, Description: description, ServerProperties }),
        );
        return configurationOf(arn, LatestRevision?.Revision, { properties, description });
      }),
  };
}

function configurationInput({ name, description, kafkaVersions, properties }: ConfigurationRequest) {
  return {
    Name: name,
    Description: description,
    KafkaVersions: [...kafkaVersions],
    ServerProperties: Buffer.from(properties),
  };
}

function configurationOf(
  arn: string | undefined,
  revision: number | undefined,
  { properties, description }: Pick<MskConfiguration, "properties" | "description">,
): MskConfiguration {
  if (arn === undefined || revision === undefined)
    throw new FerryError("E_INTERNAL", "AWS answered a configuration without ARN or revision.");
  return { arn, revision, properties, description };
}

/** AWS's lists lag behind what was created a moment ago. */
function notListed(what: string, name: string): never {
  throw new FerryError(
    "E_AWS_UNREACHABLE",
    `A ${what} named ${name} exists, but AWS does not list it yet; it was created moments ago.`,
  );
}

async function absent(arn: string): Promise<never> {
  throw new FerryError("E_TARGET_ABSENT", `There is no MSK cluster ${arn}.`);
}

async function findCluster({ kafka, ask }: Connection, name: string): Promise<MskCluster | undefined> {
  return await ask("ListClustersV2", name, async () => {
    // The filter matches beginnings.
    for await (const page of paginateListClustersV2({ client: kafka }, { ClusterNameFilter: name })) {
      const match = page.ClusterInfoList?.find((each) => each.ClusterName === name);
      if (match !== undefined) return clusterOf(match);
    }
    return undefined;
  });
}

function clusters(aws: Connection): Pick<Msk, "findCluster" | "describeCluster" | "createCluster"> {
  const { kafka, ask, change } = aws;
  return {
    findCluster: (name) => findCluster(aws, name),
    describeCluster: async (arn) => {
      const send = () => kafka.send(new DescribeClusterV2Command({ ClusterArn: arn }));
      return clusterOf((await ask("DescribeClusterV2", arn, send, () => absent(arn))).ClusterInfo);
    },
    createCluster: (request, configuration) =>
      change(
        "CreateClusterV2",
        request.name,
        async () => {
          const { ClusterArn } = await kafka.send(
            new CreateClusterV2Command(creationInput(request, configuration)),
          );
          if (ClusterArn === undefined)
            throw new FerryError("E_INTERNAL", "AWS answered a cluster without ARN.");
          return ClusterArn;
        },
        async () => (await findCluster(aws, request.name))?.arn ?? notListed("cluster", request.name),
      ),
  };
}

function updates(aws: Connection): Pick<Msk, "associateScram" | "updateStorage" | "updateMonitoring"> {
  const { once, change } = aws;
  return {
    associateScram: async (arn, secretArns) => {
      for (let at = 0; at < secretArns.length; at += secretsPerCall) {
        const SecretArnList = secretArns.slice(at, at + secretsPerCall);
        const { UnprocessedScramSecrets = [] } = await change("BatchAssociateScramSecret", arn, () =>
          once.send(new BatchAssociateScramSecretCommand({ ClusterArn: arn, SecretArnList })),
        );
        const refused = UnprocessedScramSecrets.map(
          ({ SecretArn, ErrorMessage, ErrorCode }) => `Secret ${SecretArn}: ${ErrorMessage ?? ErrorCode}`,
        );
        if (refused.length > 0) throw new FerryError("E_AWS_REFUSED", refused.join(" "));
      }
    },
    updateStorage: async ({ arn, name, currentVersion }, volumeGiB) =>
      operationArn(
        await change("UpdateBrokerStorage", name, () =>
          once.send(
            new UpdateBrokerStorageCommand({
              ClusterArn: arn,
              CurrentVersion: currentVersion,
              TargetBrokerEBSVolumeInfo: [{ KafkaBrokerNodeId: "All", VolumeSizeGB: volumeGiB }],
            }),
          ),
        ),
      ),
    updateMonitoring: async ({ arn, name, currentVersion }, level) =>
      operationArn(
        await change("UpdateMonitoring", name, () =>
          once.send(
            new UpdateMonitoringCommand({
              ClusterArn: arn,
              CurrentVersion: currentVersion,
              EnhancedMonitoring: level,
            }),
          ),
        ),
      ),
  };
}

function operationArn({ ClusterOperationArn }: { ClusterOperationArn?: string | undefined }): string {
  if (ClusterOperationArn === undefined)
    throw new FerryError("E_INTERNAL", "AWS answered an update without an operation.");
  return ClusterOperationArn;
}
