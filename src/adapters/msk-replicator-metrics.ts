import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import type { ReplicatorMetrics, Sample } from "#domain/mirror/replicator-reading.ts";
import type { Clock, Log } from "#domain/ports.ts";
import { type Known, known, unknown } from "#domain/topology.ts";
import { awsSettings, callAws, parseAnswer } from "./aws.ts";

/** CloudWatch's metrics of a Replicator: msk-replicator-metrics-ref in the MSK developer guide. */

type Query = { readonly id: string; readonly metric: string; readonly stat: "Maximum" | "Sum" };

const queries = {
  messageLag: { id: "lag", metric: "MessageLag", stat: "Sum" },
  replicationLatencyMs: { id: "latency", metric: "ReplicationLatency", stat: "Maximum" },
  replicatorFailure: { id: "failure", metric: "ReplicatorFailure", stat: "Maximum" },
  authErrors: { id: "auth", metric: "AuthError", stat: "Maximum" },
  throttleTimeMs: { id: "throttle", metric: "ThrottleTime", stat: "Maximum" },
} as const satisfies Record<string, Query>;

const reachMs = 15 * 60_000;
const periodSeconds = 60;

const Answer = z.object({
  MetricDataResults: z
    .array(
      z.object({
        Id: z.string(),
        Timestamps: z.array(z.date()).default([]),
        Values: z.array(z.number()).default([]),
      }),
    )
    .default([]),
});

export function createReplicatorMetrics(options: {
  readonly region: string;
  readonly log: Log;
  readonly clock: Pick<Clock, "now">;
}): ReplicatorMetrics {
  const client = new CloudWatchClient(awsSettings(options.region));
  return {
    async read(replicator) {
      const now = options.clock.now();
      const given = await callAws(
        options.log,
        { action: "cloudwatch:GetMetricData", resource: replicator },
        () =>
          client.send(
            new GetMetricDataCommand({
              MetricDataQueries: Object.values(queries).map((query) => queryOf(query, replicator)),
              StartTime: new Date(now - reachMs),
              EndTime: new Date(now + periodSeconds * 1000),
              ScanBy: "TimestampDescending",
            }),
          ),
      );
      const { MetricDataResults: results } = parseAnswer(Answer, given, "metrics");
      const newest = ({ id, metric }: Query): Known<Sample> => {
        const result = results.find(({ Id }) => Id === id);
        const [at, value] = [result?.Timestamps[0], result?.Values[0]];
        if (at !== undefined && value !== undefined) return known({ value, at: at.getTime() });
        return unknown(`CloudWatch has no ${metric} of the last ${reachMs / 60_000} minutes`);
      };
      return {
        messageLag: newest(queries.messageLag),
        replicationLatencyMs: newest(queries.replicationLatencyMs),
        replicatorFailure: newest(queries.replicatorFailure),
        authErrors: newest(queries.authErrors),
        throttleTimeMs: newest(queries.throttleTimeMs),
      };
    },
  };
}

function queryOf({ id, metric, stat }: Query, replicator: string) {
  return {
    Id: id,
    MetricStat: {
      Metric: {
        Namespace: "AWS/Kafka",
        MetricName: metric,
        Dimensions: [{ Name: "ReplicatorName", Value: replicator }],
      },
      Period: periodSeconds,
      Stat: stat,
    },
  };
}
