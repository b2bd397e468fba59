import {
  CreateReplicatorCommand,
  type CreateReplicatorCommandInput,
  DeleteReplicatorCommand,
  DescribeReplicatorCommand,
  KafkaClient,
  paginateListReplicators,
  UpdateReplicationInfoCommand,
  type UpdateReplicationInfoCommandInput,
} from "@aws-sdk/client-kafka";
import { z } from "zod";
import { FerryError } from "#domain/errors.ts";
import type { Log } from "#domain/ports.ts";
import { awsSettings, callAws, parseAnswer } from "../aws.ts";

/** MSK's replicator calls, each answer parsed. Errors: `E_AWS_*`, with AWS's own sentence. */

export type Replicator = {
  readonly arn: string;
  readonly name: string;
  readonly state: "CREATING" | "RUNNING" | "UPDATING" | "DELETING" | "FAILED";
  /** Why it is FAILED, in AWS's words. */
  readonly reason: string | undefined;
  /** Needed for every update; changes with each. */
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Regular expressions. */
  readonly patterns: readonly string[];
};

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

export type ReplicatorApi = {
  /** `undefined`: there is none of this ARN. */
  describe(arn: string): Promise<Replicator | undefined>;
  /** Name and ARN of those whose name begins so. What was created moments ago may be missing. */
  list(prefix: string): Promise<ReadonlyArray<{ readonly name: string; readonly arn: string }>>;
  /** ARN of the new one; `undefined`: one of this name exists already. It is CREATING for about half an hour. */
  create(input: CreateReplicatorCommandInput): Promise<string | undefined>;
  update(input: UpdateReplicationInfoCommandInput): Promise<void>;
  remove(replicator: Replicator): Promise<void>;
};

export function createReplicatorApi({
  region,
  log,
}: {
  readonly region: string;
  readonly log: Log;
}): ReplicatorApi {
  const kafka = new KafkaClient(awsSettings(region));
  const call = (operation: string, resource: string, changes = false) => ({
    action: `kafka:${operation}`,
    resource,
    changes,
  });
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
    create: (input) =>
      callAws(
        log,
        call("CreateReplicator", input.ReplicatorName ?? "", true),
        async () => {
          const { ReplicatorArn } = await kafka.send(new CreateReplicatorCommand(input));
          if (ReplicatorArn === undefined) {
            throw new FerryError("E_INTERNAL", "AWS answered a replicator without ARN.");
          }
          return ReplicatorArn;
        },
        whenNamed("ConflictException", undefined),
      ),
    update: async (input) => {
      await callAws(log, call("UpdateReplicationInfo", input.ReplicatorArn ?? "", true), () =>
        kafka.send(new UpdateReplicationInfoCommand(input)),
      );
    },
    remove: (replicator) =>
      callAws<void>(
        log,
        call("DeleteReplicator", replicator.name, true),
        async () => {
          const { arn, version } = replicator;
          await kafka.send(
            new DeleteReplicatorCommand({ ReplicatorArn: arn, ...(version && { CurrentVersion: version }) }),
          );
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
