import { FerryError } from "#domain/errors.ts";
import type { Clock } from "#domain/ports.ts";

export type Pace = {
  /** Milliseconds between two sends to one channel, once the burst is used up. */
  readonly everyMs: number;
  readonly burst: number;
};

/** Slack: about one message a second and channel, short bursts (docs.slack.dev/apis/web-api/rate-limits). */
export const slackPace: Pace = { everyMs: 1000, burst: 3 };

type Turn = {
  readonly key: string | undefined;
  run: () => Promise<void>;
  readonly fail: (why: unknown) => void;
};

/** One channel's queue: one turn at a time, in order. */
type Lane = { enter(turn: Turn): void; idle(): Promise<void> };

function createLane(clock: Clock, signal: AbortSignal, pace: Pace): Lane {
  const waiting: Turn[] = [];
  let driver: Promise<void> | undefined;
  let tokens = pace.burst;
  let refilled = clock.now();

  async function takeToken(): Promise<void> {
    const now = clock.now();
    tokens = Math.min(pace.burst, tokens + (now - refilled) / pace.everyMs);
    refilled = now;
    if (tokens < 1) {
      await clock.sleep(Math.ceil((1 - tokens) * pace.everyMs), signal);
      tokens = 1;
      refilled = clock.now();
    }
    tokens -= 1;
  }

  async function drive(): Promise<void> {
    try {
      while (waiting.length > 0) {
        await takeToken();
        await waiting.shift()?.run();
      }
    } catch (cause) {
      const why = new FerryError("E_SLACK", "the connection to Slack was closed before this was sent", {
        cause,
      });
      for (const turn of waiting.splice(0)) turn.fail(why);
    }
    driver = undefined;
  }

  return {
    enter(turn) {
      const firstUpdate = turn.key === undefined ? waiting.findIndex(({ key }) => key !== undefined) : -1;
      if (firstUpdate >= 0) waiting.splice(firstUpdate, 0, turn);
      else waiting.push(turn);
      driver ??= drive();
    },
    async idle() {
      await driver;
    },
  };
}

export type Pacer = {
  /** Sends in order, before any update that waits. */
  send<T>(channel: string, task: () => Promise<T>): Promise<T>;
  /** Sends the newest of the tasks with this key; those it replaces end with it. */
  latest(channel: string, key: string, task: () => Promise<void>): Promise<void>;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
};

/** One send at a time for each channel, at Slack's pace. */
export function createPacer(clock: Clock, signal: AbortSignal, pace: Pace = slackPace): Pacer {
  const lanes = new Map<string, Lane>();
  const updates = new Map<string, { task: () => Promise<void>; promise: Promise<void> }>();

  function laneOf(channel: string): Lane {
    const lane = lanes.get(channel) ?? createLane(clock, signal, pace);
    lanes.set(channel, lane);
    return lane;
  }

  return {
    send<T>(channel: string, task: () => Promise<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      laneOf(channel).enter({ key: undefined, run: () => task().then(resolve, reject), fail: reject });
      return promise;
    },
    latest(channel, key, task) {
      const known = updates.get(key);
      if (known) {
        known.task = task;
        return known.promise;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const entry = { task, promise };
      updates.set(key, entry);
      laneOf(channel).enter({
        key,
        run() {
          updates.delete(key);
          return entry.task().then(resolve, reject);
        },
        fail(why) {
          updates.delete(key);
          reject(why);
        },
      });
      return promise;
    },
    async idle() {
      for (const lane of lanes.values()) await lane.idle();
    },
  };
}
