import { FerryError } from "#domain/errors.ts";
import type { Replicator } from "#domain/mirror/replicator.ts";
import { topicOf } from "#domain/mirror/replicator-rules.ts";
import type { FlowState, FlowStatus } from "#domain/ports.ts";

/** A Replicator as a flow, and what is said when it cannot be one. */

const states: Readonly<Record<Replicator["state"], FlowState>> = {
  CREATING: "starting",
  RUNNING: "running",
  // It is neither certain that it copies now nor that it does not.
  UPDATING: "starting",
  DELETING: "starting",
  FAILED: "failed",
};

/** AWS shows no tasks of a Replicator: it stands for one, with the state that AWS gives it. */
export function statusOf(replicator: Replicator): FlowStatus {
  const { name, state, reason } = replicator;
  const trace = state === "FAILED" ? { trace: reason ?? "AWS gives no reason." } : {};
  return {
    name,
    state: states[state],
    kind: "forward",
    topics: topicsOf(replicator),
    tasks: [{ id: 0, state, worker: "MSK Replicator", ...trace }],
  };
}

/** A pattern of somebody else's stays as it is. */
export function topicsOf({ patterns }: Replicator): readonly string[] {
  return patterns.map((pattern) => topicOf(pattern) ?? pattern);
}

export function absentStatus(name: string): FlowStatus {
  return { name, state: "absent", kind: undefined, topics: [], tasks: [] };
}

/** It was ordered to run, and AWS knows none of its name: deleted from outside, or never created. */
export function vanishedStatus(name: string, topics: readonly string[]): FlowStatus {
  const trace = `AWS has no Replicator ${name}: it was not created, or somebody deleted it.`;
  const task = { id: 0, state: "FAILED", worker: "MSK Replicator", trace };
  return { name, state: "failed", kind: "forward", topics, tasks: [task] };
}

export function unknownFlow(name: string): FerryError {
  return new FerryError("E_REPLICATOR", `There is no Replicator ${name}.`);
}

export function cannot(name: string, why: string): FerryError {
  return new FerryError("E_REPLICATOR", `${name}: ${why}.`);
}
