import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as scalingModel from "@aws-sdk/client-application-auto-scaling";
import * as cloudWatchModel from "@aws-sdk/client-cloudwatch";
import * as ec2Model from "@aws-sdk/client-ec2";
import * as kafkaModel from "@aws-sdk/client-kafka";
import type { z } from "zod";
import { scalingHandlers } from "./application-auto-scaling.ts";
import { type Cloud, createCloud } from "./cloud.ts";
import { cloudWatchHandlers, metricSchema } from "./cloudwatch.ts";
import { type Answer, answerQuery, answerRest, answerTarget, CUT, type StandIn } from "./dispatch.ts";
import { pathHandlers } from "./ec2-paths.ts";
import { peeringHandlers, settlePeerings } from "./ec2-peering.ts";
import { routeHandlers } from "./ec2-routes.ts";
import { securityGroupHandlers } from "./ec2-security-groups.ts";
import { vpcHandlers } from "./ec2-vpcs.ts";
import type { Fault, RecordedCall } from "./faults.ts";
import { clusterHandlers } from "./msk-clusters.ts";
import { configurationHandlers } from "./msk-configurations.ts";
import { operationHandlers, settleClusters } from "./msk-operations.ts";
import { policyHandlers } from "./msk-policies.ts";
import { readingHandlers } from "./msk-reading.ts";
import { replicatorHandlers, settleReplicators } from "./msk-replicators.ts";
import { createTopics } from "./msk-topics.ts";
import { updateHandlers } from "./msk-updates.ts";
import { type Handlers, isShape, operationsOf, type Shape } from "./shapes.ts";
import { defaultWorld, type World } from "./world.ts";

/** Creating a cluster (30 min on AWS) takes 2 s. */
const LAB_TIME_SCALE = 1 / 900;

export type AwsOptions = {
  /** 0 or absent: any free port of the loopback. */
  port?: number;
  /** host:port of the real target broker, answered by GetBootstrapBrokers. */
  bootstrap: string;
  /** Factor on AWS's durations: 1 is real time, 1/900 the default. */
  timeScale?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  world?: Partial<World>;
  log?: (line: string) => void;
};

export type AwsStandIn = {
  url: string;
  stop(): Promise<void>;
  control: Control;
};

type Control = {
  /** Arms a fault; throws a ZodError on anything that is not one. */
  fault(fault: Fault): void;
  calls(): RecordedCall[];
  /** A reading for CloudWatch to answer; throws a ZodError on anything that is not one. */
  metric(metric: z.input<typeof metricSchema>): void;
  /** Everything the stand-in knows, settled to the moment. */
  state(): Shape;
  /** Moves the stand-in's clock forward, in ms. */
  advance(ms: number): void;
};

function stateOf(standIn: StandIn): Shape {
  const { cloud } = standIn;
  settleClusters(cloud);
  settleReplicators(cloud);
  settlePeerings(cloud);
  const { clusters, operations, configurations, replicators, scalableTargets, peerings, world } = cloud;
  const shown = configurations.map((each) => ({
    ...each,
    revisions: each.revisions.map((one) => ({ ...one, properties: Buffer.from(one.properties).toString() })),
  }));
  return {
    now: cloud.now(),
    clusters,
    operations,
    configurations: shown,
    replicators,
    scalableTargets,
    peerings,
    world,
  };
}

function setClusterState(
  cloud: Cloud,
  name: string,
  state: "HEALING" | "MAINTENANCE" | "REBOOTING_BROKER",
  ms: number,
): void {
  const cluster = cloud.clusters.find((each) => each.name === name || each.arn === name);
  if (cluster === undefined) throw new Error(`no cluster ${name}`);
  cluster.state = state;
  cluster.settlesAt = cloud.now() + ms;
}

/** The controls as the HTTP side uses them: a fault from outside is anything until it is parsed. */
type OuterControl = Omit<Control, "fault" | "metric"> & {
  fault(fault: unknown): void;
  metric(metric: unknown): void;
};

