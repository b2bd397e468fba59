import { z } from "zod";
import { type Cloud, handler, mskSuffix, page, paging } from "./cloud.ts";
import { refuseIf } from "./msk-checks.ts";
import type { Configuration } from "./msk-model.ts";
import { badRequest, conflict, notFound } from "./refusal.ts";
import {
  configurationNameRule,
  configurationVersionRule,
  propertiesRule,
  TEXT,
  UNRECORDED,
} from "./rules-msk.ts";
import type { Caller, Handlers, Shape } from "./shapes.ts";

const bytes = z.instanceof(Uint8Array);

function find(cloud: Cloud, arn: string): Configuration {
  const found = cloud.configurations.find((each) => each.arn === arn);
  if (found === undefined) throw notFound(UNRECORDED.configurationMissing, "arn");
  return found;
}

function owned(cloud: Cloud, caller: Caller): Configuration[] {
  return cloud.configurations.filter(
    (each) => each.account === caller.account && each.region === caller.region,
  );
}

function latestOf(configuration: Configuration): Shape {
  const latest = configuration.revisions.at(-1);
  if (latest === undefined) throw new Error(`configuration ${configuration.arn} has no revision`);
  return revisionOf(latest);
}

function revisionOf(revision: Configuration["revisions"][number]): Shape {
  const { revision: Revision, createdAt, description: Description } = revision;
  return { Revision, CreationTime: new Date(createdAt), Description };
}

function describe(configuration: Configuration): Shape {
  return {
    Arn: configuration.arn,
    CreationTime: new Date(configuration.createdAt),
    Description: configuration.description,
    KafkaVersions: configuration.kafkaVersions,
    LatestRevision: latestOf(configuration),
    Name: configuration.name,
    State: configuration.state,
  };
}

function addRevision(
  cloud: Cloud,
  configuration: Configuration,
  description: string,
  properties: Uint8Array,
): void {
  const all = cloud.configurations.flatMap((each) =>
    each.account === configuration.account ? each.revisions : [],
  );
  if (all.length >= cloud.quota("configurationRevisions")) throw badRequest(UNRECORDED.revisions);
  const revision = configuration.revisions.length + 1;
  configuration.revisions.push({ revision, createdAt: cloud.now(), description, properties });
}

function creation(cloud: Cloud): Handlers {
  const schema = z.object({
    Name: z.string(),
    Description: z.string().default(""),
    KafkaVersions: z.array(z.string()).default([]),
    ServerProperties: bytes,
  });
  return {
    CreateConfiguration: handler(schema, (input, caller) => {
      refuseIf(
        configurationNameRule(input.Name),
        configurationVersionRule(input.KafkaVersions),
        propertiesRule(Buffer.from(input.ServerProperties).toString()),
      );
      const mine = owned(cloud, caller);
      if (mine.some((each) => each.name === input.Name)) throw conflict(TEXT.nameTaken);
      if (mine.length >= cloud.quota("configurations")) throw badRequest(UNRECORDED.configurations);
      const configuration: Configuration = {
        arn: `arn:aws:kafka:${caller.region}:${caller.account}:configuration/${input.Name}/${mskSuffix()}`,
        name: input.Name,
        description: input.Description,
        ...caller,
        createdAt: cloud.now(),
        kafkaVersions: input.KafkaVersions,
        state: "ACTIVE",
        revisions: [],
        tags: {},
      };
      addRevision(cloud, configuration, input.Description, input.ServerProperties);
      cloud.configurations.push(configuration);
      const { Arn, CreationTime, LatestRevision, Name, State } = describe(configuration);
      return { Arn, CreationTime, LatestRevision, Name, State };
    }),
  };
}

function isUsed(cloud: Cloud, arn: string): boolean {
  return cloud.clusters.some(
    (each) => each.kind.type === "PROVISIONED" && each.kind.settings.ConfigurationInfo?.Arn === arn,
  );
}

const byArn = z.object({ Arn: z.string() });

/** Configurations and their revisions. */
export function configurationHandlers(cloud: Cloud): Handlers {
  return {
    ...creation(cloud),
    DescribeConfiguration: handler(byArn, (input) => describe(find(cloud, input.Arn))),
    DescribeConfigurationRevision: handler(z.object({ Arn: z.string(), Revision: z.number() }), (input) => {
      const configuration = find(cloud, input.Arn);
      const revision = configuration.revisions.find((each) => each.revision === input.Revision);
      if (revision === undefined) throw notFound(UNRECORDED.revisionMissing, "revision");
      return { Arn: configuration.arn, ...revisionOf(revision), ServerProperties: revision.properties };
    }),
    ListConfigurations: handler(z.object(paging), (input, caller) => {
      const visible = owned(cloud, caller).filter((each) => cloud.isListed(each.createdAt));
      const { items, NextToken } = page(visible, input);
      return { Configurations: items.map(describe), NextToken };
    }),
    ListConfigurationRevisions: handler(z.object({ ...paging, Arn: z.string() }), (input) => {
      const { items, NextToken } = page(find(cloud, input.Arn).revisions.toReversed(), input);
      return { Revisions: items.map(revisionOf), NextToken };
    }),
    UpdateConfiguration: handler(
      z.object({ Arn: z.string(), Description: z.string().default(""), ServerProperties: bytes }),
      (input) => {
        const configuration = find(cloud, input.Arn);
        refuseIf(propertiesRule(Buffer.from(input.ServerProperties).toString()));
        addRevision(cloud, configuration, input.Description, input.ServerProperties);
        return { Arn: configuration.arn, LatestRevision: latestOf(configuration) };
      },
    ),
    DeleteConfiguration: handler(byArn, (input) => {
      const configuration = find(cloud, input.Arn);
      if (isUsed(cloud, input.Arn)) throw badRequest(UNRECORDED.configurationInUse);
      cloud.configurations.splice(cloud.configurations.indexOf(configuration), 1);
      return { Arn: input.Arn, State: "DELETING" };
    }),
  };
}
