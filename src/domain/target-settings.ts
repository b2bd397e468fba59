import { z } from "zod";

/** What `ferry.yaml` says of the target, and what either cluster's brokers do not tell of their authorizer. */

/** Type and name, as in ACLs. */
export const Principal = z.string().regex(/^[A-Za-z]+:.+$/, "expected a Kafka principal such as User:ferry");

/** Two settings of brokers that they answer with null, like secrets: `allow.everyone.if.no.acl.found`, `super.users`. */
export const Authorizer = z.strictObject({
  everyoneIfNoAcl: z.boolean().optional(),
  superUsers: z.array(Principal).optional(),
});

const TargetKeys = z.strictObject({
  cluster: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, "expected letters, digits and hyphens, at most 64"),
  region: z.string(),
  auth: z.enum(["iam", "scram", "tls", "unauthenticated"]),
  /** In transit between clients and brokers: MSK's ClientBroker. */
  transit: z.enum(["tls", "tls-plaintext", "plaintext"]).default("tls"),
  scram: z
    .strictObject({ username: z.string(), passwordEnv: z.string(), secretArns: z.array(z.string()) })
    .optional(),
  authorizer: Authorizer.optional(),
  subnets: z.array(z.string()).min(2).max(3),
  securityGroups: z.array(z.string()).min(1),
  /** For auth: tls. ARNs of private certificate authorities. */
  certificateAuthorities: z.array(z.string()).default([]),
  kmsKey: z
    .string()
    .regex(
      /^arn:[\w-]+:kms:[\w-]+:\d+:(?:key|alias)\/.+$/,
      "expected the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/…",
    )
    .optional(),
  /** CloudWatch's, for the brokers' logs. */
  logGroup: z.string().optional(),
  /** Further places for the brokers' logs. */
  logs: z
    .strictObject({
      s3: z.strictObject({ bucket: z.string(), prefix: z.string().optional() }).optional(),
      firehose: z.string().optional(),
    })
    .default({}),
  monitoring: z
    .enum(["DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"])
    .default("DEFAULT"),
  /** Prometheus exporters in the brokers. */
  openMonitoring: z.boolean().default(true),
  /** Volumes of Standard brokers grow by themselves: Application Auto Scaling. */
  storageAutoScaling: z.boolean().default(true),
  shape: z
    .strictObject({
      kind: z.enum(["standard", "express", "serverless"]).optional(),
      instanceType: z.string().optional(),
      brokers: z.int().positive().optional(),
      volumeGiB: z.int().positive().max(16_384).optional(),
      provisionedThroughputMiBs: z.int().positive().optional(),
      kafkaVersion: z.string().optional(),
    })
    .default({}),
  replicationFactor: z.int().min(1).max(3).default(3),
});

export const Target = TargetKeys.refine(({ auth, scram }) => auth !== "scram" || scram !== undefined, {
  path: ["scram"],
  error: "auth: scram needs scram.username, scram.passwordEnv and scram.secretArns",
});
