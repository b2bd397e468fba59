import { z } from "zod";
import { type Cloud, handler } from "./cloud.ts";
import { badRequest } from "./refusal.ts";
import type { Handlers, Shape } from "./shapes.ts";

/** CloudWatch's GetMetricData over the readings that a test has put in; nothing is measured here. */

export const metricSchema = z.strictObject({
  namespace: z.string().default("AWS/Kafka"),
  name: z.string(),
  dimensions: z.record(z.string(), z.string()),
  value: z.number(),
  /** Milliseconds of the stand-in's clock; now when absent. */
  at: z.number().optional(),
});
export type Metric = z.infer<typeof metricSchema> & { at: number };

/** Most queries of one GetMetricData. */
const mostQueries = 500;

const dimension = z.object({ Name: z.string(), Value: z.string() });
const stat = z.object({
  Metric: z.object({
    Namespace: z.string(),
    MetricName: z.string(),
    Dimensions: z.array(dimension).default([]),
  }),
  Period: z.number().int().positive(),
  Stat: z.enum(["Average", "Sum", "Maximum", "Minimum", "SampleCount"]),
});
const query = z.object({
  Id: z.string().regex(/^[a-z][a-zA-Z0-9_]*$/),
  MetricStat: stat,
  ReturnData: z.boolean().default(true),
});
const input = z.object({
  MetricDataQueries: z.array(query).min(1),
  StartTime: z.date(),
  EndTime: z.date(),
  ScanBy: z.enum(["TimestampDescending", "TimestampAscending"]).default("TimestampDescending"),
});
type Input = z.infer<typeof input>;

function isOf(metric: Metric, { Metric: wanted }: z.infer<typeof stat>): boolean {
  const names = Object.keys(metric.dimensions);
  return (
    metric.namespace === wanted.Namespace &&
    metric.name === wanted.MetricName &&
    names.length === wanted.Dimensions.length &&
    wanted.Dimensions.every(({ Name, Value }) => metric.dimensions[Name] === Value)
  );
}

const reduce = {
  Average: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length,
  Sum: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0),
  Maximum: (values: readonly number[]) => Math.max(...values),
  Minimum: (values: readonly number[]) => Math.min(...values),
  SampleCount: (values: readonly number[]) => values.length,
} as const;

function resultOf(cloud: Cloud, { StartTime, EndTime, ScanBy }: Input, one: z.infer<typeof query>): Shape {
  const width = one.MetricStat.Period * 1000;
  const buckets = new Map<number, number[]>();
  for (const metric of cloud.metrics) {
    if (!isOf(metric, one.MetricStat)) continue;
    if (metric.at < StartTime.getTime() || metric.at >= EndTime.getTime()) continue;
    const from = Math.floor(metric.at / width) * width;
    buckets.set(from, [...(buckets.get(from) ?? []), metric.value]);
  }
  const times = [...buckets.keys()].sort((a, b) => (ScanBy === "TimestampAscending" ? a - b : b - a));
  const { MetricName } = one.MetricStat.Metric;
  return {
    Id: one.Id,
    Label: MetricName,
    // Seconds: this protocol's form of a time.
    Timestamps: times.map((time) => time / 1000),
    Values: times.map((time) => reduce[one.MetricStat.Stat](buckets.get(time) ?? [])),
    StatusCode: "Complete",
  };
}

export function cloudWatchHandlers(cloud: Cloud): Handlers {
  return {
    GetMetricData: handler(input, (asked) => {
      if (asked.MetricDataQueries.length > mostQueries) {
        throw badRequest(
          `The collection MetricDataQueries must not have a size greater than ${mostQueries}.`,
        );
      }
      if (asked.StartTime >= asked.EndTime) {
        throw badRequest("The parameter StartTime must be less than the parameter EndTime.");
      }
      const shown = asked.MetricDataQueries.filter(({ ReturnData }) => ReturnData);
      return { MetricDataResults: shown.map((one) => resultOf(cloud, asked, one)), Messages: [] };
    }),
  };
}
