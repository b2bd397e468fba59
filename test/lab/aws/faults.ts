import { z } from "zod";
import { AwsRefusal } from "./refusal.ts";
import type { Caller } from "./shapes.ts";

const aimed = { operation: z.string().optional(), times: z.int().positive().default(1) };

/**
 * What can go wrong on demand. `operation` limits a fault to one API operation, `times` to so many calls (1 by default);
 * durations are real milliseconds.
 *
 * - `throttle`: 429 TooManyRequestsException, of EC2 503 RequestLimitExceeded.
 * - `error`: any answer.
 * - `delay`: the answer comes late.
 * - `cut`: the connection ends without an answer, `before` the operation was carried out or `after` it.
 * - `fail-create`: the next cluster or replicator created ends in FAILED with this StateInfo.
 * - `fail-update`: the next cluster operation ends in UPDATE_FAILED with this ErrorInfo.
 * - `eventual`: what is created is missing from lists for so long, until cleared.
 * - `cluster-state`: a cluster enters HEALING, MAINTENANCE or REBOOTING_BROKER for so long.
 * - `quota`: another value of a quota, until cleared.
 * - `clear`: forgets all faults.
 */
const faultSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("throttle"), ...aimed }),
  z.strictObject({
    kind: z.literal("error"),
    ...aimed,
    status: z.int().default(500),
    code: z.string(),
    message: z.string(),
  }),
  z.strictObject({ kind: z.literal("delay"), ...aimed, ms: z.number() }),
  z.strictObject({ kind: z.literal("cut"), ...aimed, when: z.enum(["before", "after"]) }),
  z.strictObject({
    kind: z.literal("fail-create"),
    times: aimed.times,
    code: z.string().default("InternalError"),
    message: z.string().default("Cluster creation failed."),
  }),
  z.strictObject({
    kind: z.literal("fail-update"),
    times: aimed.times,
    type: z.string().optional(),
    code: z.string().default("InternalError"),
    message: z.string().default("The cluster operation failed."),
  }),
  z.strictObject({ kind: z.literal("eventual"), ms: z.number() }),
  z.strictObject({
    kind: z.literal("cluster-state"),
    cluster: z.string(),
    state: z.enum(["HEALING", "MAINTENANCE", "REBOOTING_BROKER"]),
    ms: z.number(),
  }),
  z.strictObject({ kind: z.literal("quota"), name: z.string(), value: z.int() }),
  z.strictObject({ kind: z.literal("clear") }),
]);

export type Fault = z.input<typeof faultSchema>;
type Armed = z.output<typeof faultSchema>;
type OneShot = Extract<Armed, { times: number }>;
type Verdict = { delayMs: number; cut: "before" | "after" | undefined; refusal: AwsRefusal | undefined };

export type Faults = {
  arm(fault: unknown): Armed;
  /** What is to happen to this call; uses up what it returns. */
  onCall(service: string, operation: string): Verdict;
  /** Takes the next failure of that kind, if one is armed. */
  take(kind: "fail-create" | "fail-update", type?: string): { code: string; message: string } | undefined;
  /** How long new things are missing from lists, in ms. */
  lagMs(): number;
  quota(name: string): number | undefined;
};

function refusalOf(fault: Armed, service: string): AwsRefusal | undefined {
  if (fault.kind === "error") return new AwsRefusal(fault.status, fault.code, fault.message);
  if (fault.kind !== "throttle") return undefined;
  if (service === "ec2") return new AwsRefusal(503, "RequestLimitExceeded", "Request limit exceeded.");
  return new AwsRefusal(429, "TooManyRequestsException", "Too Many Requests");
}

/** Holds the faults that tests have armed. `arm` throws a ZodError on anything that is not a fault. */
export function createFaults(): Faults {
  let oneShot: OneShot[] = [];
  let lag = 0;
  let quotas = new Map<string, number>();

  function use(fault: OneShot): void {
    fault.times -= 1;
    oneShot = oneShot.filter((other) => other.times > 0);
  }

  function clear(): void {
    oneShot = [];
    lag = 0;
    quotas = new Map();
  }

  return {
    arm(given) {
      const fault = faultSchema.parse(given);
      if ("times" in fault) oneShot.push(fault);
      if (fault.kind === "eventual") lag = fault.ms;
      if (fault.kind === "quota") quotas.set(fault.name, fault.value);
      if (fault.kind === "clear") clear();
      return fault;
    },
    onCall(service, operation) {
      const verdict: Verdict = { delayMs: 0, cut: undefined, refusal: undefined };
      for (const fault of oneShot.slice()) {
        if (fault.kind === "fail-create" || fault.kind === "fail-update") continue;
        if (fault.operation !== undefined && fault.operation !== operation) continue;
        if (verdict.refusal !== undefined || verdict.cut !== undefined) break;
        if (fault.kind === "delay") verdict.delayMs += fault.ms;
        if (fault.kind === "cut") verdict.cut = fault.when;
        verdict.refusal = refusalOf(fault, service);
        use(fault);
      }
      return verdict;
    },
    take(kind, type) {
      const found = oneShot.find(
        (fault) =>
          fault.kind === kind &&
          (fault.kind !== "fail-update" || fault.type === undefined || fault.type === type),
      );
      if (found === undefined || (found.kind !== "fail-create" && found.kind !== "fail-update"))
        return undefined;
      use(found);
      return { code: found.code, message: found.message };
    },
    lagMs: () => lag,
    quota: (name) => quotas.get(name),
  };
}

/** One recorded call; `input` is what was decoded, `code` the error's name where it was refused. */
export type RecordedCall = {
  at: string;
  service: string;
  operation: string;
  caller: Caller;
  input: unknown;
  status: number;
  code: string | undefined;
};
