import { FerryError } from "#domain/errors.ts";

/** Questions to one broker that travel together. */
export type Lane<Q, A> = {
  /** Answered by a request that is sent after this call. */
  readonly ask: (question: Q) => Promise<A>;
};

export type LaneOptions<Q, A> = {
  /** Sends one request; answers in the order of the questions. What it throws, all of them get. */
  readonly send: (questions: readonly Q[]) => Promise<readonly A[]>;
  /** Questions of equal key never share a request; they keep their order. */
  readonly key: (question: Q) => unknown;
  readonly weight: (question: Q) => number;
  /** Questions in one request. */
  readonly most: number;
  /** Sum of weights in one request; a single heavier question goes alone. */
  readonly heaviest: number;
  /** Requests without an answer at a time. */
  readonly atOnce: number;
};

type Waiting<Q, A> = {
  readonly question: Q;
  readonly resolve: (answer: A) => void;
  readonly reject: (thrown: unknown) => void;
};

/**
 * Gathers what is asked in the same turn of the event loop, and, while `atOnce` requests are under way, what is asked
 * meanwhile. A lone question waits for nothing but the end of the turn.
 */
export function createLane<Q, A>(options: LaneOptions<Q, A>): Lane<Q, A> {
  const queues = new Map<unknown, Array<Waiting<Q, A>>>();
  let running = 0;
  let due = false;

  function schedule(): void {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      while (running < options.atOnce && queues.size > 0) void run(take(queues, options));
    });
  }

  async function run(batch: ReadonlyArray<Waiting<Q, A>>): Promise<void> {
    running += 1;
    try {
      const answers = await options.send(batch.map(({ question }) => question));
      if (answers.length !== batch.length) {
        const text = `A request for ${batch.length} questions brought ${answers.length} answers.`;
        throw new FerryError("E_INTERNAL", text);
      }
      for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer);
    } catch (thrown) {
      for (const { reject } of batch) reject(thrown);
    } finally {
      running -= 1;
      if (queues.size > 0) schedule();
    }
  }

  return {
    ask(question) {
      const { promise, resolve, reject } = Promise.withResolvers<A>();
      const key = options.key(question);
      const queue = queues.get(key);
      if (queue) queue.push({ question, resolve, reject });
      else queues.set(key, [{ question, resolve, reject }]);
      schedule();
      return promise;
    },
  };
}

/** The first of each key, up to the limits; what else waits for the key goes to the back. */
function take<Q, A>(
  queues: Map<unknown, Array<Waiting<Q, A>>>,
  { most, heaviest, weight }: LaneOptions<Q, A>,
): ReadonlyArray<Waiting<Q, A>> {
  const batch: Array<Waiting<Q, A>> = [];
  const again: Array<[unknown, Array<Waiting<Q, A>>]> = [];
  let total = 0;
  for (const [key, queue] of queues) {
    const [first] = queue;
    if (!first) continue;
    total += weight(first.question);
    if (batch.length >= most || (batch.length > 0 && total > heaviest)) break;
    queue.shift();
    queues.delete(key);
    if (queue.length > 0) again.push([key, queue]);
    batch.push(first);
  }
  for (const [key, queue] of again) queues.set(key, queue);
  return batch;
}
