import { FerryError } from "#domain/errors.ts";
import type { Msk, MskCluster, StorageScaling } from "#domain/msk.ts";

type Call = <T>(name: string, carryOut: () => T) => Promise<T>;

export type FakeScaling = {
  readonly methods: Pick<Msk, "storageScaling" | "registerStorage" | "putStoragePolicy">;
  /** What somebody registered by hand. */
  put(arn: string, scaling: Partial<StorageScaling>): void;
};

function refused(sentence: string): FerryError {
  return new FerryError("E_AWS_REFUSED", sentence);
}

/** Application Auto Scaling in memory. */
export function createFakeScaling(clusterOf: (arn: string) => MskCluster, call: Call): FakeScaling {
  const registered = new Map<string, StorageScaling>();
  const nothing = { minGiB: 1, maxGiB: 1000, isSuspended: false, policies: [], tags: {} };
  return {
    put: (arn, scaling) => void registered.set(arn, { ...nothing, ...scaling }),
    methods: {
      storageScaling: (arn) => call("storageScaling", () => registered.get(arn)),
      registerStorage: (arn, capacity) =>
        call("registerStorage", () => {
          if (clusterOf(arn).kind !== "standard") throw refused("Only volumes of Standard brokers scale.");
          if (capacity.minGiB > capacity.maxGiB)
            throw refused("Maximum capacity cannot be less than minimum.");
          if (!registered.has(arn)) registered.set(arn, { ...nothing, ...capacity });
        }),
      putStoragePolicy: (arn, policy) =>
        call("putStoragePolicy", () => {
          const found = registered.get(arn);
          if (found === undefined) throw refused(`No scalable target registered for ${arn}.`);
          const others = found.policies.filter(({ name }) => name !== policy.name);
          registered.set(arn, { ...found, policies: [...others, policy] });
        }),
    },
  };
}
