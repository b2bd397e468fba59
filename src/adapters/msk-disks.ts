import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import { asFerryError } from "#domain/errors.ts";
import type { Msk } from "#domain/msk.ts";
import type { Clock, Log } from "#domain/ports.ts";
import { known, unknown } from "#domain/topology.ts";
import { awsSettings, callAws, parseAnswer } from "./aws.ts";

/** What MSK's brokers say of their own volumes: `KafkaDataLogsDiskUsed`, a percentage, told at every level of monitoring. */

const metric = "KafkaDataLogsDiskUsed";
const reachMs = 15 * 60_000;
const periodSeconds = 60;
/** Queries that one GetMetricData takes. */
const queriesPerCall = 500;

const Answer = z.object({
  MetricDataResults: z
    .array(z.object({ Id: z.string(), Values: z.array(z.number()).default([]) }))
    .default([]),
});

/** Never fails: without the right to ask CloudWatch there are the sizes of logs. */
export function createMskDisks({
  region,
  log,
  clock,
}: {
  readonly region: string;
  readonly log: Log;
  readonly clock: Pick<Clock, "now">;
}): Pick<Msk, "diskUsed"> {
  const client = new CloudWatchClient(awsSettings(region));

  async function newest(cluster: string, brokers: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const now = clock.now();
    const given = await callAws(log, { action: "cloudwatch:GetMetricData", resource: cluster }, () =>
      client.send(
        new GetMetricDataCommand({
          MetricDataQueries: brokers.map((broker) => queryOf(cluster, broker)),
          StartTime: new Date(now - reachMs),
          EndTime: new Date(now + periodSeconds * 1000),
          ScanBy: "TimestampDescending",
        }),
      ),
    );
    const { MetricDataResults: results } = parseAnswer(Answer, given, "metrics");
    return new Map(
      results.flatMap(({ Id, Values: [value] }) =>
        value === undefined ? [] : [[Number(Id.slice(1)), value] as const],
      ),
    );
  }

  return {
    async diskUsed({ name, brokers }) {
      const ids = Array.from({ length: brokers }, (_, at) => at + 1);
      const found = new Map<number, number>();
      try {
        for (let from = 0; from < ids.length; from += queriesPerCall) {
          for (const [id, used] of await newest(name, ids.slice(from, from + queriesPerCall)))
            found.set(id, used);
        }
      } catch (thrown) {
        return unknown(asFerryError(thrown).message);
      }
      const silent = ids.filter((id) => !found.has(id));
      const [first] = silent;
      if (first !== undefined) {
        return unknown(
          `CloudWatch has no ${metric} of broker ${first} in the last ${reachMs / 60_000} minutes`,
        );
      }
      const [fullest] = [...found].sort(([, a], [, b]) => b - a);
      return fullest === undefined
        ? unknown("it has no brokers")
        : known({ broker: fullest[0], percent: fullest[1] });
    },
  };
}

function queryOf(cluster: string, broker: number) {
  const Dimensions = [
    { Name: "Cluster Name", Value: cluster },
    { Name: "Broker ID", Value: String(broker) },
  ];
  return {
    Id: `b${broker}`,
    MetricStat: {
      Metric: { Namespace: "AWS/Kafka", MetricName: metric, Dimensions },
      Period: periodSeconds,
      Stat: "Maximum",
    },
  };
}
