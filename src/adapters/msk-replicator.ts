import {
  CreateReplicatorCommand,
  DeleteReplicatorCommand,
  DescribeReplicatorCommand,
  KafkaClient,
  paginateListReplicators,
  UpdateReplicationInfoCommand,
} from "@aws-sdk/client-kafka";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Replicator, ReplicatorApi } from "#domain/mirror/replicator.ts";
import type { Log } from "#domain/ports.ts";
import { type AwsCall, awsSettings, callAws, parseAnswer } from "./aws.ts";
import { creationInput, updateInput } from "./msk-replicator-requests.ts";

/** MSK's replicator calls, each answer parsed. */

const Answer = z.object({
  ReplicatorArn: z.string(),
  ReplicatorName: z.string(),
  ReplicatorState: z.enum(["CREATING", "RUNNING", "UPDATING", "DELETING", "FAILED"]),
  StateInfo: z.object({ Code: z.string().optional(), Message: z.string().optional() }).optional(),
  CurrentVersion: z.string().default(""),
  Tags: z.record(z.string(), z.string()).default({}),
  ReplicationInfoList: z
    .array(
      z.object({
        TopicReplication: z.object({ TopicsToReplicate: z.array(z.string()).default([]) }).optional(),
      }),
    )
    .default([]),
});

type Options = { readonly region: string; readonly log: Log };

export function createReplicatorApi({ region, log }: Options): ReplicatorApi {
  const kafka = new KafkaClient(awsSettings(region));
  return { ...reading(kafka, log), ...changing(kafka, log) };
}

function call(operation: string, resource: string, changes = false): AwsCall {
  return { action: `kafka:${operation}`, resource, changes };
}

function reading(kafka: KafkaClient, log: Log): Pick<ReplicatorApi, "describe" | "list"> {
  return {
    describe: (arn) =>
      callAws(
        log,
        call("DescribeReplicator", arn),
        async () => replicatorOf(await kafka.send(new DescribeReplicatorCommand({ ReplicatorArn: arn }))),
        whenNamed("NotFoundException", undefined),
      ),
    list: (prefix) =>
      callAws(log, call("ListReplicators", prefix), async () => {
        const found: Array<{ name: string; arn: string }> = [];
        const pages = paginateListReplicators({ client: kafka }, { ReplicatorNameFilter: prefix });
        for await (const { Replicators = [] } of pages) {
          for (const { ReplicatorName: name, ReplicatorArn: arn } of Replicators) {
            if (name?.startsWith(prefix) === true && arn !== undefined) found.push({ name, arn });
          }
        }
        return found;
      }),
  };
}

function changing(kafka: KafkaClient, log: Log): Pick<ReplicatorApi, "create" | "update" | "remove"> {
  return {
    create: (name, topics, site) =>
      callAws(
        log,
        call("CreateReplicator", name, true),
        async () => {
          const { ReplicatorArn } = await kafka.send(
            new CreateReplicatorCommand(creationInput(name, topics, site)),
          );
          if (ReplicatorArn !== undefined) return ReplicatorArn;
          throw new FerryError("E_INTERNAL", "AWS answered a replicator without ARN.");
        },
        whenNamed("ConflictException", undefined),
      ),
    update: async (replicator, topics, site) => {
      await callAws(log, call("UpdateReplicationInfo", replicator.name, true), () =>
        kafka.send(new UpdateReplicationInfoCommand(updateInput(replicator, topics, site))),
      );
    },
    remove: ({ arn, name, version }) =>
      callAws<void>(
        log,
        call("DeleteReplicator", name, true),
        async () => {
          const input = { ReplicatorArn: arn, ...(version && { CurrentVersion: version }) };
          await kafka.send(new DeleteReplicatorCommand(input));
        },
        whenNamed("NotFoundException", undefined),
      ),
  };
}

/** That error of AWS is an answer. */
function whenNamed<T>(expected: string, answer: T): (name: string) => (() => Promise<T>) | undefined {
  return (name) => (name === expected ? async () => answer : undefined);
}

function replicatorOf(given: unknown): Replicator {
  const answer = parseAnswer(Answer, given, "a replicator");
  const { Code, Message } = answer.StateInfo ?? {};
  const reason = [Code, Message].filter((part) => part !== undefined).join(": ");
  return {
    arn: answer.ReplicatorArn,
    name: answer.ReplicatorName,
    state: answer.ReplicatorState,
    reason: reason === "" ? undefined : reason,
    version: answer.CurrentVersion,
    tags: answer.Tags,
    patterns: answer.ReplicationInfoList.flatMap(
      ({ TopicReplication }) => TopicReplication?.TopicsToReplicate ?? [],
    ),
  };
}
