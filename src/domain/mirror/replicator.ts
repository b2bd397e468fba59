import type { ReplicatorSettings } from "#domain/replicator-settings.ts";

/** MSK's replicator calls as the engine sees them: the port, and what goes over it. Source: @aws-sdk/client-kafka 3.1169. */

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

/** The two clusters that a Replicator joins, and who it is to them. */
export type ReplicatorSite = {
  readonly migration: string;
  readonly settings: ReplicatorSettings;
  /** The source's cluster id; AWS compares it with what the brokers say. */
  readonly sourceId: string;
  /** Its TLS listener. */
  readonly bootstrap: readonly string[];
  readonly targetArn: string;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
};

/** Errors: `E_AWS_*`, with AWS's own sentence. */
export type ReplicatorApi = {
  /** `undefined`: there is none of this ARN. */
  describe(arn: string): Promise<Replicator | undefined>;
  /** Name and ARN of those whose name begins so. What was created moments ago may be missing. */
  list(prefix: string): Promise<ReadonlyArray<{ readonly name: string; readonly arn: string }>>;
  /** ARN of the new one; `undefined`: one of this name exists already. It is CREATING for about half an hour. */
  create(name: string, topics: readonly string[], site: ReplicatorSite): Promise<string | undefined>;
  /** These topics and no others from then on; UPDATING for some minutes. */
  update(replicator: Replicator, topics: readonly string[], site: ReplicatorSite): Promise<void>;
  remove(replicator: Replicator): Promise<void>;
};