function controlOf(standIn: StandIn): OuterControl {
  return {
    fault(given: unknown) {
      const fault = standIn.cloud.faults.arm(given);
      if (fault.kind === "cluster-state")
        setClusterState(standIn.cloud, fault.cluster, fault.state, fault.ms);
    },
    metric(given: unknown) {
      const metric = metricSchema.parse(given);
      standIn.cloud.metrics.push({ ...metric, at: metric.at ?? standIn.cloud.now() });
    },
    calls: () => standIn.calls,
    state: () => stateOf(standIn),
    advance: (ms) => standIn.cloud.advance(ms),
  };
}

function mskHandlers(cloud: Cloud): Handlers {
  return {
    ...clusterHandlers(cloud),
    ...configurationHandlers(cloud),
    ...operationHandlers(cloud),
    ...updateHandlers(cloud),
    ...readingHandlers(cloud),
    ...policyHandlers(cloud),
    ...replicatorHandlers(cloud),
  };
}

function ec2Handlers(cloud: Cloud): Handlers {
  return {
    ...vpcHandlers(cloud),
    ...pathHandlers(cloud),
    ...routeHandlers(cloud),
    ...securityGroupHandlers(cloud),
    ...peeringHandlers(cloud),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  return text;
}

function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value), headers: { "content-type": "application/json" } };
}

/** The same controls for tests in other processes. */
function answerControl(control: OuterControl, path: string, text: string): Answer {
  try {
    if (path === "/_control/calls") return json(200, control.calls());
    if (path === "/_control/state") return json(200, control.state());
    const body: unknown = JSON.parse(text);
    if (path === "/_control/fault") control.fault(body);
    else if (path === "/_control/metric") control.metric(body);
    else if (path === "/_control/advance" && isShape(body)) control.advance(Number(body["ms"]));
    else return json(404, { message: `no control ${path}` });
    return json(200, {});
  } catch (error) {
    return json(400, { message: error instanceof Error ? error.message : String(error) });
  }
}

async function answer(
  standIn: StandIn,
  control: OuterControl,
  message: IncomingMessage,
): Promise<Answer | typeof CUT> {
  const url = new URL(message.url ?? "/", "http://stand-in");
  const text = await bodyOf(message);
  if (url.pathname.startsWith("/_control/")) return answerControl(control, url.pathname, text);
  const requestId = randomUUID();
  const target = message.headers["x-amz-target"];
  if (typeof target === "string") return answerTarget(standIn, message, target, text, requestId);
  const form = new URLSearchParams(text);
  if (url.pathname === "/" && form.has("Action")) return answerQuery(standIn, message, form, requestId);
  return answerRest(standIn, message, url, text, requestId);
}

function send(response: ServerResponse, given: Answer | typeof CUT): void {
  if (given === CUT) {
    response.destroy();
    return;
  }
  response.writeHead(given.status, { ...given.headers, "x-amzn-requestid": randomUUID() });
  response.end(given.body);
}

/**
 * Starts an MSK- and EC2-shaped control plane on the loopback. SDK clients reach it with `endpoint` or with
 * AWS_ENDPOINT_URL_KAFKA, _EC2, _CLOUDWATCH and _APPLICATION_AUTO_SCALING set to its url.
 */
export async function startAws(options: AwsOptions): Promise<AwsStandIn> {
  const cloud = createCloud({
    world: { ...defaultWorld(), ...options.world },
    bootstrap: options.bootstrap,
    timeScale: options.timeScale ?? LAB_TIME_SCALE,
    now: options.now ?? Date.now,
  });
  const topics = createTopics(cloud);
  const log = options.log ?? (() => undefined);
  const standIn: StandIn = {
    cloud,
    calls: [],
    kafka: { operations: operationsOf(kafkaModel), handlers: { ...mskHandlers(cloud), ...topics.handlers } },
    ec2: { operations: operationsOf(ec2Model), handlers: ec2Handlers(cloud) },
    cloudwatch: { operations: operationsOf(cloudWatchModel), handlers: cloudWatchHandlers(cloud) },
    "application-autoscaling": { operations: operationsOf(scalingModel), handlers: scalingHandlers(cloud) },
    log,
  };
  const control = controlOf(standIn);
  const server = createServer((message, response) => {
    answer(standIn, control, message).then(
      (given) => send(response, given),
      (error: unknown) => {
        log(`stand-in failed: ${error instanceof Error ? error.stack : String(error)}`);
        send(response, json(500, { message: String(error) }));
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stand-in has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    control,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await topics.close();
    },
  };
}
