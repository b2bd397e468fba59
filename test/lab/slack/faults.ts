import { z } from "zod";

/** What goes wrong next, `times` times. With `method` (or `status429`, `error`): Web API calls; else: events to the app. */
export const faultRules = z.object({
  /** The delivery, or the answer to the call, comes this much later. */
  delayMs: z.number().min(0).optional(),
  /** Retry-After in seconds; true is one second. */
  status429: z.union([z.boolean(), z.number().int().min(0)]).optional(),
  /** The event is never delivered; the call is carried out, but its answer is lost. */
  drop: z.boolean().optional(),
  duplicate: z.boolean().optional(),
  /** The event is held until the next one was sent. */
  reorder: z.boolean().optional(),
  /** Sockets: Slack's notice and close; `kill` is a cut without notice. Happens at once. */
  disconnect: z
    .union([
      z.boolean(),
      z.enum(["warning", "refresh_requested", "link_disabled", "too_many_websockets", "kill"]),
    ])
    .optional(),
  /** The call is refused with this Slack error. */
  error: z.string().optional(),
  /** A Web API method, or `*`. */
  method: z.string().optional(),
  /** Only events of this type. */
  event: z.string().optional(),
  times: z.number().int().min(1).default(1),
});

export type Fault = z.output<typeof faultRules>;

export type Faults = ReturnType<typeof createFaults>;

/** Faults waiting to happen, first in, first out. */
export function createFaults() {
  let waiting: Fault[] = [];

  function take(fits: (fault: Fault) => boolean): Fault | undefined {
    const fault = waiting.find(fits);
    if (!fault) return undefined;
    fault.times -= 1;
    if (fault.times === 0) waiting = waiting.filter((one) => one !== fault);
    return fault;
  }

  return {
    add: (fault: Fault): void => void waiting.push({ ...fault }),
    clear: (): void => void (waiting = []),
    list: (): readonly Fault[] => waiting,
    forCall: (method: string) =>
      take((fault) => isForCalls(fault) && [undefined, "*", method].includes(fault.method)),
    forEvent: (type: string) =>
      take((fault) => !isForCalls(fault) && [undefined, type].includes(fault.event)),
  };
}

function isForCalls(fault: Fault): boolean {
  return fault.method !== undefined || fault.status429 !== undefined || fault.error !== undefined;
}
