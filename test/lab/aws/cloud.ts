import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { ScalableTarget } from "./application-auto-scaling.ts";
import type { Metric } from "./cloudwatch.ts";
import { createFaults, type Faults } from "./faults.ts";
import { QUOTAS, type Quotas } from "./msk-catalogue.ts";
import type { Cluster, ClusterOperation, Configuration } from "./msk-model.ts";
import type { Replicator } from "./msk-replicators.ts";
import { badRequest, ec2Refusal } from "./refusal.ts";
import type { Caller, Handler, Shape } from "./shapes.ts";
import type { World } from "./world.ts";

export type PeeringCode =
  | "initiating-request"
  | "pending-acceptance"
  | "provisioning"
  | "active"
  | "failed"
  | "expired"
  | "rejected"
  | "deleting"
  | "deleted";

export type Peering = {
  id: string;
  requesterVpc: string;
  accepterVpc: string;
  accepterAccount: string;
  accepterRegion: string;
  requesterAccount: string;
  requesterRegion: string;
  createdAt: number;
  expiresAt: number;
  code: PeeringCode;
  message: string;
  /** The state that follows by itself, and when (ms). */
  next: { at: number; code: PeeringCode; message: string } | undefined;
  /** When it disappears from the lists, in ms. */
  goneAt: number | undefined;
  requesterDns: boolean;
  accepterDns: boolean;
  /** Each account and Region has its own on the same connection: the requester's, the accepter's. */
  tags: { [key: string]: string };
  accepterTags: { [key: string]: string };
};

/** Everything the stand-in knows. Times are in ms of its own clock. */
export type Cloud = {
  world: World;
  clusters: Cluster[];
  operations: ClusterOperation[];
  configurations: Configuration[];
  replicators: Replicator[];
  metrics: Metric[];
  scalableTargets: ScalableTarget[];
  peerings: Peering[];
  faults: Faults;
  bootstrap: string;
  now(): number;
  /** Moves the clock forward. */
  advance(ms: number): void;
  /** Real minutes as ms of the lab's clock. */
  minutes(real: number): number;
  quota(name: keyof Quotas): number;
  /** Whether something created at that time is already in lists. */
  isListed(createdAt: number): boolean;
};

export type CloudOptions = { world: World; bootstrap: string; timeScale: number; now: () => number };

export function createCloud(options: CloudOptions): Cloud {
  const faults = createFaults();
  let offset = 0;
  const now = (): number => options.now() + offset;
  return {
    world: options.world,
    clusters: [],
    operations: [],
    configurations: [],
    replicators: [],
    metrics: [],
    scalableTargets: [],
    peerings: [],
    faults,
    bootstrap: options.bootstrap,
    now,
    advance(ms) {
      offset += ms;
    },
    minutes: (real) => real * 60_000 * options.timeScale,
    quota: (name) => faults.quota(name) ?? QUOTAS[name],
    isListed: (createdAt) => now() >= createdAt + faults.lagMs(),
  };
}

/** A handler that has its input parsed first: what the codec let through but the handler cannot use is a 400. */
export function handler<T>(
  schema: z.ZodType<T>,
  run: (input: T, caller: Caller) => Shape | Promise<Shape>,
): Handler {
  return (input, caller) => run(schema.parse(input), caller);
}

/** Hexadecimal id of EC2's form, for instance `pcx-0a1b2c3d4e5f67890`. */
export function ec2Id(prefix: string): string {
  return `${prefix}-0${randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

/** An opaque cluster version of MSK's form, for instance `K3AEGXETSR30VB`. */
export function clusterVersion(): string {
  return `K${randomUUID().replaceAll("-", "").toUpperCase().slice(0, 13)}`;
}

/** Last part of an MSK ARN: a UUID and a small number. */
export function mskSuffix(): string {
  return `${randomUUID()}-${1 + Math.floor(Math.random() * 25)}`;
}

function offsetOf(token: string | undefined, refuse: () => Error): number {
  if (token === undefined) return 0;
  const match = /^at:(\d+)$/.exec(Buffer.from(token, "base64url").toString());
  if (match === null) throw refuse();
  return Number(match[1]);
}

/** One page of a list, with the token of the next. */
export function page<T>(
  items: readonly T[],
  ask: { MaxResults?: number | undefined; NextToken?: string | undefined },
  service: "msk" | "ec2" = "msk",
): { items: T[]; NextToken: string | undefined } {
  const refuse = (): Error =>
    service === "msk"
      ? badRequest("The NextToken is not valid.", "nextToken")
      : ec2Refusal("InvalidNextToken", "The specified next token is not valid.");
  const from = offsetOf(ask.NextToken, refuse);
  const to = from + (ask.MaxResults ?? (service === "msk" ? 100 : 1000));
  const more = to < items.length;
  return {
    items: items.slice(from, to),
    NextToken: more ? Buffer.from(`at:${to}`).toString("base64url") : undefined,
  };
}

/** Members that every paged request may have. */
export const paging = { MaxResults: z.number().min(1).optional(), NextToken: z.string().optional() };
