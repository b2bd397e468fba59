/** What the fake brokers hold, and what is made to go wrong with them. */

export type FakePartition = { leader: number; start: number; end: number; stable: number };

export type FakeGroup = {
  coordinator: number;
  state: string;
  /** Client ids. */
  readonly members: readonly string[];
  /** Topic to committed offset by partition. */
  readonly offsets: ReadonlyMap<string, ReadonlyArray<number | undefined>>;
};

export type Api =
  | "ApiVersions"
  | "Metadata"
  | "FindCoordinator"
  | "ListOffsets"
  | "OffsetFetch"
  | "DescribeGroups"
  | "ListGroups";

/** What of an answer goes wrong. Without topic, partition and group: all of it. */
export type Fault = {
  readonly api: Api;
  readonly broker?: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
  /** How many requests or answered parts; for ever when absent. */
  readonly times?: number;
} & (
  | { readonly error: number }
  /** The answer comes so many milliseconds later. */
  | { readonly delayMs: number }
  /** The connection is closed in place of an answer. */
  | { readonly close: true }
);

/** Where an answer, or a part of it, belongs. */
export type Place = {
  readonly api: Api;
  readonly broker: number;
  readonly topic?: string;
  readonly partition?: number;
  readonly group?: string;
};

export type Model = {
  /** Broker id to port. */
  readonly ports: Map<number, number>;
  readonly down: Set<number>;
  readonly topics: Map<string, FakePartition[]>;
  readonly groups: Map<string, FakeGroup>;
  /** Newest version of OffsetFetch: 8 takes many groups. */
  readonly offsetFetch: number;
  /** The error that a fault puts in this place; 0 for none. */
  readonly errorAt: (place: Place) => number;
};

type Armed = { readonly fault: Fault; left: number };

export type Faults = {
  readonly add: (fault: Fault) => () => void;
  readonly any: () => boolean;
  readonly errorAt: (place: Place) => number;
  readonly delayOf: (place: Place) => number;
  readonly closes: (place: Place) => boolean;
};

export function createFaults(): Faults {
  const armed = new Set<Armed>();

  function take(place: Place, kind: "error" | "delayMs" | "close"): Fault | undefined {
    for (const each of armed) {
      if (each.left <= 0 || !(kind in each.fault) || !isHere(each.fault, place)) continue;
      each.left -= 1;
      return each.fault;
    }
    return undefined;
  }

  return {
    add(fault) {
      const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
      armed.add(entry);
      return () => void armed.delete(entry);
    },
    any: () => armed.size > 0,
    errorAt(place) {
      if (armed.size === 0) return 0;
      const fault = take(place, "error");
      return fault !== undefined && "error" in fault ? fault.error : 0;
    },
    delayOf(place) {
      const fault = take(place, "delayMs");
      return fault !== undefined && "delayMs" in fault ? fault.delayMs : 0;
    },
    closes: (place) => take(place, "close") !== undefined,
  };
}

function isHere(fault: Fault, place: Place): boolean {
  return (
    fault.api === place.api &&
    same(fault.broker, place.broker) &&
    same(fault.topic, place.topic) &&
    same(fault.partition, place.partition) &&
    same(fault.group, place.group)
  );
}

function same<T>(wanted: T | undefined, found: T | undefined): boolean {
  return wanted === undefined || wanted === found;
}
