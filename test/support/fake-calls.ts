/** Calls of a port in memory: each is noted, may be made to fail, and answers later, not at once. */
export type FakeCalls<Call extends string> = {
  readonly calls: Call[];
  readonly answer: <T>(call: Call, work: () => T) => Promise<T>;
  readonly fail: (call: Call, error: Error, times?: number) => void;
  /** Without a name, all of them. */
  readonly heal: (call?: Call) => void;
};

export function createFakeCalls<Call extends string>(): FakeCalls<Call> {
  const failures = new Map<Call, { readonly error: Error; left: number }>();
  const calls: Call[] = [];
  return {
    calls,
    async answer(call, work) {
      calls.push(call);
      await Promise.resolve();
      const failure = failures.get(call);
      if (failure && failure.left > 0) {
        failure.left -= 1;
        throw failure.error;
      }
      return work();
    },
    fail: (call, error, times = Number.POSITIVE_INFINITY) => void failures.set(call, { error, left: times }),
    heal(call) {
      if (call === undefined) failures.clear();
      else failures.delete(call);
    },
  };
}
