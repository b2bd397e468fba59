import { z } from "zod";

/** The section `replication.replicator` of ferry.yaml: what MSK Replicator needs beside source and target. */

const HostPort = z.string().regex(/^[^\s:]+:\d{1,5}$/, "expected host:port");

const SecretArn = z
  .string()
  .regex(
    /^arn:aws[\w-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$/,
    "expected the ARN of a secret, arn:aws:secretsmanager:…",
  );

const RoleArn = z
  .string()
  .regex(/^arn:aws[\w-]*:iam::\d{12}:role\/\S+$/, "expected the ARN of a role, arn:aws:iam::…:role/…");

export const ReplicatorSettings = z.strictObject({
  /** Trusts kafka.amazonaws.com; has AWSMSKReplicatorExecutionRole and may read the secrets. */
  role: RoleArn,
  /** The source's TLS listener, where it is not `source.bootstrap`. */
  bootstrap: z.array(HostPort).min(1).optional(),
  /** How the Replicator authenticates to the source; this or `mtls`. */
  scram: z.strictObject({ mechanism: z.enum(["SHA256", "SHA512"]), secretArn: SecretArn }).optional(),
  mtls: z.strictObject({ secretArn: SecretArn }).optional(),
  /** The source's certificate authority, where it is not a public one. */
  caSecretArn: SecretArn.optional(),
  /** Subnets from which the source can be reached; those of `target` when absent. */
  subnets: z.array(z.string()).min(2).max(3).optional(),
  securityGroups: z.array(z.string()).min(1).optional(),
  compression: z.enum(["NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"]).default("NONE"),
  /** CloudWatch log group of the Replicator's own log. */
  logGroup: z.string().optional(),
});
export type ReplicatorSettings = z.infer<typeof ReplicatorSettings>;
